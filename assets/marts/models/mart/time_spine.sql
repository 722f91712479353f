{{ config(materialized='view') }}
-- The days of all calendars, each once, and its place in the fiscal year: what MetricFlow fills gaps
-- by, and cuts time into. Where spaces begin their fiscal years in different months, that of the
-- first space in the alphabet counts.
select distinct on (day)
    day,
    fiscal_year,
    fiscal_year || 'H' || fiscal_half as fiscal_half,
    fiscal_year || 'Q' || fiscal_quarter as fiscal_quarter
from {{ ref('calendar') }}
order by day, space_key
