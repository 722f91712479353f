"""The quick comparison: one request a project, numbers only, and what explains a number."""

from resources.warehouse.reconciliations import latest
from simulator import SpaceSpec
from tests.deployment import Deploy, Deployment
from tests.sync.reconcile.verifying import deep, verify


def test_a_quiet_space_is_equal_for_one_request_a_project(loaded: Deployment) -> None:
    verified = verify(loaded)
    assert verified.found.status == "equal"
    assert loaded.sim.requests.by_route() == {"/projects": 1, "/space": 1, "/issues/count": 3}
    assert verified.as_json()["requests"] == {"search": 3, "read": 2, "retries": 0, "rate_limited": 0}


def test_one_project_costs_one_request(loaded: Deployment) -> None:
    verified = verify(loaded, projects=("WEB",))
    assert [one.key for one in verified.found.projects] == ["WEB"]
    assert loaded.sim.requests.by_route() == {"/projects": 1, "/space": 1, "/issues/count": 1}


def test_what_was_created_and_deleted_since_the_last_load_is_behind(loaded: Deployment) -> None:
    loaded.sim.space.create_issue("OPS", summary="new")
    loaded.sim.space.create_issue("OPS", summary="new")
    loaded.sim.space.delete_issue(next(one.id for one in loaded.sim.space.issues.values() if one.project_id == _id(loaded, "OPS")))
    found = verify(loaded).found
    ops = found.projects[0].as_json()
    assert (ops["status"], ops["differences"], ops["behind"]) == ("behind", 0, 3)
    assert ops["source"] == ops["warehouse"] + 1
    assert (found.status, found.failed(), found.failed(strict=True)) == ("behind", False, True)


def test_a_lost_row_makes_its_project_different(loaded: Deployment) -> None:
    loaded.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues WHERE issue_key LIKE 'WEB-%')")
    found = verify(loaded).found
    assert [one.status for one in found.projects] == ["equal", "different", "equal"]
    assert (found.status, found.failed()) == ("different", True)
    assert found.as_json()["tables"]["issues"]["differences"] == 1


def test_what_is_found_is_kept_of_each_project(loaded: Deployment) -> None:
    assert deep(loaded).found.status == "equal"
    loaded.change("DELETE FROM raw.issues WHERE id = (SELECT min(id) FROM raw.issues WHERE issue_key LIKE 'WEB-%')")
    verify(loaded)
    with loaded.engine.connect() as connection:
        reconciliation_status = latest(connection, "acme")
    assert [(one.equal, one.level, one.differences, one.row_differences) for _, one in sorted(reconciliation_status.items())] == [
        (True, "count", 0, 0),
        (False, "count", 1, 0),
        (True, "count", 0, 0),
    ]
    verify(loaded, repair=True)
    with loaded.engine.connect() as connection:
        assert {one.equal for one in latest(connection, "acme").values()} == {True}


def test_a_comparison_without_comments_does_not_take_back_what_a_whole_one_has_found(loaded: Deployment) -> None:
    loaded.change("UPDATE raw.comments SET content = 'x' WHERE id = (SELECT min(id) FROM raw.comments)")
    assert deep(loaded).found.status == "different"
    assert deep(loaded, comments=False).found.status == "equal"
    assert "/issues/{issue}/comments" not in loaded.sim.requests.by_route()
    with loaded.engine.connect() as connection:
        assert sorted(one.equal for one in latest(connection, "acme").values()) == [False, True, True]


def test_an_empty_space_is_equal(deploy: Deploy) -> None:
    deployment = deploy(SpaceSpec(seed=3, users=3, projects=1, issues=0)).load()
    assert (verify(deployment).found.status, deep(deployment).found.status) == ("equal", "equal")


def test_an_archived_project_that_lists_no_issues_is_neither_equal_nor_different(loaded: Deployment) -> None:
    loaded.sim.switch(archived_issues_listed=False)
    loaded.sim.space.archive_project("APP")
    assert [one.key for one in verify(loaded).found.projects] == ["OPS", "WEB"]
    app = deep(loaded).found.projects[2].as_json()
    assert (app["source"], app["note"]) == (0, "it is archived and lists no issues")
    assert not any(one.table in {"issues", "comments"} for one in deep(loaded).found.differences)


def _id(deployment: Deployment, key: str) -> int:
    return deployment.sim.space.project(key).id
