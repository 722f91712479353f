"""The code location of this process: its settings, and how its assets, partitions and runs are
named apart from others.

Dagster knows an asset by its key, partitions by a name and runs by tags, across all code locations
of an instance. Where several spaces share one, all of these carry the name of the location; where
there is one space, nothing does.
"""

import dagster as dg

from resources.settings import Settings

SETTINGS = Settings.of_this_process()

#: The page that `backlog-elt report` writes, which stands in the lineage by the exposure of its
#: name.
REPORT = dg.AssetKey(["dashboard", "report"])


def raw_key(table: str) -> dg.AssetKey:
    """Return the key of the asset of a raw table: `raw/users`, where there are several locations
    `acme/raw/users`.
    """
    return dg.AssetKey([*SETTINGS.key_prefix, "raw", table])


def raw_keys_below(key: dg.AssetKey) -> list[dg.AssetKey]:
    """Return the assets behind a table that marts read: a raw one is filled by each of the spaces
    whose marts are made here.
    """
    if key.path[0] != "raw" or not SETTINGS.marts_of:
        return [key]
    return [key.with_prefix(location) for location in SETTINGS.marts_of]


def scoped(name: str) -> str:
    """Return a name that is one for the whole instance, so that it is this location's own: `users`,
    or `users@acme`.
    """
    return "@".join((name, *SETTINGS.key_prefix))
