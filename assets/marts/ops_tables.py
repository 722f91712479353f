"""The tables and views of the program's own that marts read, as external assets above them in the
lineage.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets.declaration import OWNERS
from assets.marts.manifest import manifest
from assets.metadata import table_metadata
from resources.warehouse.raw.spec import OPS
from resources.warehouse.state.schema_ops import OPS_TABLES, sync_history

_TABLES = {table.name: table for table in OPS_TABLES}


def ops_tables(described: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """Return an asset for each table or view of the program's own that a model reads."""
    read = [source for source in described["sources"].values() if source["source_name"] == OPS]
    return [_asset(source) for source in sorted(read, key=lambda source: str(source["name"]))]


def _asset(source: Mapping[str, Any]) -> dg.AssetSpec:
    table = _TABLES.get(source["name"])
    what = source["description"] if table is None else table.comment
    return dg.AssetSpec(
        key=[OPS, source["name"]],
        description=f"{what}. The program writes it in each run and each command; the UI shows "
        "when the marts last read it.",
        group_name=OPS,
        kinds={"postgres", "view" if table is None else "table"},
        owners=OWNERS,
        metadata=_view_metadata(source) if table is None else table_metadata(table),
    )


def _view_metadata(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name and the columns of a view; those without a type are columns of the log of
    syncs.
    """
    log = {
        column.name: column
        for column in table_metadata(sync_history)["dagster/column_schema"].columns
    }
    columns = [
        dg.TableColumn(name, type=column["data_type"], description=column["description"])
        if column["data_type"]
        else log[name]
        for name, column in source["columns"].items()
    ]
    return {
        "dagster/table_name": f"{OPS}.{source['name']}",
        "dagster/column_schema": dg.TableSchema(columns),
    }


OPS_ASSETS = ops_tables(json.loads(Path(manifest()).read_text(encoding="utf-8")))
