"""The contents of a space, lookups in it, and the record of recent changes."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from simulator.clock import Clock
from simulator.masters import ADMINISTRATOR
from simulator.model import Activity, Comment, Issue, Project, Team, User
from simulator.plan import LICENCE
from simulator.spec import SpaceSpec, Switches

Moment = int | datetime | None
Reference = int | str
FIRST_IDS = {
    "user": 1_073_741_901,
    "project": 1_073_800_100,
    "issue": 2_147_500_001,
    "comment": 2_400_000_001,
    "activity": 3_000_000_001,
    "status": 1_073_900_001,
    "other": 2_150_000_001,
}
REMEMBERED = 2_000
ACTIONS: set[str] = set()
"""Names of all methods that change a space."""
S = TypeVar("S", bound="State")
P = ParamSpec("P")
R = TypeVar("R")


def mutator(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Mark a method of the space as a change: it takes the lock and increments the
    space's version.
    """
    ACTIONS.add(method.__name__)

    @wraps(method)
    def locked(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            self.version += 1
            return method(self, *args, **kwargs)

    return locked


class State:
    """Everything in the space; read and change it only while holding `lock` (mutators take it
    themselves).
    """

    def __init__(self, spec: SpaceSpec, switches: Switches, clock: Clock) -> None:
        self.spec = spec
        self.switches = switches
        self.clock = clock
        self.lock = threading.RLock()
        self.name = spec.space_key.capitalize()
        self.licence = dict(LICENCE)
        self.users: dict[int, User] = {}
        self.teams: dict[int, Team] = {}
        self.projects: dict[int, Project] = {}
        self.issues: dict[int, Issue] = {}
        self.issue_ids: list[int] = []
        self.children: dict[int, set[int]] = {}
        self.activities: list[Activity] = []
        self.activity_listeners: list[Callable[[Activity], None]] = []
        self.version = 0
        self._touched: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)
        self._forgotten = 0
        self._ids = dict(FIRST_IDS)
        if spec.ids == "int32":
            self._ids = {kind: first % 2**30 for kind, first in FIRST_IDS.items()}

    @property
    def administrator(self) -> User:
        """The first administrator of the space: its owner, and the default author of changes."""
        return next(user for user in self.users.values() if user.role == ADMINISTRATOR)

    def project(self, reference: Reference) -> Project:
        """Return a project by id or key.

        Raises:
            KeyError: there is none.
        """
        if isinstance(reference, int) or reference.isdigit():
            return self.projects[int(reference)]
        for project in self.projects.values():
            if project.key == reference:
                return project
        raise KeyError(reference)

    def issue(self, reference: Reference | Issue) -> Issue:
        """Return an issue by id or key.

        Raises:
            KeyError: there is none.
        """
        if isinstance(reference, Issue):
            return self.issues[reference.id]
        if isinstance(reference, int) or reference.isdigit():
            return self.issues[int(reference)]
        key, _, number = reference.rpartition("-")
        project = self.project(key)
        for issue in project.issues.values():
            if str(issue.key_id) == number:
                return issue
        raise KeyError(reference)

    def comment_row(self, reference: Comment | int) -> Comment:
        """Return a comment by id.

        Raises:
            KeyError: there is none.
        """
        if isinstance(reference, Comment):
            return reference
        for issue in self.issues.values():
            for row in issue.comments:
                if row.id == reference:
                    return row
        raise KeyError(reference)

    def issue_key(self, issue: Issue) -> str:
        """Return the present key of an issue; renaming the project changes it."""
        return f"{self.projects[issue.project_id].key}-{issue.key_id}"

    def changed_since(self, version: int) -> set[int] | None:
        """Return the ids of issues that may have changed since `version`; None when unknown."""
        if version < self._forgotten:
            return None
        found = set()
        for at, issue_id in reversed(self._touched):
            if at <= version:
                break
            found.add(issue_id)
        return found

    def touch(self, issue_id: int) -> None:
        """Record that an issue was changed, created or deleted."""
        if len(self._touched) == REMEMBERED:
            self._forgotten = self._touched[0][0]
        self._touched.append((self.version, issue_id))

    def touch_all(self) -> None:
        """Record that the order or filter results of any issue may have changed."""
        self._touched.clear()
        self._forgotten = self.version

    def new_id(self, kind: str) -> int:
        """Return the next id of a kind."""
        self._ids[kind] += 1
        return self._ids[kind]

    def moment(self, at: Moment) -> int:
        """Return `at` in seconds since 1970; None means now by the space's clock."""
        if at is None:
            return int(self.clock.now())
        return at if isinstance(at, int) else int(at.timestamp())

    def author(self, by: int | None, at: int) -> int:
        """Return the acting user, and update that user's `lastLoginTime`."""
        user = self.administrator if by is None else self.users[by]
        user.last_login = max(at, user.last_login or 0)
        return user.id

    def record(self, kind: int, project: Project, by: int, at: int, *data: Any) -> Activity:
        """Append an activity to the feed of the space."""
        activity = Activity(self.new_id("activity"), kind, project.id, by, at, data)
        self.activities.append(activity)
        project.activities.append(activity)
        for listener in self.activity_listeners:
            listener(activity)
        return activity
