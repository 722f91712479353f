"""One Chromium, and windows in it: on the Dagster UI of a running `up`, on the page of the sync
service, or on a file.

The tests of what people see and the pictures of the README share it.
"""

import os
import tempfile
from asyncio import events
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

from tests.integration.running import PATIENCE_SECONDS, Up

BINARY = Path("/usr/bin/chromium")
#: A name of somebody else that leads to this machine.
REBOUND = "evil.example.com"
CHROMIUM_OPTIONS = [
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Whether a plot holds coloured pixels: its line is coloured, axes and grid are grey.
HAS_A_LINE = """canvas => {
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 0; i < data.length; i += 4) {
    const colour = data.slice(i, i + 3);
    if (data[i + 3] > 128 && Math.max(...colour) - Math.min(...colour) > 60) return true;
  }
  return false;
}"""


@dataclass(frozen=True)
class Chromium:
    """A running browser. Each window is somebody of its own there: with no history, no cookie and
    no cached page.
    """

    browser: Browser
    _loop: events.AbstractEventLoop

    @contextmanager
    def window(self, width: int, height: int, **options: Any) -> Iterator[Page]:
        """Open a window; a failure comes with a picture of it."""
        with _running(self._loop):
            context = self.browser.new_context(
                viewport={"width": width, "height": height}, timezone_id="Asia/Tokyo", **options
            )
            page = context.new_page()
            page.set_default_timeout(PATIENCE_SECONDS * 1000)
            try:
                yield page
            except (AssertionError, Error) as error:
                picture = Path(tempfile.gettempdir()) / "backlog-elt-browser.png"
                page.screenshot(path=picture)
                error.add_note(f"{page.url} looked like {picture}")
                raise
            finally:
                context.close()


@contextmanager
def running_chromium() -> Iterator[Chromium]:
    """Start Chromium. Without it the test is skipped, but never in `.ci/run`.

    Raises:
        RuntimeError: there is no Chromium, and BROWSER_REQUIRED is set.
    """
    if not BINARY.exists():
        reason = (
            f"{BINARY} is missing: apt-get install chromium (Debian, Ubuntu), or "
            "run .ci/run, which does it"
        )
        if "BROWSER_REQUIRED" in os.environ:
            raise RuntimeError(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    playwright = sync_playwright().start()
    loop = events.get_running_loop()
    events._set_running_loop(None)
    try:
        with _running(loop):
            browser = playwright.chromium.launch(executable_path=BINARY, args=CHROMIUM_OPTIONS)
        yield Chromium(browser, loop)
    finally:
        with _running(loop):
            playwright.stop()


@contextmanager
def _running(loop: events.AbstractEventLoop) -> Iterator[None]:
    """Let the loop of Playwright be the one of this thread. It says so all the time, and other
    tests could start none.
    """
    before = events._get_running_loop()
    events._set_running_loop(loop)
    try:
        yield
    finally:
        events._set_running_loop(before)


@dataclass(frozen=True)
class Analyst:
    """Somebody at a browser window; `strangers` are the addresses other than the UI that the pages
    asked for.
    """

    up: Up
    page: Page
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page of the UI."""
        self.page.goto(self.up.url + path)
        return self.page

    def backfill(self, projects: Sequence[str], first: str, last: str) -> str:
        """Backfill some months of some projects from the page of `raw/issues`, wait until it has
        ended well, return its id.
        """
        self._choose(projects, f"[{first}...{last}]").get_by_role(
            "button", name="Launch backfill"
        ).click()
        page = self.page
        page.get_by_role("region", name="Notifications").get_by_role("link", name="View").click()
        expect(page.get_by_text("100% completed")).to_be_visible()
        expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
        return page.url.split("/runs/b/")[1].split("?")[0].strip("/")

    def load_partition(self, project: str, month: str) -> None:
        """Load one partition from the page of `raw/issues`, and wait until its run has
        ended well.
        """
        partition = f"{project}|{month}"
        before = self.up.newest_run(partition)
        self.launch_partition(project, month)
        self.up.wait_for_partition(partition, before)

    def launch_partition(self, project: str, month: str) -> None:
        """Launch a run of one partition from the page of `raw/issues`."""
        self._choose([project], month).get_by_role("button", name="Launch 1 run").click()

    def add_project(self, key: str) -> None:
        """Type a key into the dialog that adds a partition to those of projects."""
        page = self.open("/assets/raw/issues")
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Add a partition").click()
        dialog = page.get_by_role("dialog").filter(has_text="Add a partition for backlog_projects")
        dialog.get_by_role("textbox").fill(key)
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()

    def _choose(self, projects: Sequence[str], months: str) -> Locator:
        """Choose partitions on the page of `raw/issues`, and return the dialog that loads them."""
        page = self.open("/assets/raw/issues")
        page.get_by_role("button", name="Materialize").first.click()
        dialog = page.get_by_role("dialog").filter(has_text="Launch runs to materialize")
        field = dialog.get_by_placeholder("ex: ")
        field.wait_for()
        dialog.get_by_text("Select a partition or create one").click()
        for project in projects:
            dialog.get_by_role("menuitem").get_by_title(project, exact=True).click()
        page.keyboard.press("Escape")
        field.fill(months)
        field.press("Enter")
        return dialog

    def plots(self) -> Page:
        """Open the plots of the load metrics of `raw/issues`, by partition."""
        page = self.open("/assets/raw/issues?view=overview")
        page.get_by_role("button", name="Plots").click()
        page.locator("canvas").nth(3).wait_for()
        return page


@contextmanager
def analyst_at(
    chromium: Chromium, up: Up, *, width: int = 1400, height: int = 1000
) -> Iterator[Analyst]:
    """Open a browser window; a failure comes with a picture of it and with what `up` said last."""
    with chromium.window(width, height) as page:
        analyst = Analyst(up, page)
        page.on("request", lambda request: _note_stranger(analyst, request.url))
        try:
            yield analyst
        except (AssertionError, Error) as error:
            error.add_note(f"the last lines of `up`:\n{up.tail()}")
            raise


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at a page of ours; `noted` is what the page asked for besides itself, and
    what it complained of.
    """

    page: Page
    noted: list[str] = field(default_factory=list)

    def open(self, file: Path) -> Page:
        """Open a file."""
        self.page.on(
            "request",
            lambda request: None if request.url == file.as_uri() else self._note(request.url),
        )
        self.page.on("console", lambda message: self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.goto(file.as_uri())
        return self.page

    def _note(self, what: str) -> None:
        if not what.startswith("data:"):
            self.noted.append(what)

    def collisions(self) -> list[str]:
        """Return the texts of pictures that lie on each other or stick out of their picture, in the
        fonts of this machine.
        """
        found: list[str] = self.page.evaluate(_COLLISIONS)
        return found


_COLLISIONS = """() => [...document.querySelectorAll('svg')].flatMap(picture => {
  const edge = picture.getBoundingClientRect();
  // Labels that would lie on others are there, and not to be seen.
  const seen = [...picture.querySelectorAll('text')].filter(text =>
    getComputedStyle(text).opacity !== '0');
  const boxes = seen.map(text => ({said: text.textContent, box: text.getBoundingClientRect()}));
  const beyond = box =>
    box.left < edge.left || box.right > edge.right ||
    box.top < edge.top || box.bottom > edge.bottom;
  const out = boxes.filter(({box}) => beyond(box));
  // The box of a line is higher than its letters.
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.35 * Math.min(a.height, b.height);
  const pairs = boxes.flatMap((a, i) =>
    boxes.slice(i + 1).filter(b => meet(a.box, b.box)).map(b => `${a.said} | ${b.said}`));
  return [...out.map(({said}) => `outside: ${said}`), ...pairs];
})"""


@contextmanager
def visitor_at(
    chromium: Chromium,
    url: str,
    *,
    locale: str = "ja-JP",
    width: int = 1100,
    height: int = 1000,
    **options: Any,
) -> Iterator[Reader]:
    """Open the page of the sync service; `noted` is what it asked of others and what it complained
    of.
    """
    with chromium.window(width, height, locale=locale, **options) as page:
        visitor = Reader(page)
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(url) else visitor.noted.append(request.url)
            ),
        )
        page.on("pageerror", lambda error: visitor.noted.append(str(error)))
        page.on("console", lambda message: visitor.noted.append(message.text))
        page.goto(url)
        yield visitor


@contextmanager
def reader(
    chromium: Chromium, *, width: int = 1000, locale: str = "ja-JP", **options: Any
) -> Iterator[Reader]:
    """Open a browser window that has no network."""
    with chromium.window(width, 1000, locale=locale, **options) as page:
        page.context.set_offline(True)
        yield Reader(page)


def _note_stranger(analyst: Analyst, url: str) -> None:
    if not url.startswith((analyst.up.url, "data:", "blob:")):
        analyst.strangers.append(url)
