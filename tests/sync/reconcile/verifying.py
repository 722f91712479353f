"""Comparisons in a test: run as the command runs them, on a deployment, with its instance for the loads that repair."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from sqlalchemy import text

from pipelines.cli.in_process import Recorder
from pipelines.cli.verify import Verified, VerifyRequest, compare, run_loads
from resources.warehouse.schema import SPECS
from sync.reconcile.result import QUARANTINED, Repair
from tests.deployment import Deployment

#: Everything of a row but when and by which run it was written.
_STORED = "SELECT to_jsonb(t) - 'loaded_at' - 'run_id' - 'content_hash' AS row FROM raw.{table} t {where} ORDER BY 1"


def verify(deployment: Deployment, **options: Any) -> Verified:
    """Compare; `options` are those of `VerifyRequest`. The count of requests starts anew."""
    deployment.sim.requests.clear()
    with ExitStack() as stack:
        backlog, warehouse = deployment.backlog, deployment.warehouse
        for resource in (backlog, warehouse):
            stack.callback(resource.close)

        def load_again(repairing: Repair, recorder: Recorder) -> Iterator[str]:
            yield from run_loads(deployment.with_progress(recorder).definitions, deployment.instance, repairing)

        request = VerifyRequest.create(**{"deep": False, "repair": False, "comments": True, "projects": (), **options})
        return compare(backlog, warehouse, request, deployment.progress, load_again)


def deep(deployment: Deployment, **options: Any) -> Verified:
    """Compare every row."""
    return verify(deployment, deep=True, **options)


def told(verified: Verified, *, behind: bool = False) -> set[tuple[str, str]]:
    """Return the tables and kinds of the differences that are behind, or that are not."""
    return {
        (one.table, QUARANTINED if one.outcome == "quarantined" else one.kind)
        for one in verified.found.differences
        if (one.outcome == "behind") is behind
    }


def present(deployment: Deployment) -> dict[str, list[Any]]:
    """Return the rows of all tables that are not marked deleted, without when and by whom they were written."""
    return {
        table: [
            row["row"]
            for row in deployment.query(_STORED.format(table=table, where="WHERE deleted_at IS NULL" if spec.vanishes else ""))
        ]
        for table, spec in SPECS.items()
        if table != "activities"
    }


def written_since(deployment: Deployment, moment: Any) -> dict[str, int]:
    """Return table -> rows that were written after a moment, where there are any."""
    with deployment.engine.connect() as connection:
        counts = {
            table: connection.execute(text(f"SELECT count(*) FROM raw.{table} WHERE loaded_at > :at"), {"at": moment}).scalar_one()
            for table in SPECS
            if table != "activities"
        }
    return {table: count for table, count in counts.items() if count}


def database_now(deployment: Deployment) -> Any:
    """Return the time by the database's clock."""
    return deployment.query("SELECT clock_timestamp() AS now")[0]["now"]
