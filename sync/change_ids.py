"""What the values of a change referred to: the change log gives names, this finds the ids as of the
time of the change.

An activity about the same comment gives ids of statuses, priorities and resolutions as they were;
names are looked up in `ops.names`, which knows who had a name when; keys of issues in the keys that
projects have or had. An issue may have moved since: names of a project are looked up in the one
that the activities of that time place the issue in.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, case, or_, select

from resources.backlog.changelog import changes_of
from resources.backlog.client_values import Record
from resources.backlog.feed import ABOUT_ISSUES, issue_events, whole
from resources.backlog.paginator import instant
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.names import Names
from resources.warehouse.state.schema_ops_records import project_keys

#: Field -> kind of `ops.names`; those of a project are looked up in it, the others in the space.
_KINDS_OF_PROJECT = {
    "status": "statuses",
    "issue_type": "issue_types",
    "category": "categories",
    "version": "versions",
    "milestone": "versions",
}
_KINDS_OF_SPACE = {"priority": "priorities", "resolution": "resolutions", "assignee": "users"}
_LISTS = frozenset({"category", "version", "milestone"})
_LIST_FIELDS = frozenset({5, 6, 7, 8})
_BY_ACTIVITY = frozenset({"status", "priority", "resolution"})
#: What is added to a change, of which the source itself says nothing.
ADDED = frozenset({"oldId", "newId", "oldIds", "newIds", "namesOf"})
#: An activity of many issues and the comments in it are this near to each other in time.
_SAME_MOMENT = (timedelta(seconds=-1), timedelta(0), timedelta(seconds=1))
_ISSUE_KEY = re.compile(r"([A-Z0-9_]+)-([0-9]{1,18})")


def known_changes(
    connection: Connection, space_key: str, comments: Collection[int]
) -> list[Record]:
    """Return the changes that stored comments report; none of these comments is marked deleted
    until the transaction ends.

    Those that were stored with characters replaced are left out: they are not what the source has.
    """
    columns = SPECS["comments"].table.c
    query = select(columns.payload, columns.issue_id, columns.project_id).where(
        columns.space_key == space_key, columns.id.in_(comments), columns.deleted_at.is_(None)
    )
    rows = connection.execute(query.order_by(columns.id).with_for_update(read=True))
    found = (
        change for comment, issue, project in rows for change in changes_of(comment, issue, project)
    )
    return [change for change in found if "\ufffd" not in str(change)]


@dataclass(frozen=True)
class _Past:
    """What activities say: issue -> when it was in which project, and comment -> the project and
    the changes with their ids.
    """

    stays: dict[int, list[tuple[datetime, int]]]
    homes: dict[int, int | None]
    changes: dict[int, list[Any]]


class ChangeIds:
    """Finds ids for the changes of comments; reads the names once, the rest page by page."""

    def __init__(self, connection: Connection, space_key: str) -> None:
        self._space_key = space_key
        self._names = Names.read(connection, space_key)

    def resolve(self, connection: Connection, changes: Sequence[Record]) -> list[Record]:
        """Return the changes with `oldId`, `newId`, `oldIds`, `newIds` where it is known what they
        referred to.

        `namesOf` is the project in which names of a project were looked up.
        """
        past = self._past(
            connection,
            [
                change
                for change in changes
                if change["field"] in _BY_ACTIVITY | _KINDS_OF_PROJECT.keys()
            ],
        )
        referred = {
            (comment, str(one.get("field"))): (one.get("old_value"), one.get("new_value"))
            for comment, reported in past.changes.items()
            for one in reported
            if isinstance(one, dict) and one.get("field") in _BY_ACTIVITY
        }
        issues = self._issues(connection, changes)
        homes = self._homes(
            connection, past, [change for change in changes if change["field"] in _KINDS_OF_PROJECT]
        )
        return [change | self._ids(change, referred, issues, homes) for change in changes]

    def _ids(
        self,
        change: Record,
        referred: dict[tuple[int, str], tuple[Any, Any]],
        issues: dict[str, int],
        homes: Mapping[int, int | None],
    ) -> dict[str, Any]:
        if change["kind"] == "attachment":
            return {}
        home = homes.get(change["commentId"])
        found: dict[str, Any] = (
            {"namesOf": home} if home is not None and change["field"] in _KINDS_OF_PROJECT else {}
        )
        references = referred.get((change["commentId"], change["field"]), (None, None))
        for side, reference in zip(("old", "new"), references, strict=True):
            text = change[f"{side}Value"]
            if text in (None, ""):
                continue
            identifier = _whole_or_zero(reference)
            ids = (
                [identifier] if identifier is not None else self._named(change, text, issues, home)
            )
            if ids is not None:
                found |= {f"{side}Ids": ids, f"{side}Id": ids[0] if len(ids) == 1 else None}
        return found

    def _named(
        self, change: Record, text: str, issues: dict[str, int], home: int | None
    ) -> list[int] | None:
        """Look a shown text up; `home` is the project that the issue was in, None where it is
        unknown or not needed.
        """
        name, at = change["field"], instant(change, "created")
        if name == "parent_issue":
            return [issues[text]] if text in issues else None
        if change["kind"] == "custom" and _type_of(change) in _LIST_FIELDS:
            return self._names.resolve_list("custom_field_items", change["customFieldId"], text, at)
        if name in _KINDS_OF_PROJECT and home is None:
            return None
        if name in _LISTS:
            return self._names.resolve_list(_KINDS_OF_PROJECT[name], home or 0, text, at)
        if name not in _KINDS_OF_PROJECT and name not in _KINDS_OF_SPACE:
            return None
        kind, owner = (
            (_KINDS_OF_PROJECT[name], home or 0)
            if name in _KINDS_OF_PROJECT
            else (_KINDS_OF_SPACE[name], 0)
        )
        identifier = self._names.resolve(kind, owner, text, at)
        return None if identifier is None else [identifier]

    def _homes(
        self, connection: Connection, past: _Past, changes: Sequence[Record]
    ) -> dict[int, int | None]:
        """Return comment -> project that its issue was in then, None where that is not known.

        The activity of the comment says it, also one of many issues; or those before and after it,
        when they agree; or what was believed when the change was first stored, before the issue
        moved; or else the next activity, and where there is none the issue as it is now.
        """
        if not changes:
            return {}
        homes = past.homes | self._together(
            connection, [change for change in changes if change["commentId"] not in past.homes]
        )
        believed = self._believed(connection, {change["commentId"] for change in changes})
        for change in changes:
            comment, at, known = (
                change["commentId"],
                instant(change, "created"),
                past.stays[change["issueId"]],
            )
            if comment in homes:
                continue
            first, last = (
                side(known, at, key=lambda stay: stay[0]) for side in (bisect_left, bisect_right)
            )
            # Times are whole seconds: of what happened in the same one, it is not known what came
            # first.
            around = known[max(first - 1, 0) : last]
            if first == last:
                around += known[last : last + 1] or [(at, change["projectId"])]
            places, before = {project for _, project in around}, believed.get(comment)
            if before is not None and (first == 0 or (len(places) > 1 and before in places)):
                places = {before}
            homes[comment] = places.pop() if len(places) == 1 else None
        return homes

    def _past(self, connection: Connection, changes: Sequence[Record]) -> _Past:
        """Return what activities about the issues of some changes say. Comments of pull requests
        may have ids of theirs.
        """
        past = _Past(defaultdict(list), {}, defaultdict(list))
        if not changes:
            return past
        issues, comments = (
            {change[name] for change in changes} for name in ("issueId", "commentId")
        )
        columns = SPECS["activities"].table.c
        reported = case((columns.comment_id.in_(comments), columns.payload["content"]["changes"]))
        query = select(
            columns.content_id, columns.created_at, columns.project_id, columns.comment_id, reported
        ).where(
            columns.space_key == self._space_key,
            columns.content_id.in_(issues),
            columns.type.in_(ABOUT_ISSUES),
        )
        for issue, at, project, comment, some in connection.execute(
            query.order_by(columns.created_at, columns.id)
        ):
            past.stays[issue].append((at, project))
            if comment is not None:
                past.homes[comment] = project
                # A comment may have a second activity, of who was notified.
                past.changes[comment] += some if isinstance(some, list) else []
        return past

    def _together(self, connection: Connection, changes: Sequence[Record]) -> dict[int, int | None]:
        """Return comment -> project where an activity of many issues has it, as a bulk edit
        does.
        """
        columns, keys = SPECS["activities"].table.c, project_keys.c
        moments = {
            instant(change, "created") + apart for change in changes for apart in _SAME_MOMENT
        }
        if not moments:
            return {}
        # With the projects, so that the index on them and the time is used.
        projects = select(keys.project_id).where(keys.space_key == self._space_key)
        query = select(columns.payload).where(
            columns.space_key == self._space_key,
            columns.project_id.in_(projects),
            columns.created_at.in_(moments),
            columns.comment_id.is_(None),
            columns.type.in_(ABOUT_ISSUES),
        )
        events = [
            event
            for activity in connection.execute(query).scalars()
            for event in issue_events(activity)
        ]
        return {
            event.comment_id: event.project_id
            for event in events
            if event.comment_id is not None and event.project_id
        }

    def _believed(self, connection: Connection, comments: Collection[int]) -> dict[int, int]:
        """Return comment -> project whose names its stored changes were read with."""
        columns = SPECS["issue_changes"].table.c
        query = select(columns.comment_id, columns.payload["namesOf"]).where(
            columns.space_key == self._space_key, columns.comment_id.in_(comments)
        )
        return {
            comment: project
            for comment, project in connection.execute(query)
            if isinstance(project, int)
        }

    def _issues(self, connection: Connection, changes: Sequence[Record]) -> dict[str, int]:
        """Return key -> id of the issues that changes of the parent name, also by keys that their
        projects had before.
        """
        keys = {
            text
            for change in changes
            if change["field"] == "parent_issue"
            for text in (change["oldValue"], change["newValue"])
            if isinstance(text, str)
        }
        parts = [
            (match[1], int(match[2]), key) for key in keys if (match := _ISSUE_KEY.fullmatch(key))
        ]
        if not parts:
            return {}
        issues, projects = SPECS["issues"].table.c, project_keys.c
        query = (
            select(projects.project_key, issues.key_id, issues.id)
            .join(
                project_keys,
                and_(
                    projects.space_key == issues.space_key, projects.project_id == issues.project_id
                ),
            )
            .where(
                issues.space_key == self._space_key,
                or_(
                    *(
                        and_(projects.project_key == project, issues.key_id == number)
                        for project, number, _ in parts
                    )
                ),
            )
        )
        found: dict[str, set[int]] = defaultdict(set)
        for project, number, identifier in connection.execute(query):
            found[f"{project}-{number}"].add(int(identifier))
        # A key that one project had before another got it may mean an issue of either.
        return {key: ids.pop() for key, ids in found.items() if len(ids) == 1}


def _type_of(change: Record) -> int | None:
    item = change.get("changeLog")
    attribute = item.get("attributeInfo") if isinstance(item, dict) else None
    return whole(attribute.get("typeId")) if isinstance(attribute, dict) else None


def _whole_or_zero(value: object) -> int | None:
    """Read a reference; resolution 0 is a valid one."""
    return 0 if value in (0, "0") else whole(value)
