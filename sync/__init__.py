"""How a table is kept equal to the source. Nothing here knows Dagster.

Each `sync_*` function is the load of one table. It takes a `Session` (`session.py`) and leaves its
results there, so that the caller has them also after an interrupted load: the counts of rows in
`session.writer.counts`, notes and failures in `session.reporter`. While it works it sends events
(`events.py`). Listeners keep the history, show progress and add up the figures of partitions, which
go to the observer of the run as they are committed. `sync_comments` also returns the counts of
`issue_changes`, which has a writer of its own.
"""
