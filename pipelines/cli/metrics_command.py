"""`backlog-elt metrics`: lists the metrics, or prints a query for some. Needs no warehouse."""

from typing import Literal

import click

from pipelines.cli.group import WrongUsage, examples, show
from pipelines.cli.options import Number, OneOf


@click.command(
    "metrics",
    epilog=examples(
        "backlog-elt metrics  # which there are",
        "backlog-elt metrics hours --dimensions",
        "backlog-elt metrics hours --by month --by person",
    ),
)
@click.argument("names", nargs=-1, metavar="[METRIC]...")
@click.option(
    "--by",
    multiple=True,
    metavar="DIMENSION",
    help="Cut by it: day, week, month, quarter, year, person, project and others.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only these; or a condition in the templates of MetricFlow.",
)
@click.option("--order", multiple=True, metavar="COLUMN", help="Sort by it; -COLUMN falls.")
@click.option(
    "--in",
    "unit",
    type=OneOf(["seconds", "hours", "days"]),
    default="seconds",
    help="Unit of times, rounded to a tenth.",
)
@click.option("--dimensions", is_flag=True, help="List by what these metrics can be cut, instead.")
@click.option("--limit", default=0, type=Number(0), help="At most so many rows; 0: all.")
def metrics_command(
    names: tuple[str, ...],
    by: tuple[str, ...],
    where: tuple[str, ...],
    order: tuple[str, ...],
    unit: Literal["seconds", "hours", "days"],
    dimensions: bool,
    limit: int,
) -> None:
    """List the metrics of the marts, or print SQL of some.

    The SQL runs in any client, as any role that reads the marts.
    """
    from assets.marts.manifest import manifest
    from assets.marts.metrics import MetricError, Metrics

    defined = Metrics(manifest())
    if not names:
        width = max(len(name) for name in defined.all)
        for one in defined.all.values():
            show(f"{one.name.ljust(width)}  {one.description}")
        return
    try:
        if dimensions:
            show("\n".join((*defined.grains(names), *defined.dimensions(names))))
        else:
            show(defined.sql(names, by, where, order, limit, unit) + ";")
    except MetricError as error:
        raise WrongUsage(f"{error}; see backlog-elt metrics --help") from None
