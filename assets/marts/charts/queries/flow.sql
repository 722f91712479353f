-- Made by docs/queries.py: backlog-elt metrics issues_in_stage --by space --by project --by day --by stage
SELECT
  space_key AS space,
  project_key AS project,
  CAST(day AS DATE) AS day,
  stage AS stage,
  SUM(issues) AS issues_in_stage
FROM mart.flow_daily
GROUP BY
  CAST(day AS DATE),
  space_key,
  project_key,
  stage
