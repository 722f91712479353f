-- Made by docs/queries.py: backlog-elt metrics issues_in_stage --by space --by project --by day --by stage
SELECT
  t1.space_key AS space,
  t1.project_key AS project,
  CAST(t1.day AS DATE) AS day,
  t1.stage AS stage,
  SUM(t1.issues) AS issues_in_stage
FROM mart.flow_daily AS t1
INNER JOIN (
  SELECT
    space_key AS flow_space,
    CAST(day AS DATE) AS metric_time__day,
    MAX(CAST(day AS DATE)) AS on_day__day__complete
  FROM mart.flow_daily
  GROUP BY
    space_key,
    CAST(day AS DATE)
) AS t2
  ON (
    CAST(t1.day AS DATE) = t2.on_day__day__complete
  )
  AND (
    t1.space_key = t2.flow_space
  )
GROUP BY
  CAST(t1.day AS DATE),
  t1.space_key,
  t1.project_key,
  t1.stage
