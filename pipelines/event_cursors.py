"""Where Dagster's daemon begins to read the events by which it starts runs again whose worker died."""

import dagster as dg

#: The kinds of event that the daemon follows, and the name under which it keeps how far it has read.
FOLLOWED = (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_SUCCESS)
CURSOR = "EVENT_LOG_CONSUMER_CURSOR-{}"


def begin_event_cursors(instance: dg.DagsterInstance) -> None:
    """Let a storage that no daemon has read yet be read from its newest event on.

    The daemon does the same at its first look, and warns of each kind of event that older ones are ignored.
    """
    requested = {CURSOR.format(kind.value) for kind in FOLLOWED}
    missing = requested - instance.daemon_cursor_storage.get_cursor_values(requested).keys()
    if missing:
        newest = instance.event_log_storage.get_maximum_record_id() or 0
        instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(missing, str(newest)))
