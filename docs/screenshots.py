"""Make the pictures of the README from the running UI: `make screenshots`.

Starts a deployment of its own on a simulated space, loads it, backfills a part, and takes the
pictures in headless Chromium; about three minutes.
"""

import base64
import re
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from assets.partitions import ISSUE_TABLES
from resources.warehouse.raw.schema import SPECS
from tests.browser import Analyst, Chromium, analyst_at, reader, running_chromium, visitor_at
from tests.integration.running import Up, running_up

IMAGES = Path(__file__).parent / "images"
WIDTH = 1400
#: Of the navigation when it is hidden.
RAIL_WIDTH = 68
LARGEST_BYTES = 300_000
#: All of them must be in the graph.
TABLES = len(SPECS)
#: Lies over the top of the graph.
TOOLBAR_HEIGHT = 58
#: Kept free around the graph.
MARGIN = 20
#: The most that it takes to bring the graph to the middle.
DRAGS = 5
#: Of pictures side by side.
ROW_HEIGHT = 560
#: How else pages are looked at than in Japanese in a window of a usual width.
LOOKS: tuple[dict[str, Any], ...] = (
    {"locale": "en-US", "width": 1600, "color_scheme": "dark"},
    {"locale": "ja-JP", "width": 390, "color_scheme": "light"},
    {"locale": "ja-JP", "width": 390, "color_scheme": "dark"},
    {"locale": "en-US", "width": 390, "color_scheme": "dark"},
)
#: After the last data has come: fonts, plots and moving parts come to rest.
SETTLE_MILLISECONDS = 2_000


def main() -> None:
    """Take the pictures; an exception says what is wrong with the UI."""
    with running_chromium() as chromium, running_up(history_start="2025-01") as up:
        up.wait_for_marts()
        up.stop_sensor("marts_after_loads")  # people work: they would be built all the time
        with analyst_at(chromium, up) as analyst:
            analyst.backfill(["WEB", "INFRA"], "2026-04", "2026-06")
            page = analyst.open("/assets/raw/issues?view=checks")
            expect(page.get_by_text("Succeeded", exact=True)).to_have_count(9)
            up.verify()
            _, month = up.delete_issue("WEB")
            analyst.load_partition("WEB", month)
        with analyst_at(chromium, up, width=WIDTH + RAIL_WIDTH, height=1300) as analyst:
            _save("exactness", _exactness(analyst))
        up.stop_sensor(
            "activity_feed"
        )  # what people change would be loaded while a picture is taken
        with analyst_at(chromium, up, width=WIDTH, height=1000) as analyst:
            _save("lineage", _lineage(analyst))
        with analyst_at(chromium, up, width=WIDTH + RAIL_WIDTH, height=1040) as analyst:
            _save("issues", _stacked(analyst.page, [_partitions(analyst), _plots(analyst)]))
        with analyst_at(chromium, up, width=WIDTH + RAIL_WIDTH, height=1040) as analyst:
            _save("chart", _chart(analyst))
        _save("report", _report(chromium, up))
        _save("report-looks", _looks_of_report(chromium, up))
        for sensor in ("marts_after_loads", "activity_feed"):
            up.start_sensor(sensor)
        _save("service", _service(chromium, up))
        _save("service-looks", _looks_of_service(chromium, up))


def _service(chromium: Chromium, up: Up) -> bytes:
    """The page of the sync service, while a project is read again."""
    with visitor_at(chromium, up.service_url, height=1000) as visitor:
        page = visitor.page
        page.get_by_text("ほかの同期").click()
        page.locator("#project").select_option("OPS")
        page.get_by_role("button", name="全件を読み直す").click()
        page.get_by_role("dialog").get_by_role("button", name="始める").click()
        page.get_by_text("ほかの同期").click()
        expect(page.get_by_role("progressbar", name="コメント OPS (全件)")).to_have_attribute(
            "value", re.compile("[1-9]")
        )
        return page.screenshot()


def _looks_of_service(chromium: Chromium, up: Up) -> bytes:
    """The same page in a wide window in English and dark, and on phones."""
    taken = []
    for look in LOOKS:
        with visitor_at(chromium, up.service_url, **look) as visitor:
            name = "OPS の課題を同期" if look["locale"] == "ja-JP" else "Sync the issues of OPS"
            expect(visitor.page.get_by_role("button", name=name)).to_be_visible()
            visitor.page.wait_for_timeout(SETTLE_MILLISECONDS)
            taken.append(visitor.page.screenshot())
    return _in_a_row(chromium, taken)


def _exactness(analyst: Analyst) -> bytes:
    """How each project stands, and what was deleted."""
    page = analyst.open("/assets/raw/issues?view=checks&checkDetail=issue_counts_match_source")
    page.get_by_text("Hide navigation").click()
    deletions = page.get_by_role("row").filter(has_text="what_was_deleted").last
    expect(deletions).to_contain_text("confirmed by")
    expect(page.get_by_role("cell", name="✓ equal", exact=True)).to_have_count(5)
    expect(page.get_by_role("cell", name="never", exact=True)).to_have_count(0)
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    box = deletions.bounding_box()
    if box is None:
        raise RuntimeError("the page shows no deletions")
    return _cut(page, 0, box["y"] + box["height"] + MARGIN)


def _lineage(analyst: Analyst) -> bytes:
    """The graph of the group `raw` with the checks of each table."""
    page = analyst.open('/asset-groups~(group%3A"raw")')
    expect(page.locator("foreignObject").get_by_text("issues", exact=True)).to_be_visible()
    page.get_by_text("Hide navigation").click()
    _icon(page, "config").click()
    facets = page.get_by_role("dialog")
    for name in ("Latest event", "Kind tag", "Automation"):
        facets.get_by_text(name, exact=True).first.click()
    facets.get_by_role("button", name="Save").click()
    expect(facets).to_have_count(0)
    _icon(page, "panel_show_right").click()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    # The smaller a graph is drawn, the less its nodes show.
    while not page.get_by_text("Asset checks").count():
        _icon(page, "zoom_in").click()
        page.wait_for_timeout(SETTLE_MILLISECONDS)
    _centre(page)
    expect(page.get_by_text("100% filled")).to_have_count(len(ISSUE_TABLES))
    expect(page.get_by_text("Materializing")).to_have_count(0)
    return page.screenshot()


def _centre(page: Page) -> None:
    """Drag the graph to the middle of its pane; nodes that come into the pane are drawn then, and
    may ask for another drag.

    Raises:
        RuntimeError: the graph does not fit.
    """
    nodes = page.locator("foreignObject")
    pane = nodes.first.locator("xpath=ancestor::div[2]").bounding_box()
    if pane is None:
        raise RuntimeError("the page shows no graph")
    left, top, right, bottom = (
        pane["x"],
        pane["y"] + TOOLBAR_HEIGHT,
        pane["x"] + pane["width"],
        pane["y"] + pane["height"],
    )
    x, y = left + MARGIN, top + MARGIN
    for _ in range(DRAGS):
        middle = _middle(nodes)
        across, down = (left + right) / 2 - middle[0], (top + bottom) / 2 - middle[1]
        # A shorter way is a click, which would select something.
        if abs(across) + abs(down) < MARGIN:
            break
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + across, y + down, steps=5)
        page.mouse.up()
        page.wait_for_timeout(SETTLE_MILLISECONDS)
    if nodes.count() != TABLES:
        raise RuntimeError(
            f"the graph shows {nodes.count()} of {TABLES} tables: make the window larger"
        )


def _middle(nodes: Locator) -> tuple[float, float]:
    boxes = [box for node in nodes.all() if (box := node.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right, bottom = (
        max(box["x"] + box["width"] for box in boxes),
        max(box["y"] + box["height"] for box in boxes),
    )
    return (left + right) / 2, (top + bottom) / 2


def _icon(page: Page, name: str) -> Locator:
    return (
        page.get_by_role("button").filter(has=page.get_by_role("img", name=name, exact=True)).last
    )


def _partitions(analyst: Analyst) -> bytes:
    """The partitions of raw/issues, one of them with its figures."""
    page = analyst.open("/assets/raw/issues?view=partitions")
    page.get_by_text("Hide navigation").click()
    page.get_by_title("WEB", exact=True).click()
    page.get_by_title("2026-05", exact=True).click()
    expect(page.get_by_text("dagster/partition_row_count")).to_be_visible()
    expect(page.get_by_text("Materializing (0)")).to_be_visible()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 0, 465)


def _plots(analyst: Analyst) -> bytes:
    """The state of raw/issues, and its load metrics partition by partition."""
    page = analyst.plots()
    expect(page.get_by_text("Passing").first).to_be_visible()
    for section in ("Description", "Columns"):
        page.get_by_role("button", name=section).first.click()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 105, 910)


def _report(chromium: Chromium, up: Up) -> bytes:
    """The first screen of the report."""
    up.wait_for_marts()
    with reader(chromium, width=1600) as somebody:
        page = somebody.open(up.report())
        page.locator("body[data-drawing=no]").wait_for()
        return page.screenshot(clip={"x": 0, "y": 0, "width": 1600, "height": 1000})


def _looks_of_report(chromium: Chromium, up: Up) -> bytes:
    """The same page in a wide window in English and dark, and on phones."""
    taken = []
    for look in LOOKS[:3]:
        with reader(chromium, **look) as somebody:
            page = somebody.open(up.report())
            page.locator("body[data-drawing=no]").wait_for()
            taken.append(page.screenshot())
    return _in_a_row(chromium, taken)


def _chart(analyst: Analyst) -> bytes:
    """The chart of a mart, as its page shows it."""
    page = analyst.open("/assets/mart/flow_daily")
    page.get_by_text("Hide navigation").click()
    for section in ("Description", "Columns"):
        page.get_by_role("button", name=section).first.click()
    picture = page.get_by_role("img", name="Cumulative flow")
    page.wait_for_function("picture => picture.complete", arg=picture.element_handle())
    picture.scroll_into_view_if_needed()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 0, 1000)


def _cut(page: Page, top: float, height: float) -> bytes:
    """Return a strip of the page without the rail at its left."""
    return page.screenshot(clip={"x": RAIL_WIDTH, "y": top, "width": WIDTH, "height": height})


def _stacked(page: Page, pictures: list[bytes]) -> bytes:
    """Put pictures of one width one below the other."""
    return _together(page, pictures, f"main{{width:{WIDTH}px}} img{{display:block}}")


def _in_a_row(chromium: Chromium, pictures: list[bytes]) -> bytes:
    """Put pictures of one height side by side, smaller."""
    with chromium.window(WIDTH, ROW_HEIGHT) as page:
        style = (
            f"main{{display:flex;gap:{MARGIN}px;width:max-content}} img{{height:{ROW_HEIGHT}px}}"
        )
        return _together(page, pictures, style)


def _together(page: Page, pictures: list[bytes], style: str) -> bytes:
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for picture in pictures
    )
    page.set_content(f"<style>body{{margin:0}} {style}</style><main>{images}</main>")
    return page.locator("main").screenshot()


def _save(name: str, picture: bytes) -> None:
    if len(picture) > LARGEST_BYTES:
        raise RuntimeError(
            f"{name}.png has {len(picture):,} bytes, more than {LARGEST_BYTES:,}: show less"
        )
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.png").write_bytes(picture)
    sys.stdout.write(f"docs/images/{name}.png: {len(picture):,} bytes\n")


if __name__ == "__main__":
    main()
