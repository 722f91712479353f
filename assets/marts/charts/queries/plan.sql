-- Made by docs/queries.py: backlog-elt metrics planned_hours worked_hours --by month
SELECT
  month AS month,
  SUM(planned_hours) AS planned_hours,
  SUM(actual_hours) AS worked_hours
FROM mart.plan_actual_monthly
GROUP BY
  month
