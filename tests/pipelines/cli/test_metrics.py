"""`backlog-elt metrics`: a list, dimensions, SQL; a wrong name is one line."""

import logging
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from resources.logs import LOGGERS


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """Leave the logging of this process as it was: a command sets it for a process of its own."""
    before = {
        name: (logging.getLogger(name).handlers, logging.getLogger(name).level)
        for name in ("", *LOGGERS)
    }
    yield
    for name, (handlers, level) in before.items():
        logging.getLogger(name).handlers = handlers
        logging.getLogger(name).setLevel(level)


def test_it_lists_metrics_and_dimensions_and_prints_a_query() -> None:
    run = CliRunner().invoke
    listed = run(main, ["metrics"])
    assert listed.exit_code == 0, listed.output
    assert "\nlate_share  " in listed.stdout
    assert "booking__person\n" in run(main, ["metrics", "hours", "--dimensions"]).stdout
    made = run(
        main, ["metrics", "hours", "--by", "person", "--order", "-hours", "--limit", "3"]
    ).stdout
    assert made.startswith("SELECT\n")
    assert "\nFROM mart.hours_ledger " in made.replace("  ", "")
    assert made.endswith("\nORDER BY hours DESC\nLIMIT 3;\n")
    in_days = run(
        main,
        ["metrics", "cycle_seconds_median", "--by", "month", "--in", "days", "--order", "-month"],
    )
    assert "/ 86400.0)::numeric, 1) AS cycle_days_median\n" in in_days.stdout
    assert in_days.stdout.endswith("\nORDER BY month DESC;\n")
    wrong = run(main, ["metrics", "hours", "--by", "moon"])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    assert wrong.stderr.startswith("Error: 'moon' is no dimension; there are ")
