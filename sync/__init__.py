"""How a table is kept equal to the source. Nothing here knows Dagster.

Each `sync_*` function is the load of one table. It takes a `Session` (`session.py`) and leaves what
it did there, where the caller finds it also after a load that was interrupted: the counts of rows
in `session.writer.counts`, notes and failures in `session.reporter`. What was done to each
partition goes to the observer of the run as it is committed. `sync_comments` also returns the
counts of `issue_changes`, which has a writer of its own. The functions below them return what they
did, for example a `Tally`.
"""
