"""`backlog-elt metrics`: a list, dimensions, SQL; a wrong name is one line."""

from click.testing import CliRunner

from pipelines.cli import main


def test_it_lists_metrics_and_dimensions_and_prints_a_query() -> None:
    run = CliRunner().invoke
    listed = run(main, ["metrics"])
    assert listed.exit_code == 0, listed.output
    assert "\nlate_share  " in listed.stdout
    assert "booking__person\n" in run(main, ["metrics", "hours", "--dimensions"]).stdout
    made = run(main, ["metrics", "hours", "--by", "person", "--order", "-hours", "--limit", "3"]).stdout
    assert made.startswith("SELECT\n  user_name AS person,\n  SUM(hours) AS hours\nFROM mart.hours_ledger\n")
    assert made.endswith("ORDER BY\n  hours DESC NULLS LAST\nLIMIT 3;\n")
    wrong = run(main, ["metrics", "hours", "--by", "moon"])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    assert wrong.stderr.startswith("Error: 'moon' is no dimension; there are ")
