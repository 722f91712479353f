"""What Dagster compares to say whether a table is behind those above it ("Unsynced"): the version
of each, and of what it was made.

A table that is read whole has a version that moves when a row of it is written, not with each look
at the source. `raw/activities` has one for good: no row of another table is made of its rows, they
only name what is read. A partition records the versions that it was loaded with; without them
Dagster goes by time, and calls it behind as soon as a table above it has been looked at again.
"""

from datetime import datetime

import dagster as dg

from assets.dagster_internals import input_versions
from assets.location import raw_key

#: The version of `raw/activities`.
FEED = dg.DataVersion("feed")


def version_of(last_written: datetime | None) -> dg.DataVersion:
    """Return the version of a table that is read whole: when a row of it was last written, marks of
    deletion included.
    """
    return dg.DataVersion(last_written.isoformat() if last_written else "no row")


def inputs_of(context: dg.AssetExecutionContext, table: str) -> dict[str, str]:
    """Return the tags of a partition that is recorded now: the versions of the assets above its
    table; one query.
    """
    above = [dep.asset_key for dep in context.assets_def.get_asset_spec(raw_key(table)).deps]
    return input_versions(context.instance, above, context.run.run_id)
