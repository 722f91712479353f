"""How a run reads issues and comments, and the configuration of a run that does so."""

from collections.abc import Sequence
from typing import Any, Literal

Mode = Literal["backfill", "incremental", "targeted", "refresh"]
#: The step that loads issues, comments and changes.
ISSUES_STEP = "issue_tables"


def issues_config(
    mode: Mode, prefix: Sequence[str] = (), again_from: int | None = None
) -> dict[str, Any]:
    """Return the run configuration of the jobs that load issues, for one of their modes.

    Args:
        mode: how issues and comments are read.
        prefix: what the keys of the assets begin with, and so the name of the step of the feed.
        again_from: the oldest activity that was seen and is not stored; None: the feed is read
            from where it stands.
    """
    feed: dict[str, Any] = {"mode": mode}
    if again_from is not None:
        feed["again_from"] = again_from
    feed_step = "__".join((*prefix, "raw", "activities"))
    return {"ops": {feed_step: {"config": feed}, ISSUES_STEP: {"config": {"mode": mode}}}}
