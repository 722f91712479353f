"""The filters and sort orders of `GET /issues`."""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from simulator.clock import day_bounds
from simulator.errors import invalid
from simulator.masters import LIST_KINDS, CustomField
from simulator.model import Issue
from simulator.params import Params
from simulator.world import World

Test = Callable[[Issue], bool]
CUSTOM = re.compile(r"customField_(\d+)(_min|_max|_otherValue|\[\d*\])?")
LISTS = {
    "issueTypeId": lambda issue: (issue.type_id,),
    "categoryId": lambda issue: issue.category_ids,
    "versionId": lambda issue: issue.version_ids,
    "milestoneId": lambda issue: issue.milestone_ids,
    "statusId": lambda issue: (issue.status_id,),
    "priorityId": lambda issue: (issue.priority_id,),
    "assigneeId": lambda issue: (issue.assignee_id,),
    "createdUserId": lambda issue: (issue.created_by,),
    "resolutionId": lambda issue: (issue.resolution_id,),
    "id": lambda issue: (issue.id,),
    "parentIssueId": lambda issue: (issue.parent_id,),
}
"""List filters, which match any of the values; `projectId` is handled before."""
MOMENTS = {"created": lambda issue: issue.created, "updated": lambda issue: issue.updated}
DAYS = {"startDate": lambda issue: issue.start_date, "dueDate": lambda issue: issue.due_date}
FILTERS = (
    *(f"{name}[]" for name in ("projectId", *LISTS)),
    *(f"{name}{end}" for name in (*MOMENTS, *DAYS) for end in ("Since", "Until")),
    "parentChild", "attachment", "sharedFile", "keyword", "hasDueDate",
    "sort", "order", "offset", "count", "expand[]",
)  # fmt: skip
SORTS = (
    "issueType", "category", "version", "milestone", "summary", "status", "priority", "attachment",
    "sharedFile",
    "created", "createdUser", "updated", "updatedUser", "assignee", "startDate", "dueDate",
    "estimatedHours",
    "actualHours", "childIssue",
)  # fmt: skip
FAMILY = range(11)


def tests_of(world: World, params: Params) -> list[Test]:
    """Return the conditions for an issue, the cheapest first."""
    tests = list(_moment_tests(world, params))
    for name, values_of in LISTS.items():
        if requested := frozenset(params.ints(name)):
            # mypy cannot infer lambdas with defaults.
            tests.append(
                lambda issue, w=requested, of=values_of: (  # type: ignore[misc]
                    not w.isdisjoint(of(issue))
                )
            )
    if params.has("hasDueDate"):
        if params.flag("hasDueDate"):
            raise invalid("hasDueDate supports only false.")
        tests.append(lambda issue: issue.due_date is None)
    for name, attribute in (("attachment", "attachments"), ("sharedFile", "shared_files")):
        requested_flag = params.flag(name)
        if requested_flag is not None:
            tests.append(
                lambda issue, a=attribute, w=requested_flag: (  # type: ignore[misc]
                    bool(getattr(issue, a)) == w
                )
            )
    if params.has("parentChild"):
        tests.append(_family_test(world, params.integer("parentChild", FAMILY)))
    if word := params.text("keyword", "").casefold():
        tests.append(
            lambda issue: word in issue.summary.casefold() or word in issue.description.casefold()
        )
    tests += _custom_tests(world, params)
    return tests


def sort_key(world: World, name: str) -> Callable[[Issue], Any]:
    """Return the key of a sort; empty values come first in ascending order.

    Raises:
        ApiError: there is no such sort.
    """
    if match := re.fullmatch(r"customField_(\d+)", name):
        field_id = int(match.group(1))
        return lambda issue: _blank_first(_plain(issue.custom.get(field_id)))
    if name not in SORTS:
        raise invalid(f"sort is not one of the allowed values: {name}")
    projects, users = world.projects, world.users
    keys: dict[str, Callable[[Issue], Any]] = {
        "issueType": lambda issue: projects[issue.project_id].issue_types[issue.type_id].name,
        "category": lambda issue: [
            projects[issue.project_id].categories[one].name for one in issue.category_ids
        ],
        "version": lambda issue: [
            projects[issue.project_id].versions[one].name for one in issue.version_ids
        ],
        "milestone": lambda issue: [
            projects[issue.project_id].versions[one].name for one in issue.milestone_ids
        ],
        "summary": lambda issue: issue.summary,
        "status": lambda issue: issue.status_id,
        "priority": lambda issue: issue.priority_id,
        "attachment": lambda issue: len(issue.attachments),
        "sharedFile": lambda issue: len(issue.shared_files),
        "created": lambda issue: issue.created,
        "createdUser": lambda issue: users[issue.created_by].name,
        "updated": lambda issue: issue.updated,
        "updatedUser": lambda issue: users[issue.updated_by].name,
        "assignee": lambda issue: _blank_first(issue.assignee_id and users[issue.assignee_id].name),
        "startDate": lambda issue: _blank_first(issue.start_date),
        "dueDate": lambda issue: _blank_first(issue.due_date),
        "estimatedHours": lambda issue: _blank_first(issue.estimated_hours),
        "actualHours": lambda issue: _blank_first(issue.actual_hours),
        "childIssue": lambda issue: len(world.children.get(issue.id, ())),
    }
    return keys[name]


def _blank_first(value: Any) -> tuple[bool, Any]:
    return (False, 0) if value is None else (True, value)


def _plain(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _moment_tests(world: World, params: Params) -> Iterator[Test]:
    """Yield the tests of day filters. Switches set the time zone and bounds for times; dates need
    neither.
    """
    spec, switches = world.spec, world.switches
    zone = {"space": spec.timezone, "utc": "UTC", "user": spec.user_timezone}[switches.date_zone]
    for name, moment_of in MOMENTS.items():
        since, until = params.day(f"{name}Since"), params.day(f"{name}Until")
        if since is not None:
            least = day_bounds(since, zone)[0 if switches.inclusive_dates else 1]
            yield lambda issue, of=moment_of, a=least: of(issue) >= a  # type: ignore[misc]
        if until is not None:
            below = day_bounds(until, zone)[1 if switches.inclusive_dates else 0]
            yield lambda issue, of=moment_of, b=below: of(issue) < b  # type: ignore[misc]
    for name, day_of in DAYS.items():
        since, until = params.day(f"{name}Since"), params.day(f"{name}Until")
        if since is not None or until is not None:
            low, high = (since or date.min).isoformat(), (until or date.max).isoformat()
            if switches.inclusive_dates:
                yield lambda issue, of=day_of, a=low, b=high: (  # type: ignore[misc]
                    a <= (of(issue) or "") <= b
                )
            else:
                yield lambda issue, of=day_of, a=low, b=high: (  # type: ignore[misc]
                    a < (of(issue) or "") < b
                )


def _family_test(world: World, kind: int) -> Test:
    """Return the test of `parentChild`; without grandchildren in the space, 5 matches nothing and
    the others are unaffected.
    """

    def child(issue: Issue) -> bool:
        return issue.parent_id is not None

    def parent(issue: Issue) -> bool:
        return bool(world.children.get(issue.id))

    def grandchild(issue: Issue) -> bool:
        return child(issue) and world.issues[issue.parent_id or 0].parent_id is not None

    tests: tuple[Test, ...] = (
        lambda issue: True,
        lambda issue: not child(issue),
        child,
        lambda issue: not child(issue) and not parent(issue),
        parent,
        grandchild,
        lambda issue: child(issue) and not grandchild(issue),
        lambda issue: not child(issue),
        lambda issue: not grandchild(issue),
        child,
        lambda issue: not parent(issue),
    )
    return tests[kind]


def _custom_tests(world: World, params: Params) -> list[Test]:
    """Return the tests of `customField_...`: a keyword, a range, or items of a list."""
    definitions = {
        one.id: one for project in world.projects.values() for one in project.fields.values()
    }
    items: dict[int, set[int]] = {}
    tests: list[Test] = []
    for name, value in params.pairs:
        if not (match := CUSTOM.fullmatch(name)):
            continue
        definition = definitions.get(int(match.group(1)))
        if definition is None:
            raise invalid(f"No such custom field: {name}")
        ending = match.group(2)
        if ending == "_otherValue":
            raise invalid(f"error.unknownParameter : {name}")
        if ending in ("_min", "_max"):
            tests.append(_range_test(definition, ending == "_min", value))
        elif ending is not None or definition.kind in LIST_KINDS:
            items.setdefault(definition.id, set()).add(params.number(name, value))
        else:
            tests.append(
                lambda issue, i=definition.id, v=value: (  # type: ignore[misc]
                    v in str(issue.custom.get(i, ""))
                )
            )
    for field_id, requested in items.items():
        tests.append(
            lambda issue, i=field_id, w=requested: (  # type: ignore[misc]
                not w.isdisjoint(_plain(issue.custom.get(i, ((), None))))
            )
        )
    return tests


def _range_test(definition: CustomField, lower: bool, text: str) -> Test:
    if definition.kind == 3:
        try:
            bound: Any = float(text)
        except ValueError:
            raise invalid(f"not a number: {text}") from None
    else:
        bound = text

    def test(issue: Issue) -> bool:
        value: Any = issue.custom.get(definition.id)
        return value is not None and (value >= bound if lower else value <= bound)

    return test
