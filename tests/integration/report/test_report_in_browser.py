"""The report as people use it: what is overdue for a team, and on to Backlog; by keyboard, on a
phone, in two languages.
"""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.assets.marts.test_report import unpacked
from tests.browser import Chromium, Reader, reader
from tests.deployment import Deployment
from tests.integration.report.report_page import (
    ADDED_UP,
    SLOWED,
    Row,
    kept,
    metric,
    number,
    opened,
    settled,
    total,
    with_data,
)


def test_a_manager_finds_what_is_overdue_for_a_team_and_follows_it_to_backlog(
    somebody: Reader, built: Deployment
) -> None:
    teams = built.query(
        "SELECT t.name, i.issue_key, i.url FROM raw.teams AS t JOIN mart.issue_now AS i ON "
        "i.assignee_id = ANY(t.member_ids) "
        "WHERE i.is_overdue AND t.deleted_at IS NULL"
    )
    team = next(str(row["name"]) for row in teams)
    late = {str(row["issue_key"]): str(row["url"]) for row in teams if row["name"] == team}
    page = somebody.page
    page.set_default_timeout(20_000)
    page.get_by_label("チーム").select_option(label=team)
    settled(page)
    expect(page.locator("#card-overdue .answer")).to_contain_text(f"{len(late)} 件")
    if page.locator("#table-overdue button.more").count():
        page.locator("#table-overdue button.more").click()
    links = page.locator("#table-overdue tbody a")
    expect(links).to_have_count(len(late))
    assert {link.inner_text(): link.get_attribute("href") for link in links.all()} == late
    assert links.first.get_attribute("rel") == "noopener noreferrer"
    key = links.first.inner_text()
    somebody.page.context.set_offline(False)
    with page.context.expect_page() as at_backlog:
        links.first.click()
    expect(at_backlog.value.get_by_role("heading", level=1)).to_contain_text(key)
    assert at_backlog.value.url == late[key]
    at_backlog.value.close()
    somebody.page.context.set_offline(True)
    page.reload()
    expect(page.locator("#card-overdue .answer")).to_contain_text(f"{len(late)} 件")
    expect(page.get_by_label("チーム").locator("option:checked")).to_have_text(team)
    alone = built.query(
        "SELECT i.assignee_id, count(*) AS n FROM mart.issue_now AS i JOIN mart.team_member "
        "AS m ON m.space_key = i.space_key "
        "AND m.user_id = coalesce(i.assignee_id, 0) WHERE m.team_id = 0 "
        "AND i.is_overdue GROUP BY 1"
    )
    assert {row["assignee_id"] is None for row in alone} == {True, False}, (
        "unassigned work, and work of people"
    )
    page.get_by_label("チーム").select_option(label="所属なし")
    settled(page)
    page.reload()
    expect(page.locator("#card-overdue .answer b")).to_have_text(
        f"{sum(row['n'] for row in alone)} 件"
    )
    expect(page.get_by_label("チーム").locator("option:checked")).to_have_text("所属なし")
    page.get_by_role("button", name="絞り込みを解除").click()
    [everybody] = built.query("SELECT count(*) AS n FROM mart.issue_now WHERE is_overdue")
    expect(page.locator("#card-overdue .answer")).to_contain_text(f"{everybody['n']} 件")
    assert somebody.noted == []


def test_what_the_page_adds_up_is_what_the_metrics_say(
    somebody: Reader, built: Deployment, file: Path
) -> None:
    """Charts, tables and figures come from these functions: of all issues, of a project, of a type
    in it, of a person.
    """
    data = unpacked(file.read_text(encoding="utf-8"))
    issues, names = data["tables"]["issues"], Counter(data["people"])
    late = Counter(
        issues["a"][at]
        for at, due in enumerate(issues["due"])
        if due is not None and due < data["today"]
    )
    person = next(at for at, _ in late.most_common() if at and names[data["people"][at]] == 1)
    project, kind = (
        f"project={data['projects'][0]['key']}",
        f"issue_type={data['types'][issues['t'][0]]}",
    )
    page = somebody.page

    def added_up(**choice: int) -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(
            ADDED_UP, {name: str(value) for name, value in choice.items()}
        )
        return found

    def said(*names: str, by: str, where: list[str]) -> dict[Row, Any]:
        return metric(built, [*names], by.split(), where)

    kind_in_it = {"project": 0, "type": issues["t"][0]}
    for choice, where in (({}, []), ({"project": 0}, [project]), (kind_in_it, [project, kind])):
        of = added_up(**choice)
        assert of["overdue"] == total(built, "overdue_issues", where)
        assert kept(of["stages"]) == said("issues_in_stage", by="stage", where=where)
        assert kept([row[:3] for row in of["weeks"]]) == said(
            "issues", "issues_done", by="week", where=where
        )
        if "type" in choice:  # by which these cannot be cut
            continue
        assert kept([[*row[:1], row[3]] for row in of["weeks"]]) == said(
            "reopenings", by="week", where=where
        )
        assert kept(of["months"]) == said("planned_hours", "worked_hours", by="month", where=where)
        load = said("upcoming_hours", by="person", where=where)
        # The page has a word of its own for nobody.
        assert kept(of["load"]) == {
            ("" if name == "(nobody)" else name,): hours for (name,), hours in load.items()
        }
        counted = said(
            "milestone_scope",
            "milestone_done",
            by="project burn__milestone_name",
            where=where,
        )
        assert kept(of["milestones"]).items() <= counted.items()
        assert of["milestones"] or where, "a project may have none under way"
    of, name = added_up(person=person), data["people"][person]
    assert of["overdue"] == total(built, "overdue_issues", [f"assignee={name}"]) > 0
    where = [f"person={name}"]
    assert kept(of["load"]) == said("upcoming_hours", by="person", where=where)
    assert kept(of["months"]) == said("planned_hours", "worked_hours", by="month", where=where)


def test_the_card_of_the_plan_counts_what_is_past(somebody: Reader, built: Deployment) -> None:
    months = metric(built, ["planned_hours", "worked_hours"], ["month"], [])
    before = [hours for (of,), hours in months.items() if of < "2026-05"]
    page = somebody.page
    page.get_by_label("期間").select_option("all")
    # As if it was opened in May: the plan of May and of what follows has its hours still to
    # come.
    assert max(of for (of,) in months) > "2026-05"
    page.evaluate(
        "day => { DATA.today = day; return update(); }",
        (date(2026, 5, 20) - date(1970, 1, 1)).days,
    )
    settled(page)
    share = 100 * sum(hours for _, hours in before) / sum(hours for hours, _ in before)
    shown = number(page.locator("#card-plan .answer").inner_text().split("予定の")[1])
    assert shown == pytest.approx(share, abs=1)
    expect(page.locator("#chart-hours .said")).to_contain_text("直近 2 年分")
    page.evaluate("() => { for (const row of DATA.effort) row.a = 0; return update(); }")
    settled(page)
    expect(page.locator("#chart-hours .plot")).to_contain_text("不明")
    people = page.locator("#table-plan tbody td:first-child")
    expect(people).to_have_text(["不明", "未割り当て"])


def test_milestones_end_on_the_page_when_the_mart_says(somebody: Reader, built: Deployment) -> None:
    said = built.query(
        "SELECT f.project_key || ' ' || f.milestone AS name, f.done_by_50, f.done_by_85 "
        "FROM mart.forecast AS f "
        "JOIN mart.milestone_summary AS s ON s.milestone_id = f.milestone_id AND NOT s.archived "
        "WHERE f.is_last AND f.left_open > 0"
    )
    page = somebody.page
    ends = page.evaluate(
        "() => milestones(selection()).rows.map(one => "
        "[one.milestone, iso(one.by_50), iso(one.by_85)])"
    )
    assert sum(row["done_by_85"] is not None for row in said) >= 1
    assert {
        (
            row["name"],
            *(day.isoformat() if day else "–" for day in (row["done_by_50"], row["done_by_85"])),
        )
        for row in said
    } <= {(*one,) for one in ends}


def test_a_milestone_has_no_end_on_the_page_that_nobody_knows(somebody: Reader) -> None:
    page = somebody.page
    first, second, due, end = page.evaluate(SLOWED)
    settled(page)
    page.locator("#chart-milestones summary").click()
    expect(page.locator("#rows-milestones tbody tr").first).to_be_visible()
    rows = {
        row.locator("td").first.inner_text(): [
            cell.inner_text() for cell in row.locator("td").all()[1:]
        ]
        for row in page.locator("#rows-milestones tbody tr").all()
    }
    assert rows[first] == ["–", "–", due, "遅れる見込み", "完了 5 件未満"]
    assert rows[second][1] == end
    unknown = page.locator("#chart-milestones .plot text").filter(has_text="?").first
    for ink in ("rgb(34, 39, 46)", "rgb(230, 233, 238)"):  # light, dark
        expect(unknown).to_have_css("fill", ink)
        page.locator("#theme").click()
        settled(page)


def test_every_chart_has_its_table_and_tables_are_sorted_by_keyboard(somebody: Reader) -> None:
    page = somebody.page
    shown = page.locator("figure.chart:not(.nothing)")
    assert shown.count() >= 8
    for figure in shown.all():
        assert figure.locator(".plot > svg").count() == 1
        assert figure.locator(".plot").get_attribute("role") == "img"
        assert figure.locator(".plot").get_attribute("aria-label")
        figure.locator("summary").click()
        expect(figure.locator("tbody tr").first).to_be_visible()
    for name in ("ageing", "cycle"):
        link = page.locator(f"#rows-{name} tbody a").first
        assert (link.get_attribute("href") or "").endswith(f"/view/{link.inner_text()}")
    head = page.locator("#table-overdue th").filter(has_text="超過日数")
    for order in ("descending", "ascending"):
        head.get_by_role("button").focus()
        page.keyboard.press("Enter")
        expect(head).to_have_attribute("aria-sort", order)
        days = [
            int(cell.inner_text().replace(",", ""))
            for cell in page.locator("#table-overdue tbody td:nth-child(3)").all()
        ]
        assert days == sorted(days, reverse=order == "descending")
    assert somebody.noted == []


def test_one_language_at_a_time_light_or_dark_and_axe_finds_nothing(
    chromium: Chromium, file: Path
) -> None:
    for width, locale, scheme in ((1600, "ja-JP", "light"), (390, "en-US", "dark")):
        # axe is a script of its own, which the policy of the page would refuse.
        with chromium.window(
            width, 1000, locale=locale, color_scheme=scheme, bypass_csp=True
        ) as page:
            page.goto(file.as_uri())
            settled(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (
                "wide things scroll in themselves"
            )
            for switched in ("#language", "#theme", "#language", None):
                japanese = page.evaluate("document.documentElement.lang") == "ja"
                expect(
                    page.get_by_role(
                        "heading", name="滞留している課題は?" if japanese else "What is stuck?"
                    )
                ).to_be_visible()
                violations = Axe().run(page).response["violations"]
                assert [
                    (one["id"], [node["html"] for node in one["nodes"]]) for one in violations
                ] == []
                if switched:
                    page.locator(switched).click()
                    settled(page)


def test_what_is_dark_on_the_screen_is_printed_dark_on_white(
    chromium: Chromium, file: Path
) -> None:
    with chromium.window(1600, 1000, locale="ja-JP", color_scheme="dark") as page:
        page.goto(file.as_uri())
        settled(page)
        colours = (
            "[...new Set([...document.querySelectorAll('.plot svg text')].map(one => "
            "getComputedStyle(one).fill))]"
        )
        on_screen = page.evaluate(colours)
        page.emulate_media(media="print")
        printed = page.evaluate(colours)
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(34, 39, 46)"
    assert {"rgb(230, 233, 238)", "rgb(169, 179, 192)"} <= {*on_screen}
    assert {"rgb(34, 39, 46)", "rgb(86, 95, 107)"} <= {*printed}
    assert not {"rgb(230, 233, 238)", "rgb(169, 179, 192)"} & {*printed}


def test_archived_milestones_are_shown_when_asked_for(somebody: Reader, built: Deployment) -> None:
    rows = built.query(
        "SELECT project_key, milestone, archived FROM mart.milestone_summary WHERE NOT is_deleted"
    )
    archived = [row for row in rows if row["archived"]]
    assert archived
    page = somebody.page
    assert page.get_by_role("cell", name="(アーカイブ済み)").count() == 0
    burns = page.locator("#burns figure")
    under_way = burns.count()
    page.get_by_label("アーカイブ済みも").check()
    settled(page)
    assert burns.count() > under_way
    page.locator("#table-milestones button.more").click()
    expect(page.locator("#table-milestones tbody tr")).to_have_count(len(rows))


def test_a_report_says_whose_history_is_not_complete(
    chromium: Chromium, file: Path, tmp_path: Path
) -> None:
    data = unpacked(file.read_text(encoding="utf-8"))
    assert {row["history_share"] for row in data["sync"]} == {1}
    with reader(chromium) as somebody:
        expect(opened(somebody, file).locator("#notes")).to_be_hidden()
        key = data["sync"][0]["project_key"]
        data["notes"] = [["note_history", {"projects": key}]]
        page = opened(somebody, with_data(file, data, tmp_path / "partly.html"))
        expect(page.locator("#notes")).to_have_text(
            f"コメントと変更履歴がまだそろっていないプロジェクトがあります: {key}。"
            "過去の値はこれから変わります。"
        )
