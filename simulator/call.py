"""One authenticated call: the user, the parameters, and what the user may see."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from simulator.auth import Keyring
from simulator.errors import forbidden, invalid, not_found
from simulator.limits import RateLimiter
from simulator.listing import Listings
from simulator.masters import ADMINISTRATOR
from simulator.model import Comment, Issue, Project, User
from simulator.params import Params
from simulator.query import CUSTOM
from simulator.shapes import Viewer
from simulator.world import World

_id = attrgetter("id")


@dataclass(frozen=True)
class Reply:
    """An answer other than a 200 with JSON."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Services:
    """The objects that endpoints use."""

    world: World
    listings: Listings
    keyring: Keyring
    limiter: RateLimiter


@dataclass(frozen=True)
class Call:
    """One call of one user; hold the space's lock while answering it."""

    services: Services
    user: User
    path: dict[str, str]
    params: Params

    @property
    def world(self) -> World:
        """The space."""
        return self.services.world

    @property
    def viewer(self) -> Viewer:
        """The shapes as this user sees them."""
        return Viewer(self.world, self.user)

    @property
    def is_administrator(self) -> bool:
        """Whether the user administers the space."""
        return self.user.role == ADMINISTRATOR

    def require_administrator(self) -> None:
        """Refuse users who do not administer the space."""
        if not self.is_administrator:
            raise forbidden()

    def require_any_administrator(self) -> None:
        """Refuse users who administer neither the space nor a project."""
        if not self.is_administrator and not any(
            self.user.id in one.administrators for one in self.world.projects.values()
        ):
            raise forbidden()

    def sees(self, project: Project) -> bool:
        """Return whether the user may see a project."""
        return self.is_administrator or self.world.is_member(project, self.user.id)

    def joined(self) -> Iterable[Project]:
        """Return the projects that the user belongs to."""
        return (
            one for one in self.world.projects.values() if self.world.is_member(one, self.user.id)
        )

    def project(self) -> Project:
        """Return the project in the path; one that the user may not see does not exist."""
        try:
            project = self.world.project(self.path["project"])
        except KeyError:
            raise not_found("project") from None
        if not self.sees(project):
            raise not_found("project")
        return project

    def issue(self) -> Issue:
        """Return the issue that the path names."""
        try:
            issue = self.world.issue(self.path["issue"])
        except KeyError:
            raise not_found("issue") from None
        if not self.sees(self.world.projects[issue.project_id]):
            raise not_found("issue")
        return issue

    def comment(self) -> Comment:
        """Return the comment that the path names."""
        requested = self.path["comment"]
        for row in self.issue().comments:
            if str(row.id) == requested:
                return row
        raise not_found("comment")

    def refuse_unknown(self, known: frozenset[str]) -> None:
        """Refuse an unknown parameter, if a switch says so."""
        if not self.world.switches.reject_unknown:
            return
        for name in sorted(self.params.names() - known - {"apiKey"}):
            if not (CUSTOM.fullmatch(name) and "customField_{id}" in known):
                raise invalid(f"error.unknownParameter : {name}")

    def by_id(self, rows: list[Any]) -> list[Any]:
        """Return one page of rows sorted by id, by `minId`, `maxId`, `order` and `count`."""
        least, most = self.params.optional("minId"), self.params.optional("maxId")
        count = self.params.count(self.world.switches.clamp_count)
        descending = self.params.choice("order", ("asc", "desc"), "desc") == "desc"
        inclusive = self.world.switches.inclusive_ids
        low = 0 if least is None else bisect_left(rows, least if inclusive else least + 1, key=_id)
        high = (
            len(rows)
            if most is None
            else bisect_left(rows, most + 1 if inclusive else most, key=_id)
        )
        if low >= high:
            return []
        return (
            rows[max(low, high - count) : high][::-1]
            if descending
            else rows[low : min(high, low + count)]
        )


Handler = Callable[[Call], Any]
