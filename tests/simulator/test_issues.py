"""Filters, sorts and paging of `GET /issues` and its count, each against the space itself."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.model import Issue
from simulator.query import SORTS
from tests.simulator.conftest import SMALL, Api


def ids_of(api: Api, **params: Any) -> list[int]:
    """Return the ids of all issues that pass the filters, page by page; ties stand still, or pages
    would miss some.
    """
    if not api.simulator.space.switches.stable_ties:
        api.simulator.switch(stable_ties=True)
    found: list[int] = []
    while page := api.get("/issues", count=100, offset=len(found), **params):
        found += [issue["id"] for issue in page]
    return found


def expected(api: Api, test: Callable[[Issue], bool]) -> set[int]:
    """Return the ids of the issues in the space that pass a test."""
    return {issue.id for issue in api.simulator.space.issues.values() if test(issue)}


def test_pages_hold_every_issue_once_and_the_count_agrees(still: Api) -> None:
    found = ids_of(still, sort="created", order="asc")
    assert len(found) == len(set(found)) == SMALL.issues
    assert still.get("/issues/count") == {"count": SMALL.issues}
    assert still.get("/issues", offset=SMALL.issues) == []
    assert len(still.get("/issues")) == 20


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_is_taken_and_loses_nothing(still: Api, sort: str, order: str) -> None:
    ids = [issue["id"] for issue in still.get("/issues", sort=sort, order=order, count=100)]
    assert len(set(ids)) == 100


@pytest.mark.parametrize("sort", ["updated", "dueDate"])
def test_sorted_values_really_ascend(still: Api, sort: str) -> None:
    page = still.get("/issues", sort=sort, order="asc", count=100)
    values = [issue[sort] or "" for issue in page]
    assert values == sorted(values)


def test_a_custom_field_can_be_sorted_by(still: Api) -> None:
    project = still.simulator.space.project("OPS")
    number = next(field.id for field in project.fields.values() if field.kind == 3)
    asked = {"sort": f"customField_{number}", "count": 100, "projectId[]": project.id}
    fields = [one for issue in still.get("/issues", **asked) for one in issue["customFields"]]
    values = [one["value"] for one in fields if one["id"] == number]
    known = sorted((value for value in values if value is not None), reverse=True)
    assert values == known + [None] * (len(values) - len(known))


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("issueTypeId", "type_id"),
        ("statusId", "status_id"),
        ("priorityId", "priority_id"),
        ("assigneeId", "assignee_id"),
        ("createdUserId", "created_by"),
        ("resolutionId", "resolution_id"),
        ("parentIssueId", "parent_id"),
        ("projectId", "project_id"),
    ],
)
def test_list_filters_take_any_of_their_values(still: Api, name: str, attribute: str) -> None:
    values = sorted(
        {getattr(one, attribute) for one in still.simulator.space.issues.values()} - {None}
    )[:2]
    matching = expected(still, lambda issue: getattr(issue, attribute) in values)
    assert matching
    assert set(ids_of(still, **{f"{name}[]": values})) == matching
    assert still.get("/issues/count", **{f"{name}[]": values}) == {"count": len(matching)}


@pytest.mark.parametrize("name", ["category", "version", "milestone"])
def test_filters_on_several_values_per_issue_take_any(still: Api, name: str) -> None:
    ids = {one.id: getattr(one, f"{name}_ids") for one in still.simulator.space.issues.values()}
    value = next(known[0] for known in ids.values() if known)
    assert set(ids_of(still, **{f"{name}Id[]": value})) == {
        issue for issue, known in ids.items() if value in known
    }


@pytest.mark.parametrize(
    ("zone", "name"), [("space", "Asia/Tokyo"), ("utc", "UTC"), ("user", "America/Los_Angeles")]
)
@pytest.mark.parametrize("inclusive", [True, False])
def test_day_filters_follow_the_switches_for_zone_and_bounds(
    api: Api, zone: str, name: str, inclusive: bool
) -> None:
    api.simulator.switch(date_zone=zone, inclusive_dates=inclusive)
    since, until = date(2026, 2, 1), date(2026, 5, 31)

    def inside(issue: Issue) -> bool:
        day = datetime.fromtimestamp(issue.updated, ZoneInfo(name)).date()
        return since <= day <= until if inclusive else since < day < until

    assert set(ids_of(api, updatedSince=since, updatedUntil=until)) == expected(api, inside)


FILTERS: list[tuple[dict[str, str], Callable[[Issue], bool]]] = [
    # Days without a time are compared as days.
    (
        {"dueDateSince": "2026-01-01", "dueDateUntil": "2026-03-31"},
        lambda issue: "2026-01-01" <= (issue.due_date or "") <= "2026-03-31",
    ),
    ({"hasDueDate": "false"}, lambda issue: issue.due_date is None),
    ({"attachment": "true"}, lambda issue: bool(issue.attachments)),
    ({"sharedFile": "false"}, lambda issue: not issue.shared_files),
    (
        {"keyword": "決済api"},
        lambda issue: "決済api" in (issue.summary + issue.description).lower(),
    ),
]


@pytest.mark.parametrize(("params", "test"), FILTERS)
def test_days_files_and_keywords_filter(
    still: Api, params: dict[str, str], test: Callable[[Issue], bool]
) -> None:
    assert set(ids_of(still, **params)) == expected(still, test)


@pytest.mark.parametrize("kind", range(11))
def test_every_kind_of_family_filter_is_answered(still: Api, kind: int) -> None:
    space = still.simulator.space

    def parent(issue: Issue) -> bool:
        return bool(space.children.get(issue.id))

    def child(issue: Issue) -> bool:
        return issue.parent_id is not None

    tests: list[Callable[[Issue], bool]] = [
        lambda issue: True,
        lambda issue: not child(issue),
        child,
        lambda issue: not child(issue) and not parent(issue),
        parent,
        lambda issue: False,
        child,
        lambda issue: not child(issue),
        lambda issue: True,
        child,
        lambda issue: not parent(issue),
    ]
    assert set(ids_of(still, parentChild=kind)) == expected(still, tests[kind])


def test_custom_fields_filter_by_word_range_and_item(still: Api) -> None:
    fields = {one.kind: one.id for one in still.simulator.space.project("OPS").fields.values()}

    def found(kind: int, **asked: Any) -> set[int]:
        named = {f"customField_{fields[kind]}{end}": value for end, value in asked.items()}
        return set(ids_of(still, **named))

    def holding(kind: int, test: Callable[[Any], bool]) -> set[int]:
        return expected(still, lambda issue: test(issue.custom.get(fields[kind])))

    assert found(1, **{"": "ref-1"}) == holding(1, lambda value: "ref-1" in str(value))
    ranged = holding(3, lambda value: value is not None and 0 <= float(value) <= 50.5)
    assert found(3, _min=0, _max=50.5) == ranged
    assert found(4, _min="2026-01-01") == holding(4, lambda value: (value or "") >= "2026-01-01")
    items = holding(6, lambda value: isinstance(value, tuple) and 2 in value[0])
    assert found(6, **{"[]": 2}) == found(6, **{"[0]": 2}) == items != set()


@pytest.mark.parametrize(
    "params",
    [
        {"test": 1}, {"limit": 10}, {"projectId": 1}, {"count": 0}, {"count": 101}, {"count": "x"},
        {"offset": -1}, {"hasDueDate": "true"}, {"sort": "id"}, {"sort": "keyId"}, {"order": "up"},
        {"updatedSince": "2026-1-1"}, {"updatedSince": "2026-02-30"}, {"statusId[]": "open"},
        {"parentChild": 11}, {"attachment": 1}, {"expand[]": "all"}, {"customField_1": "x"},
    ],
)  # fmt: skip
def test_what_the_api_does_not_know_is_a_bad_request(still: Api, params: dict[str, Any]) -> None:
    assert still.error("/issues", **params) == (400, 7)
    if not {"offset", "order", "count"} & set(params):
        assert still.error("/issues/count", **params) == (400, 7)


def test_a_kept_order_follows_every_change_of_the_space(api: Api) -> None:
    space = api.simulator.space
    api.simulator.switch(stable_ties=True)
    asked = {"sort": "updated", "order": "asc", "statusId[]": 1}
    actions: list[Callable[[int], object]] = [
        lambda issue: space.edit_issue(issue, status_id=2),
        lambda issue: space.edit_issue(issue, summary="later"),
        space.delete_issue,
        lambda _: space.create_issue("OPS"),
        lambda _: space.import_issues("WEB", 30),
        lambda issue: space.move_issue(issue, "APP"),
    ]
    for step, act in enumerate(actions):
        act(ids_of(api, **asked)[step])
        fresh = sorted(
            (one for one in space.issues.values() if one.status_id == 1),
            key=lambda one: (one.updated, one.id),
        )
        found = ids_of(api, **asked)
        assert [space.issue(one).updated for one in found] == [one.updated for one in fresh]
        assert set(found) == {one.id for one in fresh}
