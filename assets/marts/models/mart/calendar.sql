-- Every day of a space, from the first of January before its first issue to the end of the year after next: whether it is worked on, and
-- for how long. From the mappings calendar_settings, working_hours and days_off, and the seed holidays; a line with a space key goes
-- before one without, of days off then the last one.
with spaces as (
    select
        z.space_key,
        s.country,
        coalesce(s.fiscal_year_begins, 4) as fiscal_year_begins,
        r.first_day,
        r.last_day
    from {{ source('raw', 'space') }} as z
    left join lateral (
        select o.country, o.fiscal_year_begins
        from {{ ref('calendar_settings') }} as o
        where coalesce(o.space_key, z.space_key) = z.space_key
        order by o.space_key nulls last
        limit 1
    ) as s on true
    cross join lateral (
        select
            date_trunc('year', coalesce(min(i.created_at), now()) - interval '1 day')::date as first_day,
            (date_trunc('year', coalesce(max(i.updated_at), now())) + interval '3 years - 1 day')::date as last_day
        from {{ ref('stg_issue') }} as i
        where i.space_key = z.space_key
    ) as r
),
days as (
    select s.space_key, s.country, s.fiscal_year_begins, d.day::date as day, extract(isodow from d.day)::int as weekday
    from spaces as s
    cross join lateral generate_series(s.first_day::timestamp, s.last_day, interval '1 day') as d (day)
),
days_off as (
    select
        line,
        space_key,
        from_day,
        coalesce(to_day, from_day) as to_day,
        length(from_day) = 5 as is_yearly,
        coalesce(is_working, false) as is_working,
        name
    from {{ ref('days_off') }}
),
hours as (
    select d.*, h.name as holiday_name, c.is_working as company_says, c.name as company_name, w.opens, w.closes, w.break_begins, w.break_ends
    from days as d
    left join {{ ref('holidays') }} as h on h.country = d.country and h.day = d.day
    left join lateral (
        select o.is_working, o.name
        from days_off as o
        where coalesce(o.space_key, d.space_key) = d.space_key
            and case
                when o.is_yearly and o.from_day > o.to_day then to_char(d.day, 'MM-DD') >= o.from_day or to_char(d.day, 'MM-DD') <= o.to_day
                when o.is_yearly then to_char(d.day, 'MM-DD') between o.from_day and o.to_day
                else to_char(d.day, 'YYYY-MM-DD') between o.from_day and o.to_day
            end
        order by o.space_key nulls last, o.line desc
        limit 1
    ) as c on true
    left join lateral (
        select o.opens, o.closes, o.break_begins, o.break_ends
        from {{ ref('working_hours') }} as o
        where o.weekday = d.weekday and coalesce(o.space_key, d.space_key) = d.space_key
        order by o.space_key nulls last
        limit 1
    ) as w on true
),
-- A day that the company works although it has no hours (a Saturday) has those of Monday.
worked as (
    select
        h.*,
        coalesce(h.company_says, h.holiday_name is null and h.opens is not null) as is_working_day,
        coalesce(h.opens, m.opens) as from_time,
        coalesce(h.closes, m.closes) as to_time,
        coalesce(h.break_begins, m.break_begins) as break_from,
        coalesce(h.break_ends, m.break_ends) as break_to
    from hours as h
    left join lateral (
        select o.opens, o.closes, o.break_begins, o.break_ends
        from {{ ref('working_hours') }} as o
        where o.weekday = 1 and coalesce(o.space_key, h.space_key) = h.space_key
        order by o.space_key nulls last
        limit 1
    ) as m on h.opens is null and h.company_says
),
seconds as (
    select
        *,
        case when is_working_day then extract(epoch from from_time)::int end as opens_at,
        case when is_working_day then extract(epoch from to_time)::int end as closes_at,
        case when is_working_day then extract(epoch from break_from)::int end as break_begins_at,
        case when is_working_day then extract(epoch from break_to)::int end as break_ends_at
    from worked
),
summed as (
    select *, coalesce(closes_at - opens_at, 0) - coalesce(break_ends_at - break_begins_at, 0) as working_seconds
    from seconds
)
select
    space_key,
    day,
    weekday,
    weekday in (6, 7) as is_weekend,
    coalesce(company_name, holiday_name) as holiday_name,
    is_working_day,
    opens_at,
    closes_at,
    break_begins_at,
    break_ends_at,
    working_seconds,
    sum(working_seconds) over (partition by space_key order by day) - working_seconds as working_seconds_before,
    date_trunc('week', day)::date as week,
    date_trunc('month', day)::date as month,
    extract(year from day - make_interval(months => fiscal_year_begins - 1))::int as fiscal_year,
    extract(year from day - make_interval(months => fiscal_year_begins - 1)) || '年度' as fiscal_year_name,
    (extract(quarter from day - make_interval(months => fiscal_year_begins - 1))::int + 1) / 2 as fiscal_half,
    extract(quarter from day - make_interval(months => fiscal_year_begins - 1))::int as fiscal_quarter
from summed
