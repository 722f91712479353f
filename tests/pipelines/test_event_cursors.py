"""A storage that is new is read by Dagster's daemon from its beginning on, without a warning."""

import dagster as dg
from dagster._daemon.auto_run_reexecution.event_log_consumer import DAGSTER_EVENT_TYPES, EventLogConsumerDaemon, _create_cursor_key

from pipelines.event_cursors import CURSOR, FOLLOWED, begin_event_cursors


def test_the_names_are_those_of_the_daemon() -> None:
    assert set(FOLLOWED) == set(DAGSTER_EVENT_TYPES)
    assert {CURSOR.format(kind.value) for kind in FOLLOWED} == {_create_cursor_key(kind) for kind in DAGSTER_EVENT_TYPES}
    assert EventLogConsumerDaemon.daemon_type() == "EVENT_LOG_CONSUMER"


def test_a_new_storage_begins_at_its_newest_event_and_what_is_known_stays() -> None:
    keys = {CURSOR.format(kind.value) for kind in FOLLOWED}
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([_asset], instance=instance)
        begin_event_cursors(instance)
        newest = str(instance.event_log_storage.get_maximum_record_id())
        assert instance.daemon_cursor_storage.get_cursor_values(keys) == dict.fromkeys(keys, newest)
        instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(keys, "7"))
        begin_event_cursors(instance)
        assert instance.daemon_cursor_storage.get_cursor_values(keys) == dict.fromkeys(keys, "7")


@dg.asset
def _asset() -> None:
    """Stand for any asset."""
