"""Trouble at the source, people who leave, and other processes, for the tests of the engine."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from resources.warehouse.server.connect import engine
from simulator import Fault, RequestInfo
from tests.syncs import Syncs

#: What makes an issue one that cannot be stored.
ESTIMATE_OF_NO_NUMBER = {"estimatedHours": "many"}


def spoil(
    syncs: Syncs, fields: Mapping[int, Mapping[str, Any]], route: str = "/issues"
) -> Callable[[], None]:
    """Let lists of a route tell other fields of some records, until the function that is returned
    is called.
    """
    told = dict(fields)

    def rewrite(request: RequestInfo, body: Any) -> Any:
        if request.route != route or not isinstance(body, list):
            return body
        return [record | told.get(record["id"], {}) for record in body]

    syncs.sim.rewrite_response(rewrite)
    return told.clear


def asked_by_id(syncs: Syncs) -> list[set[int]]:
    """Return which issues each request has asked for by id."""
    found = [
        {int(value) for name, value in one.params if name == "id[]"}
        for one in syncs.sim.requests.recent()
    ]
    return [ids for ids in found if ids]


def refuse(syncs: Syncs, project: str, fault: Fault) -> Callable[[], None]:
    """Let a fault hit each read of the issues of a project, alone or with others, until the
    function that is returned is called.
    """
    of_project = ("projectId[]", str(syncs.sim.space.project(project).id))
    faults = [fault]

    def arm(request: RequestInfo) -> None:
        if request.route == "/issues" and of_project in request.params:
            syncs.sim.faults.add(*faults)

    syncs.sim.before_request(arm)
    return faults.clear


def once(syncs: Syncs, when: Callable[[RequestInfo], bool], do: Callable[[], object]) -> None:
    """Do something before the first request of a kind is answered."""
    waiting = [do]

    def before(request: RequestInfo) -> None:
        if waiting and when(request):
            waiting.pop()()

    syncs.sim.before_request(before)


def break_off(syncs: Syncs, after: int) -> None:
    """Let all requests for issues fail once so many have been answered."""
    answered = iter(range(after))
    once(
        syncs,
        lambda request: request.route == "/issues" and next(answered, None) is None,
        lambda: syncs.sim.faults.add(Fault(status=500, path="/issues(/count)?", times=None)),
    )


def leave(syncs: Syncs, project: str, user: int) -> None:
    """Take a user out of a project, teams included."""
    space = syncs.sim.space
    for team in list(space.project(project).teams):
        space.remove_project_team(project, team)
    if user in space.project(project).members:
        space.remove_member(project, user)


@dataclass
class Watcher:
    """A progress that notes the ends that are announced, and the waits, says when there was a wait,
    and may hold its load up when rows are stored.
    """

    totals: list[int] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    at_rows: Callable[[str], object] = lambda _table: None
    at_wait: Callable[[], object] = lambda: None

    def start(self, what: str, total: int | None) -> None:
        """Note an end."""
        self.totals += [total] if total is not None else []

    def advance(self, what: str, rows: int) -> None:
        """Hold the load up."""
        self.at_rows(what)

    def wait(self, reason: str, seconds: float, until: datetime) -> None:
        """Note a wait."""
        self.waits.append(reason)
        self.waiting.set()
        self.at_wait()

    def done(self, what: str, rows: Mapping[str, int], requests: Mapping[str, int]) -> None:
        """Note nothing."""


@contextmanager
def beside(syncs: Syncs) -> Iterator[Syncs]:
    """Give the same as another process has it."""
    other = engine(syncs.engine.url.render_as_string(hide_password=False))
    yield replace(syncs, engine=other)
    other.dispose()
