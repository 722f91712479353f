"""The comparison of warehouse and source can fail: each way in which a warehouse can be wrong is
reported.
"""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from simulator import Simulator
from tests.deployment import Deployment, quiet
from tests.instances import in_memory
from tests.integration.exactness.choices import Silence
from tests.integration.exactness.databases import Databases
from tests.integration.exactness.differences import differences
from tests.integration.exactness.machine import BEGIN, SPEC
from tests.integration.exactness.people import People
from tests.integration.exactness.syncs import incremental, look_whole

FIRST = "(SELECT min(id) FROM raw.{table} WHERE deleted_at IS NULL)"


@pytest.fixture(scope="module")
def worked_in(fresh_databases: Databases) -> Iterator[Deployment]:
    """A deployment that was loaded, worked in and loaded again, and holds deletions of
    every kind.
    """
    with fresh_databases.fresh() as (url, engine), Simulator(SPEC) as sim, in_memory() as instance:
        sim.clock.freeze(BEGIN)
        deployment = Deployment(sim, url, engine, instance, sim.api_key, quiet())
        people = People(sim.space)
        assert incremental(deployment, people.rng)
        people.burst(150, seed=7)
        sim.clock.advance(61)
        assert look_whole(deployment, people.rng)
        assert differences(deployment) == []
        yield deployment


@pytest.fixture
def equal(worked_in: Deployment, fresh_databases: Databases) -> Iterator[Deployment]:
    """The same with a warehouse of its own, a copy."""
    worked_in.engine.dispose()
    with fresh_databases.fresh(like=worked_in.engine.url.database) as (url, engine):
        yield replace(worked_in, warehouse_url=url, engine=engine)


@pytest.mark.parametrize(
    ("change", "notified"),
    [
        (f"DELETE FROM raw.issues WHERE id = {FIRST.format(table='issues')}", "issues/"),
        (f"DELETE FROM raw.comments WHERE id = {FIRST.format(table='comments')}", "comments/"),
        (
            (
                "DELETE FROM raw.issue_changes WHERE comment_id = (SELECT "
                "min(comment_id) FROM raw.issue_changes)"
            ),
            "issue_changes/",
        ),
        (
            # Of an issue that is there: the source shows it still.
            (
                "DELETE FROM raw.activities WHERE id = (SELECT min(a.id) FROM raw.activities AS a "
                "JOIN raw.issues AS i ON i.id = a.content_id AND i.deleted_at IS NULL "
                "WHERE a.type = 1)"
            ),
            "activities/",
        ),
        (
            "DELETE FROM raw.categories WHERE id = (SELECT min(id) FROM raw.categories)",
            "categories/",
        ),
        (
            f"UPDATE raw.issues SET summary = 'x' WHERE id = {FIRST.format(table='issues')}",
            "summary is 'x'",
        ),
        (
            (
                "UPDATE raw.issues SET due_date = '1999-01-01' WHERE id = "
                f"{FIRST.format(table='issues')}"
            ),
            "due_date is",
        ),
        (
            f"UPDATE raw.issues SET deleted_at = now() WHERE id = {FIRST.format(table='issues')}",
            "but the source has it",
        ),
        ('UPDATE raw.issues SET payload = payload || \'{"stars": [{"id": 1}]}\'', "stars is [1]"),
        (
            f"UPDATE raw.comments SET content = 'x' WHERE id = {FIRST.format(table='comments')}",
            "content is 'x'",
        ),
        ("UPDATE raw.comments SET payload = payload || '{\"changeLog\": []}'", "changeLog is []"),
        ("UPDATE raw.issue_changes SET new_value = 'x' WHERE field = 'status'", "new_value is 'x'"),
        ("UPDATE raw.issue_changes SET new_ids = '{99}' WHERE field = 'status'", "new_ids is [99]"),
        ("UPDATE raw.activities SET type = 99", "type is 99"),
        ("UPDATE raw.statuses SET name = 'x'", "name is 'x'"),
        (
            "UPDATE raw.issues SET deleted_at = NULL WHERE deleted_at IS NOT NULL",
            "not marked deleted, but gone",
        ),
        (
            "UPDATE raw.comments SET deleted_at = NULL WHERE deleted_at IS NOT NULL",
            "not marked deleted, but gone",
        ),
        ("UPDATE raw.versions SET deleted_at = now()", "but the source has it"),
        ("DELETE FROM ops.deletions", "does not say why"),
        ("UPDATE ops.deletions SET evidence = ''", "no reason or evidence"),
        ("UPDATE ops.deletions SET restored_at = now()", "does not say why"),
    ],
)
def test_every_difference_is_reported(equal: Deployment, change: str, notified: str) -> None:
    equal.change(change)
    assert any(notified in line for line in differences(equal)), notified


def test_a_row_that_was_never_at_the_source_is_reported(equal: Deployment) -> None:
    equal.change(
        "INSERT INTO raw.activities SELECT * FROM (SELECT a.* FROM raw.activities a LIMIT 1) AS one"
        " ON CONFLICT DO NOTHING"
    )  # fmt: skip
    equal.change("UPDATE raw.activities SET id = 5 WHERE id = (SELECT max(id) FROM raw.activities)")
    assert "activities/5: never happened" in differences(equal)


def test_what_changed_in_silence_is_excused_and_nothing_else(equal: Deployment) -> None:
    space = equal.sim.space
    starred, edited, *_ = sorted(
        issue
        for issue in space.issues
        if not space.projects[space.issues[issue].project_id].archived
    )
    space.star(starred)
    space.edit_issue(edited, summary="neu")
    notified = differences(equal, silence=Silence(issues={starred}), masters=False)
    assert any(f"issues/{edited}: summary" in line for line in notified)
    assert not any(f"issues/{starred}:" in line for line in notified)
