"""Jobs: which assets are loaded together, under one name.

Add here: a job that a schedule, a sensor or a command starts. Keep out: when it starts.
"""

from typing import Any, Literal

import dagster as dg

from assets.checks import every_project_is_fresh, issue_counts_match_source
from assets.raw.issues import issues

#: Tag of every run of a scheduled kind; dagster.yaml lets one run of each kind work at a time.
KIND_TAG = "backlog_elt/kind"

USERS = dg.AssetSelection.assets("raw/users")
ISSUES = dg.AssetSelection.assets("raw/issues")
#: Checks of raw/issues that ask the source or the clock. In a run of the asset they would be planned and then skipped, since it
#: records its partitions itself; and "skipped" would hide what they found last.
CENSUS = dg.AssetSelection.checks(issue_counts_match_source, every_project_is_fresh)

users_job = dg.define_asset_job("users", USERS, description="Load raw/users.", tags={KIND_TAG: "users"})
projects_job = dg.define_asset_job(
    "projects",
    dg.AssetSelection.groups("raw") - USERS - ISSUES,
    description="Load the space, its projects, their members and teams, and all master data.",
    tags={KIND_TAG: "projects"},
)
issues_job = dg.define_asset_job(
    "issues",
    ISSUES - CENSUS,
    description="Load raw/issues: a window of partitions whole, or what changed since the watermark.",
    tags={KIND_TAG: "issues"},
)
census_job = dg.define_asset_job(
    "census",
    CENSUS,
    description="Compare the issues of each project with the source in number, and the time of its last load with the cadence.",
    tags={KIND_TAG: "census"},
)

JOBS = [users_job, projects_job, issues_job, census_job]


def issues_config(mode: Literal["backfill", "incremental"]) -> dict[str, Any]:
    """Return the run configuration of `issues_job` for one of its two modes."""
    return {"ops": {issues.op.name: {"config": {"mode": mode}}}}
