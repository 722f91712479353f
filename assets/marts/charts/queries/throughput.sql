-- Made by docs/queries.py: backlog-elt metrics issues issues_done reopenings --by week
WITH t1 AS (
  SELECT
    CASE WHEN issue_id IS NOT NULL THEN 1 ELSE 0 END AS __issues,
    CASE WHEN done_at IS NOT NULL THEN 1 ELSE 0 END AS __issues_done,
    CAST(DATE_TRUNC('WEEK', created_day) AS DATE) AS created_day__week,
    CAST(DATE_TRUNC('WEEK', done_day) AS DATE) AS done_day__week,
    stage AS issue__stage,
    is_deleted AS issue__is_deleted
  FROM mart.issue
)
SELECT
  COALESCE(t2.metric_time__week, t3.metric_time__week, t4.metric_time__week) AS week,
  MAX(t2.issues) AS issues,
  MAX(t3.issues_done) AS issues_done,
  MAX(t4.reopenings) AS reopenings
FROM (
  SELECT
    created_day__week AS metric_time__week,
    SUM(__issues) AS issues
  FROM t1
  WHERE
    NOT issue__is_deleted
  GROUP BY
    created_day__week
) AS t2
FULL OUTER JOIN (
  SELECT
    done_day__week AS metric_time__week,
    SUM(__issues_done) AS issues_done
  FROM t1
  WHERE
    NOT issue__is_deleted AND issue__stage = 'done'
  GROUP BY
    done_day__week
) AS t3
  ON t2.metric_time__week = t3.metric_time__week
FULL OUTER JOIN (
  SELECT
    t5.week AS metric_time__week,
    SUM(t5.reopened) AS reopenings
  FROM mart.throughput_weekly AS t5
  GROUP BY
    t5.week
) AS t4
  ON COALESCE(t2.metric_time__week, t3.metric_time__week) = t4.metric_time__week
GROUP BY
  COALESCE(t2.metric_time__week, t3.metric_time__week, t4.metric_time__week)
