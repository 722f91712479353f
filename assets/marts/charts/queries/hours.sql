-- Made by docs/queries.py: backlog-elt metrics hours --by month --by person_id --by person
SELECT
  CAST(DATE_TRUNC('MONTH', work_date) AS DATE) AS month,
  user_id AS person_id,
  user_name AS person,
  SUM(hours) AS hours
FROM mart.hours_ledger
WHERE
  NOT is_deleted
GROUP BY
  CAST(DATE_TRUNC('MONTH', work_date) AS DATE),
  user_name,
  user_id
