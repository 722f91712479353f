"""`raw/issues`: a first read that was broken off goes on where it was, and ends equal to the source."""

import pytest

from resources.simulator import Fault, SpaceSpec
from tests.deployment import Deploy, Deployment, failures

#: One project of some 2,500 issues: 26 pages, three batches.
LARGE = SpaceSpec(seed=5, users=6, projects=1, issues=2500, history_days=240)


@pytest.fixture
def broken_off(deploy: Deploy) -> Deployment:
    """A deployment whose first load died after about twenty pages."""
    deployment = deploy(LARGE).discover()
    asked = iter(range(10_000))
    deployment.sim.before_request(
        lambda request: (
            deployment.sim.faults.add(Fault(status=500, path="/issues", times=None))
            if request.route == "/issues" and next(asked) == 21
            else None
        )
    )
    assert not deployment.run_issues(mode="incremental").success
    deployment.sim.faults.clear()
    deployment.sim.requests.clear()
    return deployment


def test_a_first_read_that_was_broken_off_goes_on_from_its_last_batch(broken_off: Deployment) -> None:
    stored = len(broken_off.stored_issues())
    assert stored >= 1000
    run = broken_off.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert broken_off.stored_issues() == broken_off.source_issues()
    rest = len(broken_off.source_issues()) - stored
    assert broken_off.sim.requests.count(route="/issues") <= rest / 100 * 1.1 + 5
    assert not broken_off.query("SELECT 1 FROM ops.sync_state WHERE extra <> '{}'")


def test_what_changed_or_vanished_before_the_checkpoint_meanwhile_is_not_missed(broken_off: Deployment) -> None:
    space = broken_off.sim.space
    first, second, *_ = sorted(space.issues)
    space.edit_issue(first, summary="meanwhile")
    space.delete_issue(second)
    created = space.create_issue("OPS").id
    run = broken_off.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert broken_off.stored_issues() == broken_off.source_issues()
    assert broken_off.row("issues", first)["summary"] == "meanwhile"
    assert broken_off.row("issues", second)["deleted_at"] is not None
    assert created in broken_off.stored_issues()


def test_a_project_that_was_read_whole_is_not_resumed(broken_off: Deployment) -> None:
    assert broken_off.run_issues(mode="incremental").success
    gone = min(broken_off.sim.space.issues)
    broken_off.sim.space.delete_issue(gone)
    assert broken_off.run_issues().success
    assert broken_off.stored_issues() == broken_off.source_issues()
