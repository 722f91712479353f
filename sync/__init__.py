"""How a table is kept equal to the source. Nothing here knows Dagster.

Each `sync_*` function is the load of one table. It takes a `Session` (`session.py`) and leaves what
it did there, where the caller finds it also after a load that was interrupted: the counts of rows
in `session.writer.counts`, notes and failures in `session.reporter`. While it works it tells what
it does as events (`events.py`), from which others keep the history, show progress and add up the
figures of partitions. These go to the observer of the run as they are committed. `sync_comments`
also returns the counts of `issue_changes`, which has a writer of its own.
"""
