"""What Dagster compares to say whether a table is behind those above it ("Unsynced"): the version of each, and of what it was made.

A table that is read whole has a version that moves when a row of it is written, not with each look at the source. `raw/activities`
has one for good: no row of another table is made of its rows, they only name what is read. A partition records the versions that
it was loaded with; without them Dagster goes by time, and calls it behind as soon as a table above it has been looked at again.
"""

import dagster as dg
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DEFAULT_DATA_VERSION,
    NULL_EVENT_POINTER,
    extract_data_version_from_entry,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from sqlalchemy import func, select

from assets.location import raw_key
from sync.session import TableLoad

#: The version of `raw/activities`.
FEED = dg.DataVersion("feed")


def version_of(load: TableLoad) -> dg.DataVersion:
    """Return the version of a table that is read whole: when a row of it was last written, marks of deletion included."""
    rows = load.spec.table.c
    with load.engine.connect() as connection:
        written = connection.execute(select(func.max(rows.loaded_at)).where(rows.space_key == load.space_key)).scalar_one()
    return dg.DataVersion(written.isoformat() if written else "no row")


def inputs_of(load: TableLoad) -> dict[str, str]:
    """Return the tags of a partition that is recorded now: the versions of the assets above its table; one query."""
    above = sorted(load.context.assets_def.get_asset_spec(raw_key(load.spec.name)).deps, key=lambda dep: dep.asset_key)
    records = load.context.instance.get_asset_records([dep.asset_key for dep in above])
    newest = {record.asset_entry.asset_key: record.asset_entry.last_materialization_record for record in records}
    tags = {CODE_VERSION_TAG: load.context.run.run_id}
    for dep in above:
        record = newest.get(dep.asset_key)
        version = extract_data_version_from_entry(record.event_log_entry) if record else None
        tags[get_input_data_version_tag(dep.asset_key)] = (version or DEFAULT_DATA_VERSION).value
        tags[get_input_event_pointer_tag(dep.asset_key)] = str(record.storage_id) if record else NULL_EVENT_POINTER
    return tags
