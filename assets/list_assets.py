"""The tables that are read whole, each made from its declaration; `sync/listings.py` says how each
is read.

None has a time of change, so each list is read whole and compared whole.
"""

import dagster as dg

from assets.declaration import raw_asset
from assets.failing import failing_as
from assets.loads import open_load
from assets.materializations import whole_table
from resources.backlog.backlog_resource import BacklogResource
from resources.progress import Progress
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import TableSpec
from resources.warehouse.warehouse_resource import WarehouseResource
from sync.listings import sync_listing

WHOLE = "Read whole; a row that is no longer listed is marked deleted."
DAILY = "Read once a day; a space or key that refuses it loses nothing."


def _description(spec: TableSpec) -> str:
    """Return what the asset says of itself: what a row is, in both languages, and below that where
    it comes from, how it is kept, and what else there is to know.
    """
    kept = WHOLE if spec.vanishes else DAILY if spec.daily else ""
    about = spec.listing.about if spec.listing else ""
    sentences = " ".join(filter(None, (f"Source: `{spec.endpoint}`.", kept, about)))
    return f"{spec.table.comment}\n\n{sentences}"


def _listing(spec: TableSpec) -> dg.AssetsDefinition:
    deps = ["raw/projects"] if spec.of_each_project else []

    @raw_asset(spec.name, description=_description(spec), deps=deps)
    def listing(
        context: dg.AssetExecutionContext,
        backlog: BacklogResource,
        warehouse: WarehouseResource,
        progress: dg.ResourceParam[Progress],
    ) -> "dg.MaterializeResult[None]":
        with failing_as(context, spec.name):
            with open_load(context, spec.name, backlog, warehouse, progress) as session:
                sync_listing(session)
            return whole_table(session)

    return listing


LISTINGS = [_listing(spec) for spec in SPECS.values() if spec.listing]
