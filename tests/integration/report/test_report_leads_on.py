"""The report leads on: a click on anything filters everything, a number leads to its issues, a
table is taken along, and paper and phones show what the screen shows.
"""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from assets.marts.report_queries import LIMITS
from tests.browser import Chromium, Reader, reader
from tests.deployment import Deployment
from tests.integration.report.report_page import opened, settled


def count(page: Page, card: str) -> int:
    return int("".join(filter(str.isdigit, page.locator(f"#card-{card} .answer b").inner_text())))


def test_a_click_on_a_bar_filters_everything_and_the_same_again_undoes_it(somebody: Reader) -> None:
    page = somebody.page
    everybody = count(page, "overdue")
    bar = page.locator("#chart-overdue .plot .mark-rect path").first
    bar.hover()
    expect(page.locator("#vg-tooltip-element")).to_contain_text("担当者")
    bar.click()
    expect(page.locator("#chips button")).to_have_count(2)
    settled(page)
    person = page.locator("#person").locator("option:checked").inner_text()
    assert f"担当者: {person} ×" in page.locator("#chips").inner_text()
    assert 0 < count(page, "overdue") < everybody
    shown = page.locator("#table-stuck tbody td:nth-child(4), #short-stuck td:nth-child(2)")
    assert {one.inner_text() for one in shown.all()} <= {person}
    bar.click()
    expect(page.locator("#chips button")).to_have_count(0)
    settled(page)
    assert count(page, "overdue") == everybody
    assert somebody.noted == []


def test_a_click_on_a_name_a_cell_or_a_number_leads_on_to_its_issues(
    somebody: Reader, built: Deployment
) -> None:
    [late] = built.query(
        "SELECT count(*) FILTER (WHERE is_overdue) AS overdue, "
        "count(*) FILTER (WHERE is_milestone_overdue) AS in_milestones FROM mart.issue_now"
    )
    page = somebody.page
    page.locator("#card-overdue .answer b button").click()
    expect(page.locator("#listed")).to_have_text(f"期限超過: {late['overdue']} 件")
    expect(page.locator("#issues")).to_be_in_viewport()
    settled(page)
    status = page.locator("#table-issues tbody tr").first.locator("button.pick").nth(1)
    said = status.inner_text()
    status.click()
    expect(page.locator("#chips")).to_contain_text(f"ステータス: {said} ×")
    settled(page)
    page.locator("#chips button").filter(has_text="ステータス").click()
    settled(page)
    page.evaluate("() => choose('only=milestone_overdue')")
    settled(page)
    expect(page.locator("#listed")).to_have_text(
        f"マイルストーン期限超過: {late['in_milestones']} 件"
    )
    page.reload()
    settled(page)
    expect(page.locator("#listed")).to_contain_text("マイルストーン期限超過")
    page.get_by_role("button", name="絞り込みを解除").click()
    expect(page.locator("#chips button")).to_have_count(0)
    settled(page)
    project = page.locator("#table-projects tbody button.pick").first
    project.click()
    expect(page.locator("#table-projects tbody tr")).to_have_count(1)
    # A dot of an issue is a link to it.
    settled(page)
    somebody.page.context.set_offline(False)
    with page.context.expect_page() as at_backlog:
        page.locator("#chart-ageing .plot .mark-symbol path").first.click(force=True)
    assert "/view/" in at_backlog.value.url
    assert somebody.noted == []


def test_a_table_is_taken_along_as_csv_whole_and_without_formulas(
    somebody: Reader, tmp_path: Path
) -> None:
    page = somebody.page
    page.evaluate(
        """() => { DATA.issues.filter(row => row.overdue)[0].summary = '=1+"1"';
          return update(); }"""
    )
    settled(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV: 期限超過の課題").click()
    assert taken.value.suggested_filename == "期限超過の課題.csv"
    taken.value.save_as(tmp_path / "late.csv")
    raw = (tmp_path / "late.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "spreadsheets know UTF-8 by it"
    head, *rows = csv.reader(raw.decode("utf-8-sig").splitlines())
    assert head[:4] == ["課題", "期限", "超過日数", "担当者"]
    assert len(rows) == count(page, "overdue")
    assert all(row[2].isdigit() for row in rows)
    assert '\'=1+"1"' in [row[head.index("件名")] for row in rows]


#: A text of the source -> its cell.
HOSTILE = {
    **{
        text: f"'{text}"
        for sign in "=+-@＝＋－＠\t\r"
        for text in (f"{sign}1", f" \n\u3000{sign}1")
    },
    "\0=1": "'=1",
    "\n\0 \0＝HYPERLINK(1)": "'\n ＝HYPERLINK(1)",
    "'=1": "'=1",
    'a "b",\r\n=c\0': 'a "b",\r\n=c',
    " a - b ": " a - b ",
    "3 − 4 = 5": "3 − 4 = 5",
    "-3": "'-3",
}
NUMBERS = {-3: "-3", -0.5: "-0.5", 7: "7", "-0.12": "-0.12", "=1": "'=1", "-1+1": "'-1+1"}


def test_no_text_of_the_source_is_a_formula_in_csv_and_numbers_stay_numbers(
    somebody: Reader, tmp_path: Path
) -> None:
    page = somebody.page
    with page.expect_download() as taken:
        page.evaluate(
            """([texts, numbers]) => save("hostile", [
              { head: "=head", of: row => row.text },
              { head: "raw", kind: "n", raw: true, of: row => row.number },
              { head: "number", kind: "n", of: row => row.number },
            ], texts.map((text, at) => ({ text, number: numbers[at] })))""",
            [[*HOSTILE], [*NUMBERS]],
        )
    taken.value.save_as(tmp_path / "hostile.csv")
    with (tmp_path / "hostile.csv").open(encoding="utf-8-sig", newline="") as file:
        head, *rows = csv.reader(file, strict=True)
    assert head == ["'=head", "raw", "number"]
    assert [row[0] for row in rows] == [*HOSTILE.values()]
    found = [(row[1], row[2]) for row in rows[: len(NUMBERS)]]
    assert found == [(cell, cell) for cell in NUMBERS.values()]


def test_paper_shows_what_is_cut_and_breaks_no_date(somebody: Reader) -> None:
    page = somebody.page
    page.emulate_media(media="print")
    tables = page.locator(".table:has(table)").all()
    assert tables
    for one in tables:
        rows = one.locator("tbody tr").count()
        said = one.locator(".below").inner_text()
        assert not said or f"行のうち {rows} 行" in said
    whole = page.evaluate(
        """() => [...document.querySelectorAll('td')].filter(cell =>
          /^\\d{4}-\\d\\d-\\d\\d$|^[A-Z]+-\\d+$/.test(cell.textContent)
          && cell.offsetParent && getComputedStyle(cell).whiteSpace !== 'nowrap').length"""
    )
    assert whole == 0
    expect(page.locator("#drawer")).to_be_hidden()
    assert len(page.pdf(prefer_css_page_size=True)) > 10_000


def test_on_a_phone_filters_are_in_a_drawer_and_due_dates_are_seen(
    chromium: Chromium, file: Path
) -> None:
    with reader(chromium, width=390) as somebody:
        page = opened(somebody, file)
        expect(page.locator("#person")).to_be_hidden()
        page.locator("#drawer summary").click()
        expect(page.locator("#person")).to_be_visible()
        heads = page.locator("#table-overdue thead th")
        for at, name in enumerate(("課題", "期限", "超過日数")):
            expect(heads.nth(at)).to_have_text(name)
            box = heads.nth(at).bounding_box()
            assert box
            assert box["x"] + box["width"] <= 390
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("width", "locale"), [(1600, "ja-JP"), (390, "en-US")])
def test_no_label_of_the_page_lies_on_another(
    chromium: Chromium, file: Path, width: int, locale: str
) -> None:
    with reader(chromium, width=width, locale=locale) as somebody:
        page = opened(somebody, file)
        assert page.locator(".plot > svg").count() >= 12
        assert somebody.collisions() == []


def test_a_verdict_stands_on_thresholds_that_the_page_names(
    somebody: Reader, built: Deployment
) -> None:
    known = built.query(
        "SELECT e.project_key, e.spi::float8 AS spi, f.due_date, f.done_by_50, f.done_by_85 "
        "FROM mart.earned_value_project AS e JOIN mart.forecast AS f "
        "ON f.project_id = e.project_id AND f.milestone_id = 0 AND f.is_last WHERE e.is_last"
    )
    page = somebody.page
    told = page.locator("#earned > p").first.inner_text()
    assert str(LIMITS["well"]) in told
    assert str(LIMITS["late"]) in told
    for row in known:
        [shown] = page.locator("#table-earned tbody tr").filter(has_text=row["project_key"]).all()
        is_after = row["due_date"] and row["done_by_50"] and row["done_by_50"] > row["due_date"]
        verdicts = {"遅延"} if row["spi"] < LIMITS["late"] or is_after else {"注意", "遅延"}
        if row["spi"] < LIMITS["well"] or is_after:
            assert shown.locator("td").nth(1).inner_text() in verdicts
