{{ config(materialized='view') }}
-- The days of all calendars, each once: what MetricFlow fills gaps by.
select distinct day
from {{ ref('calendar') }}
