"""Steps whose order matters where another load writes in between, or where a load dies there; and
that only the store writes.
"""

import re
from typing import Any

from sqlalchemy import event

from simulator import RequestInfo
from sync.comments import sync_comments
from tests.documents import ROOT
from tests.sync.trouble import beside
from tests.syncs import COMMENTS, Syncs, load_feed, refetch_requests

#: Modules that open transactions without the locks of a load: commands note the keys of projects,
#: and the inbox of webhooks is emptied by whoever comes first.
WITHOUT_LOCKS = {"projects.py", "webhook_effects.py"}
READS_KNOWN_COMMENTS = re.compile(
    r"SELECT .*\bFROM (ops\.issue_sync_state\b|raw\.comments\b.* FOR SHARE)", re.DOTALL
)


def read_comments(syncs: Syncs, mode: str, *projects: str) -> None:
    """Load the comments that are due, or all of some projects, and nothing else."""
    with syncs.session("comments", mode=mode, locks="projects") as session:
        sync_comments(session, mode, syncs.slices(projects))


def test_a_comment_stored_while_its_issue_is_read_whole_is_not_taken_for_deleted(
    synced: Syncs,
) -> None:
    """What is stored is looked up before the source is asked."""
    issue = next(one for one in synced.space.issues.values() if one.comments)
    newer = max(synced.ids("comments")) + 1

    def another_load_stores_one(request: RequestInfo, body: Any) -> Any:
        if request.route == COMMENTS and request.path.split("/")[2] == str(issue.id):
            synced.change(
                f"INSERT INTO raw.comments SELECT (jsonb_populate_record(c, "
                f"jsonb_build_object('id', {newer}))).* FROM raw.comments AS c "
                f"WHERE issue_id = {issue.id} LIMIT 1"
            )
        return body

    synced.sim.rewrite_response(another_load_stores_one)
    read_comments(synced, "backfill")
    assert newer in synced.ids("comments")
    assert synced.deletions("comments") == set()


def test_a_comment_stored_while_its_activity_is_stored_is_requested(synced: Syncs) -> None:
    """The last known comments are looked up before the changes that known comments report."""
    issue = next(iter(synced.space.issues.values()))
    said = synced.space.edit_issue(issue, summary="changed", comment="said")
    assert said is not None
    assert synced.issues(mode="incremental").success
    looks: list[str] = []

    def after_first_look(*arguments: Any) -> None:
        if READS_KNOWN_COMMENTS.match(arguments[2]):
            looks.append(arguments[2])
            if len(looks) == 1:
                with beside(synced) as other:
                    read_comments(other, "incremental")

    event.listen(synced.engine, "after_cursor_execute", after_first_look)
    load_feed(synced)
    assert len(looks) > 1
    assert said.id in synced.ids("comments")
    assert refetch_requests(synced)[issue.id][0] == said.id


def test_the_cursor_of_the_feed_moves_over_a_gap_only_with_all_comments_requested(
    synced: Syncs,
) -> None:
    space, issue = synced.sim.space, next(iter(synced.space.issues.values()))
    load_feed(synced)
    synced.sim.switch(activity_retention_days=2)
    space.comment(issue, "reported by a row that is trimmed before anybody reads it")
    synced.sim.clock.advance(30 * 86_400)
    space.comment(issue, "seen")
    synced.change(
        """
        CREATE FUNCTION ops.look_for_requests() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM ops.issue_sync_state WHERE refetch_comments_from IS NULL) THEN
                RAISE 'the cursor moves before all comments are requested';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER look_for_requests BEFORE UPDATE ON ops.sync_state FOR EACH ROW
        WHEN (NEW.scope = 'activities') EXECUTE FUNCTION ops.look_for_requests()
        """
    )
    assert "load/retention_gap" in load_feed(synced).notes


def test_only_the_store_opens_a_transaction_of_a_load() -> None:
    writing = {
        path.name
        for path in (ROOT / "sync").glob("*.py")
        if re.search(r"engine\.begin\(|(?<!store)\.commit\(", path.read_text())
    }
    assert writing == WITHOUT_LOCKS | {"store.py"}
