-- Made by docs/queries.py: backlog-elt metrics overdue_issues --by assignee_id --by assignee --by days_overdue
SELECT
  assignee_id AS assignee_id,
  assignee AS assignee,
  days_overdue AS days_overdue,
  SUM(CASE WHEN is_overdue THEN 1 ELSE 0 END) AS overdue_issues
FROM mart.issue_now
GROUP BY
  assignee,
  assignee_id,
  days_overdue
