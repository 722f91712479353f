"""`backlog-elt report`: from the settings to a file, without dbt; and Dagster is told of it, where it is at home here."""

import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.location import REPORT
from assets.marts.report import report
from pipelines.hosting.environment import open_instance, prepare_storage
from resources.redact import redact
from resources.secret import reveal
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.resource import WarehouseResource

_LOG = logging.getLogger(__name__)


def write_report(settings: Settings, project: str | None, out: Path, waiting: Callable[[str], None] = lambda _holder: None) -> Path:
    """Write the page, whole or not at all, and return where it is; `waiting` is told of a build of the marts that is at work.

    Raises:
        SettingsError: there is no such project, or the file cannot be written there.
        NoMartsError: the marts have not been built.
        WarehouseError: the warehouse cannot be used.
    """
    warehouse = WarehouseResource(url=reveal(settings.warehouse_url), home=str(settings.home))
    try:
        page = report(warehouse.engine, settings.zone, project, waiting=waiting)
    finally:
        warehouse.close()
    target = out.expanduser().absolute()
    try:
        descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise SettingsError("--out", str(out), f"a file that can be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page)
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
    except OSError as error:
        Path(draft).unlink(missing_ok=True)
        raise SettingsError("--out", str(out), f"a file that can be written ({error.strerror})") from None
    _record(settings, target, project)
    return target


def _record(settings: Settings, file: Path, project: str | None) -> None:
    """Record in Dagster that the page was written, if a command has used Dagster in this home; the page is there either way."""
    if not (settings.home / "dagster").is_dir():
        return
    written = dg.AssetMaterialization(
        REPORT,
        description="written by backlog-elt report",
        metadata={"file": dg.MetadataValue.path(str(file)), "project": project or "all"},
    )
    try:
        prepare_storage(settings)
        with open_instance() as instance:
            instance.report_runless_asset_event(written)
    except Exception as error:
        _LOG.warning("the page is written, Dagster does not know of it: %s", redact(str(error)))
