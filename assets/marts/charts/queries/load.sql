-- Made by docs/queries.py: backlog-elt metrics upcoming_hours --by person_id --by person --by week
SELECT
  user_id AS person_id,
  user_name AS person,
  week AS week,
  SUM(hours) AS upcoming_hours
FROM mart.upcoming_load
GROUP BY
  week,
  user_name,
  user_id
