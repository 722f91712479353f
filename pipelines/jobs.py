"""Jobs: the named sets of assets that are loaded together, and the job that renews tokens."""

from datetime import timedelta
from typing import Any

import dagster as dg

from assets.checks.issue_checks import NIGHTLY_SPECS
from assets.failing import failing_as
from assets.location import SETTINGS, raw_key, scoped
from assets.partitions import ISSUE_TABLES
from resources.backlog.backlog_resource import BacklogResource
from resources.dagster_tags import KIND_TAG
from sync import modes
from sync.modes import Mode


def of_kind(name: str) -> dict[str, str]:
    """Return the tag for runs of a kind in this code location."""
    return {KIND_TAG: scoped(name)}


USERS = dg.AssetSelection.assets(raw_key("users"))
#: The feed comes first: it names issues and comments that changed without a new `updated`.
ISSUES = dg.AssetSelection.assets(raw_key("activities"), *map(raw_key, ISSUE_TABLES))
#: Only the checks that need the source, the clock or Dagster.
COUNT_RECONCILIATION = dg.AssetSelection.checks(*(spec.key for spec in NIGHTLY_SPECS))

users_job = dg.define_asset_job(
    "users", USERS, description="Load raw/users.", tags=of_kind("users")
)
projects_job = dg.define_asset_job(
    "projects",
    dg.AssetSelection.groups("raw") - USERS - ISSUES,
    description="Load the space, its projects, their members and teams, and all master data; "
    "once a day what the space says of itself.",
    tags=of_kind("projects"),
)
issues_job = dg.define_asset_job(
    "issues",
    ISSUES,
    description="Load activities, issues, comments and changes: a window of "
    "partitions whole, or what "
    "changed since the watermark.",
    tags=of_kind("issues"),
)
targeted_sync_job = dg.define_asset_job(
    "targeted_sync",
    ISSUES,
    description="Load just the issues that the activity feed, a webhook or "
    "verify has requested, with "
    "their comments and changes.",
    tags=of_kind("targeted_sync"),
)
rolling_refresh_job = dg.define_asset_job(
    "rolling_refresh",
    ISSUES,
    description="Read a share of all issues again with all comments, for changes that neither feed "
    "nor time of change shows. Its checks look at every row, those of other loads at what is new.",
    tags=of_kind("rolling_refresh"),
)
count_reconciliation_job = dg.define_asset_job(
    "count_reconciliation",
    COUNT_RECONCILIATION,
    description="Compare the number of issues of each project with the source, and the time of its "
    "last load with the cadence.",
    tags=of_kind("count_reconciliation"),
)
marts_job = dg.define_asset_job(
    "marts",
    dg.AssetSelection.groups("mappings", "staging", "mart"),
    description="Build all marts from the raw tables, and test them.",
    tags=of_kind("marts"),
)

JOBS = [
    users_job,
    projects_job,
    issues_job,
    targeted_sync_job,
    rolling_refresh_job,
    count_reconciliation_job,
]
"""Jobs that load assets; `definitions.py` adds the job of the marts where they are built."""

#: Tokens that expire before the next hourly run, with a margin, are renewed now.
TOKENS_AHEAD = timedelta(minutes=70)


@dg.op(description="Renews the tokens when the access token expires soon.")
def renew_tokens(context: dg.OpExecutionContext, backlog: BacklogResource) -> None:
    """Renew the tokens of OAuth, so that loads find valid ones and the refresh token does not
    expire unused.

    Raises:
        dg.Failure: the space does not renew them, or does not answer; the description says what to
            do.
    """
    with failing_as(context, "tokens"):
        tokens = backlog.tokens.keep(TOKENS_AHEAD)
    context.log.info(f"the access token is good until {tokens.expires_at:%Y-%m-%d %H:%M:%S} UTC")


@dg.job(
    name="tokens",
    description="Renew the OAuth tokens when the access token expires soon.",
    tags=of_kind("tokens"),
)
def tokens_job() -> None:
    """Renew the tokens."""
    renew_tokens()


def issues_config(mode: Mode, again_from: int | None = None) -> dict[str, Any]:
    """Return the run configuration of the jobs that load issues, in this code location."""
    return modes.issues_config(mode, SETTINGS.key_prefix, again_from)
