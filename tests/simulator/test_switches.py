"""Each switch both ways, where no other file of this folder does it."""

from dataclasses import fields
from pathlib import Path

import pytest

from simulator import SimulatorError, Switches, switches_from
from tests.simulator.conftest import SMALL, Api, Login

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize("act", ["star", "link_file"])
def test_a_star_or_a_shared_file_moves_updated_or_not(api: Api, act: str, moves: bool) -> None:
    api.simulator.switch(star_moves_updated=moves)
    before = api.get("/issues/OPS-1")
    getattr(api.simulator.space, act)("OPS-1")
    after = api.get("/issues/OPS-1")
    assert (after["updated"] != before["updated"]) == moves
    part = "stars" if act == "star" else "sharedFiles"
    assert len(after[part]) == len(before[part]) + 1


def test_days_are_written_as_midnight_of_utc_or_of_the_space(api: Api) -> None:
    issue = api.simulator.space.create_issue("OPS", due_date="2026-09-01")
    assert api.get(f"/issues/{issue.id}")["dueDate"] == "2026-09-01T00:00:00Z"
    api.simulator.switch(date_only="space")
    assert api.get(f"/issues/{issue.id}")["dueDate"] == "2026-08-31T15:00:00Z"


def test_unknown_parameters_are_refused_on_some_lists_and_ignored_on_others(api: Api) -> None:
    for path in ("/issues", "/issues/count", "/space/activities", "/projects/OPS/activities"):
        assert api.error(path, test=1) == (400, 7)
    for path in ("/projects", "/teams", "/issues/OPS-1/comments", "/users/myself", "/space"):
        assert api.answer(path, test=1).status_code == 200
    assert api.answer("/issues/OPS-1", "PATCH", {"test": 1}).status_code == 400
    api.simulator.switch(reject_unknown=False)
    assert api.answer("/issues", test=1).status_code == 200


def test_issues_without_a_project_are_all_or_none(api: Api) -> None:
    assert api.get("/issues/count") == {"count": SMALL.issues}
    api.simulator.switch(all_projects_by_default=False)
    assert api.get("/issues/count") == {"count": 0}
    assert api.get("/issues/count", **{"projectId[]": api.get("/projects/OPS")["id"]})["count"] > 0


def test_mail_addresses_are_hidden_from_others_or_not(api: Api, as_user: Login) -> None:
    member = as_user(api, 2)
    path = f"/projects/{member.get('/projects')[0]['id']}/users"
    assert all(user["mailAddress"] is None for user in member.get(path))
    assert any(user["mailAddress"] for user in api.get(path))
    api.simulator.switch(hide_mail=False)
    assert any(user["mailAddress"] for user in member.get(path))


def test_equal_values_change_places_from_request_to_request_or_not(api: Api) -> None:
    api.simulator.space.import_issues("OPS", 60)

    def order() -> list[int]:
        return [issue["id"] for issue in api.get("/issues", sort="created", count=50)]

    assert len({tuple(order()) for _ in range(3)}) == 3
    api.simulator.switch(stable_ties=True)
    assert len({tuple(order()) for _ in range(3)}) == 1


@pytest.mark.parametrize(
    "texts",
    [{"nope": "true"}, {"stable_ties": "yes"}, {"date_zone": "moon"}, {"limits_drop_after": "x"}],
)
def test_a_switch_that_cannot_be_set_is_named(texts: dict[str, str]) -> None:
    with pytest.raises(SimulatorError, match=next(iter(texts))):
        switches_from(texts)


def test_the_docs_list_every_switch_with_its_default() -> None:
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for switch in fields(Switches):
        assert f"| `{switch.name}` | `{str(switch.default).lower()}` |" in page
