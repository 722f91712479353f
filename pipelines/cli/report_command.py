"""`backlog-elt report`: writes the report page, without dbt, and records it in the Dagster of this
home, if any.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pipelines.cli.group import examples, show
from resources.redact import plain_line
from resources.settings import Settings
from resources.variables import SettingsError

_LOG = logging.getLogger(__name__)


@click.command(
    "report",
    epilog=examples("backlog-elt report", "backlog-elt report --project OPS --out ops.html"),
)
@click.option("--project", metavar="KEY", help="Only this project.")
@click.option(
    "--out",
    default="backlog-report.html",
    show_default=True,
    type=click.Path(path_type=Path),
    help="File to write.",
)
def report_command(project: str | None, out: Path) -> None:
    """Write charts and tables of the marts into one page.

    It opens in any browser, without a network.
    """
    settings = Settings.of_this_process()
    show(str(write_report(settings, project, out, lambda said: show(said, err=True))))


def write_report(
    settings: Settings,
    project: str | None,
    out: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write the page, completely or not at all, and return its path; `say` gets a sentence when it
    waits for a build of the marts.

    Raises:
        SettingsError: there is no such project, or the file cannot be written there.
        NoMartsError: the marts have not been built.
        WarehouseError: the warehouse cannot be used.
    """
    from assets.marts.report import report as make_report
    from pipelines.cli.in_process import opened_warehouse

    with opened_warehouse(settings) as warehouse:
        page = make_report(warehouse.engine, settings.zone, project, say=say)
    target = out.expanduser().absolute()
    try:
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as folder:
            draft = Path(folder) / target.name
            draft.write_text(page, encoding="utf-8")
            draft.chmod(0o644)
            draft.replace(target)
    except OSError as error:
        raise SettingsError(
            "--out", str(out), f"a file that can be written ({error.strerror})"
        ) from None
    _record_in_dagster(settings, target, project)
    return target


def _record_in_dagster(settings: Settings, file: Path, project: str | None) -> None:
    """Record in Dagster that the page was written, if this home has a Dagster. A failure is only
    logged.
    """
    if not (settings.home / "dagster").is_dir():
        return
    import dagster as dg

    from assets.location import REPORT
    from pipelines.hosting.environment import open_instance, prepare_storage

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
        _LOG.warning("the page is written, but Dagster has no record of it: %s", plain_line(error))
