"""The number of issues of each project on both sides, and what explains a difference: the same for
the end of a load and for `verify`.

A source that stands still costs one request a project. Where the numbers differ, the feed and the
newest changes are asked what has happened since the project was read, and the source is counted
again until a count stands between two looks at the feed that report nothing new: only then is it
known what the number was of. Where the warehouse still has too many, it is asked for each by id.

Issues that were changed are not seen by a number; the row reconciliation sees them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.feed import DeletionFeed
from resources.backlog.paginator import instant
from resources.backlog.scan import LOOKBACK, PROJECTS_PER_REQUEST
from resources.warehouse.raw.schema import SPECS
from sync.by_id import IssuesById, chunks
from sync.holdings import holdings, projects_in_quarantine, quarantined, stored_by_key

#: The grain of the source's times.
SECOND = timedelta(seconds=1)
#: So often is a project counted while it keeps changing.
MOST_COUNTS = 12

#: Issue -> when it changed last, and whether it was created since the project was read.
Arrivals = dict[int, tuple[datetime, bool]]
_CAME, _WENT = ("created", "moved here"), ("deleted", "moved away")


@dataclass(frozen=True)
class ProjectCount:
    """The issues of one project on both sides, and what has happened at the source since they were
    read.

    `warehouse`: rows that are not marked deleted. `refused`: how many more the source has because
        the warehouse refuses them (below zero where one that has moved away is refused in its new
        project). Not `conclusive`: the project changed too fast to be compared.
    """

    project: str
    source: int
    warehouse: int
    project_id: int = 0
    refused: int = 0
    quarantined: int = 0
    happened: Mapping[str, int] = field(default_factory=dict)
    """created, moved here, deleted, moved away -> issues."""
    conclusive: bool = True

    @property
    def difference(self) -> int:
        """Issues that the warehouse has too many (or too few, below zero) and that nothing
        explains.
        """
        came, went = (sum(self.happened.get(name, 0) for name in names) for names in (_CAME, _WENT))
        return self.warehouse + self.refused + came - went - self.source


def source_count(client: BacklogClient, project_ids: Iterable[int]) -> int:
    """Return the number of issues that the source has in projects, a hundred projects a request,
    which keeps the address short.
    """
    parts = chunks(project_ids, PROJECTS_PER_REQUEST)
    return sum(client.issues_count(IssueFilter(project_id=part)) for part in parts)


def differing_projects(
    client: BacklogClient,
    engine: Engine,
    space_key: str,
    project_ids: Sequence[int],
    read_at: datetime,
) -> set[int]:
    """Return the projects that have not as many issues as at the source, apart from what happened
    there after they were read.

    What happened in the very second of `read_at`, or before, is for the load that asks. One that
    changes too fast to be compared is among them. One request a project, more for one that differs.

    Raises:
        BacklogError: a project refuses to be counted.
        WarehouseError: the warehouse cannot be read.
    """
    # The caller reads a project that differs again whole, so that asking for each issue by id
    # before would only cost.
    counter = ProjectCounter(
        client, engine, space_key, dict.fromkeys(project_ids, read_at + SECOND), by_id=False
    )
    counts = [counter.count(project) for project in project_ids]
    return {
        one.project_id for one in counter.explained(counts) if one.difference or not one.conclusive
    }


class ProjectCounter:
    """Counts projects, against what the warehouse had when the counter was made.

    `since` says from when on what happened in each is no difference. `by_id`: ask for what is too
    many.
    """

    def __init__(
        self,
        client: BacklogClient,
        engine: Engine,
        space_key: str,
        since: Mapping[int, datetime],
        *,
        by_id: bool = True,
    ) -> None:
        self._client, self._engine, self._space_key = client, engine, space_key
        self._since, self._by_id = since, by_id
        self._held = holdings(engine, space_key)
        self._counted_at: dict[int, datetime | None] = {}
        self._listed: set[int] = set()  # as changed lately, in any project

    def count(self, project_id: int, key: str = "") -> ProjectCount:
        """Count a project on both sides; one request.

        Raises:
            BacklogError: the project refuses to be counted.
        """
        source, held = self._source(project_id), self._held
        return ProjectCount(
            key,
            source,
            held.rows[project_id],
            project_id,
            held.refused[project_id],
            held.quarantined[project_id],
        )

    def explained(self, counts: Sequence[ProjectCount]) -> list[ProjectCount]:
        """Return the counts in their order, those that differ with what explains them.

        Raises:
            BacklogError: a project refuses to be read.
            WarehouseError: the warehouse cannot be read.
        """
        found = {count.project_id: count for count in counts}
        # Those with too few first: what has moved there explains what others have too many.
        for count in sorted(counts, key=lambda one: one.difference):
            since = self._since.get(count.project_id)
            if count.difference and since is not None:
                found[count.project_id] = self._explain(count, since)
        return list(found.values())

    def _source(self, project_id: int) -> int:
        count = self._client.issues_count(IssueFilter(project_id=(project_id,)))
        self._counted_at[project_id] = self._client.server_time
        return count

    def _explain(self, count: ProjectCount, since: datetime) -> ProjectCount:
        """Say what has happened in a project since an instant, by a count that is known to be of
        that very state.
        """
        project = count.project_id
        # Once more, and at one moment: another load may have written since the rows were counted.
        known, rows, keyless = self._known(project)
        count = replace(count, warehouse=rows, refused=len(known) + keyless - rows)
        away = known & self._listed
        feed, arrivals = (
            DeletionFeed(self._client, project, since),
            self._arrivals(project, since, known),
        )
        feed.look()
        counted_at = self._counted_at[project]
        latest = max(
            [moment for moment, _ in arrivals.values()] + ([feed.latest] if feed.latest else []),
            default=since,
        )
        stands = (
            not away
            and not feed.refused
            and counted_at is not None
            and latest < counted_at - LOOKBACK
        )
        for _ in range(MOST_COUNTS):
            if not stands:
                count = replace(count, source=self._source(project))
                if feed.look():
                    continue
            found = replace(count, happened=_happened(known, arrivals, away, feed.deleted))
            before = (arrivals, away)
            if found.difference > 0 and self._by_id:
                away = away | self._moved_away(known - feed.deleted.keys() - away, project, since)
            elif not stands and found.difference <= 0:
                arrivals = self._arrivals(project, since, known)
            if (arrivals, away) == before:
                return found
            stands = False
        return replace(
            count, happened=_happened(known, arrivals, away, feed.deleted), conclusive=False
        )

    def _known(self, project_id: int) -> tuple[set[int], int, int]:
        """Return the ids of the issues that the warehouse has of a project, in rows or in
        quarantine, and two numbers.

        These are of rows, and of records in quarantine that have no id.
        """
        issues = SPECS["issues"].table.c
        query = select(issues.id).where(
            issues.space_key == self._space_key,
            issues.project_id == project_id,
            issues.deleted_at.is_(None),
        )
        with self._engine.connect() as connection:
            known = set(connection.execute(query).scalars())
            held = projects_in_quarantine(quarantined(connection, self._space_key))
            stored = stored_by_key(connection, self._space_key, held)
        rows = len(known)
        for key, project in held.items():
            if key.isdigit():
                (known.add if project == project_id else known.discard)(int(key))
        without_id = (
            key for key, project in held.items() if not key.isdigit() and project == project_id
        )
        return known, rows, sum(key not in stored for key in without_id)

    def _arrivals(self, project_id: int, since: datetime, known: Collection[int]) -> Arrivals:
        """Return the issues that changed since an instant and that the warehouse has not; one
        request as a rule.
        """
        found: Arrivals = {}
        for page in self._client.issues(
            IssueFilter(project_id=(project_id,), sort="updated", order="desc")
        ):
            recent = {
                int(issue["id"]): issue for issue in page if instant(issue, "updated") >= since
            }
            self._listed |= recent.keys()
            found |= {
                identifier: (instant(issue, "updated"), instant(issue, "created") >= since)
                for identifier, issue in recent.items()
                if identifier not in known
            }
            if len(recent) < len(page):
                break
        return found

    def _moved_away(self, ids: Collection[int], project_id: int, since: datetime) -> set[int]:
        """Ask for issues by id, and return those that are in another project since an instant, or
        were deleted there.
        """
        visible = [int(project["id"]) for project in self._client.visible_projects()]
        away: set[int] = set()
        asked = IssuesById(self._client, ids, visible)
        for page in asked.pages():
            elsewhere = [issue for issue in page if issue.get("projectId") != project_id]
            away.update(
                int(issue["id"]) for issue in elsewhere if instant(issue, "updated") >= since
            )
        if asked.absent:
            feed = DeletionFeed(self._client, None, since)
            feed.look()
            away |= {
                issue for issue in asked.absent if feed.deleted.get(issue, project_id) != project_id
            }
        return away


def _happened(
    known: Collection[int], arrivals: Arrivals, away: Collection[int], deleted: Collection[int]
) -> dict[str, int]:
    gone = set(known).intersection(deleted)
    came = [created for issue, (_, created) in arrivals.items() if issue not in deleted]
    return {
        "created": sum(came),
        "moved here": len(came) - sum(came),
        "deleted": len(gone),
        "moved away": len(set(away) - gone),
    }
