-- What syncs did, by day (in the space's zone) and kind. A view, so that it is never behind.
{{ config(materialized='view') }}
select
    h.space_key,
    (h.started_at at time zone coalesce(z.timezone, 'UTC'))::date as day,
    h.sync_type,
    h.mode,
    count(*) as runs,
    count(*) filter (where h.status = 'completed') as completed,
    count(*) filter (where h.status = 'failed') as failed,
    avg(case h.status when 'completed' then 1.0 when 'failed' then 0.0 end) as success_rate,
    extract(epoch from avg(h.ended_at - h.started_at)) as mean_seconds,
    sum(h.items_synced) as items_synced,
    sum(h.items_failed) as items_failed,
    sum(h.items_synced) * 3600.0 / nullif(extract(epoch from sum(h.ended_at - h.started_at)), 0) as items_per_hour,
    sum(h.requests) as requests
from {{ source('ops', 'sync_history') }} as h
left join {{ source('raw', 'space') }} as z on z.space_key = h.space_key
group by 1, 2, 3, 4
