-- What runs and syncs did, by day (in the space's zone), kind and mode. A view, so that it is never behind.
{{ config(materialized='view') }}
with figures as (
    -- A run is counted once in each row in which it has a sync, so rows cannot be added up to runs; syncs can.
    select
        h.space_key,
        (h.started_at at time zone coalesce(z.timezone, 'UTC'))::date as day,
        h.sync_type,
        h.mode,
        count(distinct h.run_id) as runs,
        count(distinct h.run_id) - count(distinct h.other_run) as completed,
        count(distinct h.failed_run) as failed,
        count(*) filter (where h.is_sync) as syncs,
        count(h.succeeded_at) as syncs_completed,
        count(*) filter (where h.is_sync and h.status = 'failed') as syncs_failed,
        avg(h.seconds)::numeric as mean_seconds,
        sum(h.items_synced)::bigint as items_synced,
        sum(h.items_failed)::bigint as items_failed,
        sum(h.items_synced) * 3600.0 / nullif(sum(h.seconds), 0)::numeric as items_per_hour,
        sum(h.requests)::bigint as requests
    from {{ source('ops', 'sync_outcomes') }} as h
    left join {{ source('raw', 'space') }} as z on z.space_key = h.space_key
    group by 1, 2, 3, 4
)
select
    space_key,
    day,
    sync_type,
    mode,
    runs,
    completed,
    failed,
    completed::numeric / nullif(completed + failed, 0) as success_rate,
    syncs,
    syncs_completed,
    syncs_failed,
    mean_seconds,
    items_synced,
    items_failed,
    items_per_hour,
    requests
from figures
