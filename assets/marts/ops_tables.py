"""The tables of the program's own that marts read, as external assets above them in the lineage.

Add here: what Dagster shows of one. Keep out: its columns (`resources/warehouse/schema_ops.py`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg

from assets.marts.project import manifest
from assets.metadata import table_metadata
from assets.raw.declaration import KINDS, OWNERS
from resources.warehouse.schema_ops import OPS_TABLES
from resources.warehouse.spec import OPS


def ops_tables(described: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """Return an asset for each table of the program's own that a model reads."""
    read = {source["name"] for source in described["sources"].values() if source["source_name"] == OPS}
    return [
        dg.AssetSpec(
            key=[OPS, table.name],
            description=f"{table.comment}. The program writes it all the time, in each run and each command; shown is when the "
            "marts last read it.",
            group_name=OPS,
            kinds=KINDS,
            owners=OWNERS,
            metadata=table_metadata(table),
        )
        for table in OPS_TABLES
        if table.name in read
    ]


OPS_ASSETS = ops_tables(json.loads(Path(manifest()).read_text(encoding="utf-8")))
