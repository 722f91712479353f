"""Make the pictures of the README from the running UI: `make screenshots`.

Starts a deployment of its own on a simulated space, loads it, backfills a part, and takes the pictures in headless Chromium; about
two minutes. Add here: another picture. Keep out: ways to use the UI that a test shares (`tests/integration/browser.py`).
"""

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from assets.raw import RAW_ASSETS
from tests.integration.browser import Analyst, analyst_at, running_up

IMAGES = Path(__file__).parent / "images"
WIDTH = 1400
#: Of the navigation when it is hidden.
RAIL_WIDTH = 68
LARGEST_BYTES = 250_000
#: Assets of the group, all of which the graph must show.
TABLES = len(RAW_ASSETS)
#: Lies over the top of the graph.
TOOLBAR_HEIGHT = 58
#: Kept free around the graph.
MARGIN = 20
#: After the last data has come: fonts, plots and moving parts come to rest.
SETTLE_MILLISECONDS = 2_000


def main() -> None:
    """Take the pictures; an exception says what is wrong with the UI."""
    with running_up(history_start="2025-01") as up:
        with analyst_at(up) as analyst:
            analyst.backfill(["WEB", "INFRA"], "2026-04", "2026-06")
            page = analyst.open("/assets/raw/issues?view=checks")
            expect(page.get_by_text("Succeeded", exact=True)).to_have_count(6)
            analyst.load_partition("WEB", up.delete_issue("WEB")[1])
        with analyst_at(up, width=WIDTH + RAIL_WIDTH, height=1040) as analyst:
            _save("exactness", _exactness(analyst))
        with analyst_at(up, width=WIDTH, height=1000) as analyst:
            _save("lineage", _lineage(analyst))
        with analyst_at(up, width=WIDTH + RAIL_WIDTH, height=1040) as analyst:
            _save("issues", _stacked(analyst.page, [_partitions(analyst), _plots(analyst)]))


def _lineage(analyst: Analyst) -> bytes:
    """The graph of the group `raw` with the checks of each table, and beside it what is known of raw/issues."""
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
    page.locator("foreignObject").get_by_text("issues", exact=True).click()
    page.get_by_text("Metadata plots", exact=True).click()
    expect(page.get_by_text("View all check details")).to_be_visible()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    _fit(page)
    expect(page.get_by_text("View all check details")).to_be_visible()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return page.screenshot()


def _fit(page: Page) -> None:
    """Drag the graph to the middle of its pane, and zoom out until all of its nodes are drawn there."""
    nodes = page.locator("foreignObject")
    pane = nodes.first.locator("xpath=ancestor::div[2]").bounding_box()
    if pane is None:
        raise RuntimeError("the page shows no graph")
    left, top, right, bottom = pane["x"], pane["y"] + TOOLBAR_HEIGHT, pane["x"] + pane["width"], pane["y"] + pane["height"]
    x, y = left + MARGIN, top + MARGIN
    while True:
        graph = _extent(nodes)
        across, down = (left + right) / 2 - graph.middle[0], (top + bottom) / 2 - graph.middle[1]
        # A shorter way is a click, which would deselect the asset.
        if abs(across) + abs(down) > MARGIN:
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + across, y + down, steps=5)
            page.mouse.up()
            page.wait_for_timeout(SETTLE_MILLISECONDS)
        if nodes.count() == TABLES and _extent(nodes).height < bottom - top - MARGIN:
            return
        _icon(page, "zoom_out").click()
        page.wait_for_timeout(SETTLE_MILLISECONDS)


@dataclass(frozen=True)
class _Extent:
    height: float
    middle: tuple[float, float]


def _extent(nodes: Locator) -> _Extent:
    boxes = [box for node in nodes.all() if (box := node.bounding_box())]
    left, top = min(box["x"] for box in boxes), min(box["y"] for box in boxes)
    right, bottom = max(box["x"] + box["width"] for box in boxes), max(box["y"] + box["height"] for box in boxes)
    return _Extent(bottom - top, ((left + right) / 2, (top + bottom) / 2))


def _icon(page: Page, name: str) -> Locator:
    return page.get_by_role("button").filter(has=page.get_by_role("img", name=name, exact=True)).last


def _partitions(analyst: Analyst) -> bytes:
    """The partitions of raw/issues, one of them with its figures."""
    page = analyst.open("/assets/raw/issues?view=partitions")
    page.get_by_text("Hide navigation").click()
    page.get_by_title("WEB", exact=True).click()
    page.get_by_title("2026-05", exact=True).click()
    expect(page.get_by_text("dagster/partition_row_count")).to_be_visible()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 0, 500)


def _plots(analyst: Analyst) -> bytes:
    """The state of raw/issues, and its load metrics partition by partition."""
    page = analyst.plots()
    expect(page.get_by_text("Passing").first).to_be_visible()
    for section in ("Description", "Columns"):
        page.get_by_role("button", name=section).first.click()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 105, 910)


def _exactness(analyst: Analyst) -> bytes:
    """How each project stands, and what was deleted and why: what the check of the counts tells."""
    page = analyst.open("/assets/raw/issues?view=checks")
    page.get_by_text("Hide navigation").click()
    page.get_by_text("issue_counts_match_source", exact=True).first.click()
    expect(page.get_by_role("row").filter(has_text="confirmed by GET /issues?id[]").first).to_be_visible()
    page.wait_for_timeout(SETTLE_MILLISECONDS)
    return _cut(page, 105, 910)


def _cut(page: Page, top: float, height: float) -> bytes:
    """Return a strip of the page without the rail at its left."""
    return page.screenshot(clip={"x": RAIL_WIDTH, "y": top, "width": WIDTH, "height": height})


def _stacked(page: Page, pictures: list[bytes]) -> bytes:
    """Put pictures of one width one below the other."""
    images = "".join(f'<img src="data:image/png;base64,{base64.b64encode(picture).decode()}">' for picture in pictures)
    page.set_content(f"<style>body{{margin:0}} main{{width:{WIDTH}px}} img{{display:block}}</style><main>{images}</main>")
    return page.locator("main").screenshot()


def _save(name: str, picture: bytes) -> None:
    if len(picture) > LARGEST_BYTES:
        raise RuntimeError(f"{name}.png has {len(picture):,} bytes, more than {LARGEST_BYTES:,}: show less")
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.png").write_bytes(picture)
    sys.stdout.write(f"docs/images/{name}.png: {len(picture):,} bytes\n")


if __name__ == "__main__":
    main()
