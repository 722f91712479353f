"""What a load records in Dagster: counters that add up, the standard keys, readable previews."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import dagster as dg
import pytest
from markdown_it import MarkdownIt

from assets.metadata import as_markdown, definition_metadata, load_metadata, preview, rows_table
from resources.backlog.client_values import RequestStats
from resources.warehouse.raw.schema import SPECS
from sync.counts import Counts, Span
from tests.unsafe import EVIL, IMAGE, unsafe

NAMES = ["read", "inserted", "updated", "unchanged", "deleted", "rejected"]


def test_counts_add_and_subtract_name_by_name() -> None:
    one, other = Counts(5, 1, 1, 2, 0, 1), Counts(3, 1, 0, 2, 4, 0)
    assert one + other == Counts(8, 2, 1, 4, 4, 1)
    assert one + other - other == one
    found = load_metadata(one, RequestStats(), started_at=datetime.now(UTC))
    assert [found[f"load/rows_{name}"] for name in NAMES] == [5, 1, 1, 2, 0, 1]


def test_a_load_records_every_figure_of_the_contract_as_a_number() -> None:
    now = datetime.now(UTC)
    stats = RequestStats(
        Counter(read=2, search=3),
        retries=1,
        wait_seconds=1.23456,
        remaining={"read": 590, "search": 147},
    )
    window = Span(now - timedelta(days=1), now, newest_change=now - timedelta(seconds=90))
    found = load_metadata(
        Counts(read=7), stats, started_at=now - timedelta(seconds=2), window=window
    )
    assert set(found) == {
        *(f"load/rows_{name}" for name in NAMES),
        "load/api_requests", "load/api_retries", "load/rate_limit_wait_seconds",
        "load/rate_limit_remaining",
        "load/window_start", "load/window_end", "load/lag_seconds", "load/duration_seconds",
    }  # fmt: skip
    expected = {
        "load/api_requests": 5,
        "load/api_retries": 1,
        "load/rate_limit_remaining": 147,
        "load/rate_limit_wait_seconds": pytest.approx(1.235),
        "load/lag_seconds": pytest.approx(90, abs=5),
        "load/duration_seconds": pytest.approx(2, abs=5),
    }
    assert {name: found[name] for name in expected} == expected
    assert found["load/window_end"].value == pytest.approx(now.timestamp())


def test_an_open_window_has_no_entries_and_a_change_dated_ahead_no_negative_lag() -> None:
    now = datetime.now(UTC)
    ahead = Span(None, None, newest_change=now + timedelta(hours=1))
    found, later = (
        load_metadata(Counts(), RequestStats(), started_at=now, window=window)
        for window in (Span(None, None), ahead)
    )
    assert not {
        "load/window_start",
        "load/window_end",
        "load/lag_seconds",
        "load/rate_limit_remaining",
    } & set(found)
    assert later["load/lag_seconds"] == 0


@pytest.mark.parametrize("table", SPECS)
def test_every_column_is_known_with_its_type_and_description_before_any_load(table: str) -> None:
    found = definition_metadata(SPECS[table])
    schema: dg.TableSchema = found["dagster/column_schema"]
    assert found["dagster/table_name"] == f"raw.{table}"
    assert [column.name for column in schema.columns] == [
        column.name for column in SPECS[table].table.columns
    ]
    assert all(column.description and column.type for column in schema.columns)


def test_a_preview_has_ten_rows_and_nothing_that_breaks_the_table() -> None:
    rows = [
        {"id": number, "text": "a|b\r\n" + "長" * 60, "hours": Decimal("1.5"), "none": None}
        for number in range(12)
    ]
    lines = str(preview(rows).value).splitlines()
    assert len(lines) == 12
    assert all(line.count("|") == 5 for line in lines)
    assert "…" in lines[2]
    assert "a¦b 長" in lines[2]
    assert preview([]).value == "(no rows)"


def test_a_name_in_a_preview_or_a_table_is_text() -> None:
    rows = [{"name": IMAGE[:39]}, {"name": IMAGE[28:]}, {"name": f"www.evil.test {EVIL}"}]
    shown = str(preview(rows).value)
    assert unsafe(shown) == []
    tokens = MarkdownIt("commonmark").enable("table").parse(shown)
    assert {child.type for token in tokens for child in token.children or []} <= {
        "text",
        "code_inline",
    }
    table = rows_table([{"name": f"{IMAGE} {EVIL}"}])
    assert isinstance(table, dg.TableMetadataValue)
    name = str(table.records[0].data["name"])
    assert name.startswith(IMAGE), "the UI shows the cells of such a table as text"
    assert unsafe(name) == []


def test_a_key_in_what_a_check_says_makes_no_image() -> None:
    assert as_markdown(f"stale: {IMAGE}").startswith("stale: ! [x] (http://evil.test/x.png)")
    assert unsafe(as_markdown(EVIL)) == []
