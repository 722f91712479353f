{{ config(materialized='view') }}
-- What people plan in besides hours, of each space: how many hours are a person day and a person
-- month. By the mapping `units`; a line with a space key goes before one without.
select
    z.space_key,
    coalesce(u.hours_per_day, 8) as hours_per_day,
    coalesce(u.days_per_month, 20) as days_per_month,
    coalesce(u.hours_per_day, 8) * coalesce(u.days_per_month, 20) as hours_per_month
from {{ source('raw', 'space') }} as z
left join lateral (
    select o.hours_per_day, o.days_per_month
    from {{ ref('units') }} as o
    where coalesce(o.space_key, z.space_key) = z.space_key
    order by o.space_key nulls last
    limit 1
) as u on true
