"""What a load of issues reads, as values: the request of a run, the known state, reads and their
ends.

`plan.py` makes them, `apply.py` carries them out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ClassVar, Literal

from resources.backlog.position import Resume
from resources.backlog.window import CompletenessProof
from resources.warehouse.state.refetch_requests import RequestedIssue
from resources.warehouse.state.sync_state import Checkpoint
from sync.modes import Mode
from sync.month_windows import Slice
from sync.visible_projects import Project

#: Of a read that is not bound yet.
NOT_BOUND = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Request:
    """What a run asks of a load: incremental goes by `projects`, backfill by `parts`; `months` are
    all months of the deployment, oldest first.
    """

    mode: Mode
    months: tuple[str, ...] = ()
    projects: tuple[Project, ...] = ()
    parts: tuple[tuple[Slice, Project], ...] = ()


@dataclass(frozen=True)
class State:
    """What the warehouse knows when a load is planned, or when one of its reads begins.

    `watermarks`: project -> the instant before which all its changes are stored.
    `begun`, `interrupted`: project -> how far a read of it that was broken off had come: of the
        whole project, and of its changes.
    `unplaced`: projects with an issue in quarantine that can only be found by reading all of the
        project; None: of any project.
    `crowded`: project -> the last change of the issue that would be one too many of those that come
        again, where it is read from an earlier instant than its watermark.
    `requested`: the issues that are to be read by id.
    `stored`: of the project that a snapshot reads, when each issue was created, and its id, oldest
        first.
    """

    watermarks: Mapping[int, datetime] = field(default_factory=dict)
    begun: Mapping[int, Checkpoint] = field(default_factory=dict)
    interrupted: Mapping[int, Checkpoint] = field(default_factory=dict)
    unplaced: frozenset[int | None] = frozenset()
    crowded: Mapping[int, datetime] = field(default_factory=dict)
    requested: tuple[RequestedIssue, ...] = ()
    stored: tuple[tuple[datetime, int], ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """All issues of a project, oldest first.

    `key` is the one that the run names. `keeps_cursor`: it can be continued when it is broken off;
    a backfill of a complete project begins anew. `resume`: it is the rest of an earlier try.
    `changes_until`: this load has read the changes before. `expected`: as `State.stored`;
    a read that can be continued should meet these.
    """

    project: Project
    key: str
    months: tuple[str, ...]
    keeps_cursor: bool = True
    resume: Resume | None = None
    changes_until: datetime | None = None
    expected: tuple[tuple[datetime, int], ...] = ()

    mode: ClassVar[Mode] = "backfill"
    since: ClassVar[None] = None
    until: ClassVar[None] = None

    @property
    def keys(self) -> dict[int, str]:
        """The project and the key that it is reported under."""
        return {self.project.id: self.key}

    @property
    def projects(self) -> tuple[Project, ...]:
        """The project."""
        return (self.project,)

    @property
    def order(self) -> str | None:
        """The order in which it can be continued, None where it cannot."""
        return "created" if self.keeps_cursor else None

    @property
    def anew(self) -> "Snapshot":
        """The same from its beginning."""
        return replace(self, resume=None)


@dataclass(frozen=True)
class Changes:
    """What changed in projects since the oldest of their watermarks.

    `later`: those of them that this load reads whole, which gives them their watermark.
    `since` is that oldest watermark, `start` where the read begins: later, where `resume` has
    brought the rest of a pass that was broken off. `rest_of`: the snapshot that it completes.
    """

    projects: tuple[Project, ...]
    months: tuple[str, ...]
    later: frozenset[int] = frozenset()
    since: datetime = NOT_BOUND
    start: datetime = NOT_BOUND
    resume: Resume | None = None
    rest_of: Snapshot | None = None

    mode: ClassVar[Mode] = "incremental"
    order: ClassVar[str] = "updated"

    @property
    def keys(self) -> dict[int, str]:
        """The projects and their keys."""
        return {project.id: project.key for project in self.projects}


@dataclass(frozen=True)
class Months:
    """The same months of projects, to the second. `moves`: projects whose watermark lies in them,
    and that they reach from to now.
    """

    parts: tuple[tuple[Slice, Project], ...]
    moves: frozenset[int] = frozenset()

    mode: ClassVar[Mode] = "backfill"
    order: ClassVar[None] = None

    @property
    def projects(self) -> tuple[Project, ...]:
        """The projects."""
        return tuple(project for _, project in self.parts)

    @property
    def keys(self) -> dict[int, str]:
        """The projects and the keys that they are reported under."""
        return {project.id: part.project_key for part, project in self.parts}

    @property
    def months(self) -> tuple[str, ...]:
        """The months, oldest first."""
        return self.parts[0][0].months

    @property
    def since(self) -> datetime | None:
        """Where the months begin, None: with the first of all."""
        return self.parts[0][0].since

    @property
    def until(self) -> datetime | None:
        """Where the months end, None: with the newest."""
        return self.parts[0][0].until


@dataclass(frozen=True)
class Lookup:
    """Issues by id, a hundred a request; what is absent, and proven to be, is marked deleted.

    `parts` are read one after the other, each under the locks of its projects. `locks`: wait for
    them, skip the projects that another load has, or the load holds them already. `renamed`: the
    projects that may have got another key; `bind` says which have, and their issues.
    """

    mode: Mode
    parts: tuple[tuple[RequestedIssue, ...], ...] = ()
    locks: Literal["wait", "skip", "held"] = "skip"
    acknowledge: bool = True
    renamed: tuple[Project, ...] = ()


Pass = Snapshot | Changes | Months
Read = Pass | Lookup


@dataclass(frozen=True)
class End:
    """How a read ended: all changes before `as_of` are stored. `differing`: projects whose number
    of issues differs from the source's. `resumed`: only the rest of a read was read.
    """

    as_of: datetime
    proof: CompletenessProof
    differing: frozenset[int] = frozenset()
    resumed: bool = False
