"""`backlog-elt metrics`: a list, dimensions, SQL; a wrong name is one line."""

import pytest
from click.testing import CliRunner

from pipelines.cli import main

pytestmark = pytest.mark.usefixtures("as_it_was")


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
