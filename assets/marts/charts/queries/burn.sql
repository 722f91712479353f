-- Made by docs/queries.py: backlog-elt metrics milestone_scope milestone_done --by space --by project --by milestone_id --by burn__milestone_name --by day
SELECT
  t1.space_key AS space,
  t1.project_key AS project,
  t1.milestone_id AS milestone_id,
  t1.milestone AS milestone_name,
  CAST(DATE_TRUNC('DAY', t1.day) AS DATE) AS day,
  SUM(t1.scope) AS milestone_scope,
  SUM(t1.done) AS milestone_done
FROM mart.milestone_burn AS t1
INNER JOIN (
  SELECT
    space_key || '/' || milestone_id AS milestone,
    CAST(DATE_TRUNC('DAY', day) AS DATE) AS metric_time__day,
    MAX(CAST(DATE_TRUNC('DAY', day) AS DATE)) AS on_day__day__complete
  FROM mart.milestone_burn
  GROUP BY
    space_key || '/' || milestone_id,
    CAST(DATE_TRUNC('DAY', day) AS DATE)
) AS t2
  ON (
    CAST(DATE_TRUNC('DAY', t1.day) AS DATE) = t2.on_day__day__complete
  )
  AND (
    (
      t1.space_key || '/' || t1.milestone_id
    ) = t2.milestone
  )
GROUP BY
  CAST(DATE_TRUNC('DAY', t1.day) AS DATE),
  t1.space_key,
  t1.project_key,
  t1.milestone_id,
  t1.milestone
