"""`backlog-elt report`: from the settings to a file, without Dagster's instance and without dbt.

Add here: another form of the report. Keep out: what stands in it (`assets/marts/report.py`).
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from assets.marts.report import report
from resources.settings import Settings
from resources.variables import SettingsError
from resources.warehouse.resource import WarehouseResource


def write_report(settings: Settings, project: str | None, out: Path, waiting: Callable[[], None] = lambda: None) -> Path:
    """Write the page, whole or not at all, and return where it is; `waiting` is called when a build of the marts is at work.

    Raises:
        SettingsError: there is no such project, or the file cannot be written there.
        NoMartsError: the marts have not been built.
        WarehouseError: the warehouse cannot be used.
    """
    warehouse = WarehouseResource(url=settings.warehouse_url or "", home=str(settings.home))
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
    return target
