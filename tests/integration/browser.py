"""A real `backlog-elt up` and a browser on its Dagster UI or on a file: how they are started, used and ended.

The test of the analyst's way and the pictures of the README share it. Add here: a way the UI is used by both. Keep out: checks.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psutil
from playwright.sync_api import Error, Locator, Page, expect, sync_playwright

from resources.warehouse import embedded

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: The longest that a step may take on a machine whose cores are busy; the daemon looks for backfills every 30 s.
PATIENCE_SECONDS = 120.0
END_SECONDS = 20.0
_COMMAND = str(Path(sys.executable).with_name("backlog-elt"))
RUNS_OF_PARTITION = """
query($partition: String!) {
  runsOrError(filter: {tags: [{key: "dagster/partition", value: $partition}]}, limit: 1) {
    ... on Runs { results { runId status } }
  }
}"""
RUNS_OF_MARTS = """
{ runsOrError(filter: {pipelineName: "marts", statuses: [SUCCESS]}, limit: 1) { ... on Runs { results { runId } } } }"""

SENSOR = """
query($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) { ... on Sensor { id } } }"""
STOP_SENSOR = """
mutation($id: String!) { stopSensor(id: $id) { ... on StopSensorMutationResult { instigationState { status } } } }"""


@dataclass(frozen=True)
class Up:
    """A running `backlog-elt up` with a home of its own."""

    home: Path
    port: int
    service_port: int
    process: subprocess.Popen[bytes]
    log: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Where the Dagster UI is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def service_url(self) -> str:
        """Where the sync service is."""
        return f"http://127.0.0.1:{self.service_port}"

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return what Dagster answers to a query."""
        answer = httpx.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=PATIENCE_SECONDS).json()
        if answer.get("errors"):
            raise RuntimeError(f"GraphQL: {answer['errors']}")
        found: dict[str, Any] = answer["data"]
        return found

    def wait_until_loaded(self) -> None:
        """Wait until the first load has printed its summary."""
        end = time.monotonic() + PATIENCE_SECONDS
        while "\ncompleted in " not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the first load has not ended well:\n{self.tail()}")
            time.sleep(0.3)

    def delete_issue(self, project: str) -> tuple[str, str]:
        """Delete the issue of a project that was changed last, at the source; return its key, and the month of its last change."""
        runtime = json.loads((self.home / "runtime.json").read_text())
        with httpx.Client(base_url=f"{runtime['backlog_url']}/api/v2", params={"apiKey": runtime["backlog_api_key"]}) as source:
            identifier = source.get(f"/projects/{project}").json()["id"]
            newest = {"projectId[]": identifier, "sort": "updated", "order": "desc", "count": 1}
            [issue] = source.get("/issues", params=newest).json()
            source.delete(f"/issues/{issue['id']}").raise_for_status()
        changed = datetime.fromisoformat(issue["updated"]).astimezone(ZoneInfo("Asia/Tokyo"))
        return str(issue["issueKey"]), f"{changed:%Y-%m}"

    def wait_for_partition(self, partition: str) -> None:
        """Wait until the newest run of a single partition has ended well."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            runs = self.graphql(RUNS_OF_PARTITION, partition=partition)["runsOrError"]["results"]
            if runs and runs[0]["status"] == "SUCCESS":
                return
            if time.monotonic() > end or (runs and runs[0]["status"] in {"FAILURE", "CANCELED"}):
                raise RuntimeError(f"the run of {partition} has not ended well: {runs}\n{self.tail()}")
            time.sleep(0.3)

    def wait_for_marts(self) -> None:
        """Wait until the marts have been built; the sensor does it within a minute of the first load."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (runs := self.graphql(RUNS_OF_MARTS)["runsOrError"]["results"]):
            if time.monotonic() > end:
                raise RuntimeError(f"no build of marts has ended well: {runs}\n{self.tail()}")
            time.sleep(0.3)

    def stop_sensor(self, name: str) -> None:
        """Switch a sensor off, as somebody does in the UI."""
        selector = {"sensorName": name, "repositoryName": "__repository__", "repositoryLocationName": "backlog_elt"}
        identifier = self.graphql(SENSOR, sensor=selector)["sensorOrError"]["id"]
        answer = self.graphql(STOP_SENSOR, id=identifier)["stopSensor"]
        if answer.get("instigationState", {}).get("status") != "STOPPED":
            raise RuntimeError(f"the sensor {name} was not stopped: {answer}")

    def report(self, *options: str) -> Path:
        """Write the report of this home, as somebody does at the command line, and return the file."""
        command = [_COMMAND, "report", *options]
        done = subprocess.run(command, env=self.environment, cwd=self.home, capture_output=True, check=True, text=True)
        return Path(done.stdout.strip())

    def verify(self) -> None:
        """Compare every row with the source, as somebody does at the command line; people work there, so rows may be behind."""
        command = [_COMMAND, "verify", "--deep", "--no-progress"]
        subprocess.run(command, env=self.environment, cwd=self.home, capture_output=True, check=False)

    def tail(self, lines: int = 40) -> str:
        """Return the last lines that `up` and its children wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Ask `up` to end and wait for it.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(END_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """Return every process that was started for this home, whoever is its parent by now."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("BACKLOG_ELT_HOME") == str(self.home) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


@contextmanager
def running_up(*, history_start: str) -> Iterator[Up]:
    """Start `backlog-elt up` on a simulated space and an embedded PostgreSQL, loaded once, and leave nothing behind."""
    # Not under pytest's folders: they are for one user only, and the server of root runs as another.
    folder = Path(tempfile.mkdtemp(prefix="backlog-elt-up-"))
    home, log = folder / "home", folder / "up.log"
    try:
        up = _start(home, log, history_start)
        try:
            up.wait_until_loaded()
            yield up
        finally:
            if up.process.poll() is None:
                up.stop()
    finally:
        embedded.stop(home)
        shutil.rmtree(folder)


def _start(home: Path, log: Path, history_start: str) -> Up:
    ours = ("BACKLOG_", "DAGSTER_", "WAREHOUSE_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {"BACKLOG_ELT_HOME": str(home), "BACKLOG_HISTORY_START": history_start}
    port, service_port = free_ports(2)
    command = [_COMMAND, "up", "--port", str(port), "--service-port", str(service_port)]
    with log.open("wb") as output:
        # Not from the checkout, whose .env may name a real space.
        process = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    return Up(home, port, service_port, process, log, environment)


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback address on which nobody listens."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


@dataclass(frozen=True)
class Analyst:
    """Somebody at a browser window; `strangers` are the addresses other than the UI that the pages asked for."""

    up: Up
    page: Page
    strangers: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Open a page of the UI."""
        self.page.goto(self.up.url + path)
        return self.page

    def backfill(self, projects: Sequence[str], first: str, last: str) -> str:
        """Backfill some months of some projects from the page of `raw/issues`, wait until it has ended well, return its id."""
        self._choose(projects, f"[{first}...{last}]").get_by_role("button", name="Launch backfill").click()
        page = self.page
        page.get_by_role("region", name="Notifications").get_by_role("link", name="View").click()
        expect(page.get_by_text("100% completed")).to_be_visible()
        expect(page.get_by_text("Succeeded", exact=True).first).to_be_visible()
        return page.url.split("/runs/b/")[1].split("?")[0].strip("/")

    def load_partition(self, project: str, month: str) -> None:
        """Load one partition from the page of `raw/issues`, and wait until its run has ended well."""
        self._choose([project], month).get_by_role("button", name="Launch 1 run").click()
        self.up.wait_for_partition(f"{project}|{month}")

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
def analyst_at(up: Up, *, width: int = 1400, height: int = 1000) -> Iterator[Analyst]:
    """Open a browser window; what goes wrong in it is told with a picture of it and what `up` said last."""
    with _window(width, height) as page:
        analyst = Analyst(up, page)
        page.on("request", lambda request: _note_stranger(analyst, request.url))
        try:
            yield analyst
        except (AssertionError, Error) as error:
            error.add_note(f"the last lines of `up`:\n{up.tail()}")
            raise


@dataclass(frozen=True)
class Reader:
    """Somebody who looks at a page of ours; `noted` is what the page asked for besides itself, and what it complained of."""

    page: Page
    noted: list[str] = field(default_factory=list)

    def open(self, file: Path) -> Page:
        """Open a file."""
        self.page.on("request", lambda request: None if request.url == file.as_uri() else self._note(request.url))
        self.page.on("console", lambda message: self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.goto(file.as_uri())
        return self.page

    def _note(self, what: str) -> None:
        if not what.startswith("data:"):
            self.noted.append(what)

    def collisions(self) -> list[str]:
        """Return the texts of pictures that lie on each other or stick out of their picture, in the fonts of this machine."""
        found: list[str] = self.page.evaluate(_COLLISIONS)
        return found


_COLLISIONS = """() => [...document.querySelectorAll('svg')].flatMap(picture => {
  const edge = picture.getBoundingClientRect();
  const boxes = [...picture.querySelectorAll('text')].map(text => ({said: text.textContent, box: text.getBoundingClientRect()}));
  const beyond = box => box.left < edge.left || box.right > edge.right || box.top < edge.top || box.bottom > edge.bottom;
  const out = boxes.filter(({box}) => beyond(box));
  // The box of a line is higher than its letters.
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.35 * Math.min(a.height, b.height);
  const pairs = boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => meet(a.box, b.box)).map(b => `${a.said} | ${b.said}`));
  return [...out.map(({said}) => `outside: ${said}`), ...pairs];
})"""


@contextmanager
def visitor_at(url: str, *, locale: str = "ja-JP", width: int = 1100, height: int = 1000, **options: Any) -> Iterator[Reader]:
    """Open the page of the sync service; `noted` is what it asked of others and what it complained of."""
    with _window(width, height, locale=locale, **options) as page:
        visitor = Reader(page)
        page.on("request", lambda request: None if request.url.startswith(url) else visitor.noted.append(request.url))
        page.on("pageerror", lambda error: visitor.noted.append(str(error)))
        page.on("console", lambda message: visitor.noted.append(message.text))
        page.goto(url)
        yield visitor


@contextmanager
def reader(*, width: int = 1000) -> Iterator[Reader]:
    """Open a browser window that has no network."""
    with _window(width, 1000) as page:
        page.context.set_offline(True)
        yield Reader(page)


@contextmanager
def _window(width: int, height: int, **options: Any) -> Iterator[Page]:
    """Open a browser window; what goes wrong in it is told with a picture of it.

    Raises:
        RuntimeError: there is no Chromium.
    """
    if not CHROMIUM.exists():
        raise RuntimeError(f"{CHROMIUM} is missing: apt-get install chromium (Debian, Ubuntu), or run .ci/run, which does it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": width, "height": height}, timezone_id="Asia/Tokyo", **options)
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        expect.set_options(timeout=PATIENCE_SECONDS * 1000)
        try:
            yield page
        except (AssertionError, Error) as error:
            picture = Path(tempfile.gettempdir()) / "backlog-elt-browser.png"
            page.screenshot(path=picture)
            error.add_note(f"{page.url} looked like {picture}")
            raise
        finally:
            browser.close()


def _note_stranger(analyst: Analyst, url: str) -> None:
    if not url.startswith((analyst.up.url, "data:", "blob:")):
        analyst.strangers.append(url)
