"""Metrics for Prometheus of the service and of the syncs in the warehouse. The names are in
docs/service.md.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resources.conditions import KINDS
from resources.problems.alert_texts import CODES
from resources.warehouse.warehouse_errors import WarehouseError
from service.overview import Figures, Overview
from service.request_log import log_answer

# They would be a second series for each metric.
disable_created_metrics()  # type: ignore[no-untyped-call]
#: Seconds; the bound is 0.05.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "backlog_elt_service_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "backlog_elt_service_request_seconds",
            "Seconds until an answer began.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.events = Counter(
            "backlog_elt_webhook_events",
            "Webhooks: kept, duplicate, refused or forged.",
            ["outcome"],
            registry=self.registry,
        )

    async def show(self, overview: Overview) -> Response:
        """Return all metrics in Prometheus' text format."""
        try:
            figures: Figures | None = await overview.figures()
        except WarehouseError:
            figures = None
        shown = CollectorRegistry()
        shown.register(_Shown(figures))
        content = generate_latest(self.registry) + generate_latest(shown)
        return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Shown(Collector):
    """The figures of the syncs as gauges."""

    def __init__(self, figures: Figures | None) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges; without the warehouse only the one about it."""
        found = self._figures
        said = "Whether the warehouse answers."
        yield _gauge("backlog_elt_warehouse_up", said, (), [(found is not None,)])
        if found is not None:
            yield from _of_source(found)
            yield from _of_syncs(found)
            yield from _of_projects(found)
            known = {(code, kind.severity) for code, kind in CODES.items()} | {*found.problems}
            problems = [(*one, found.problems[one]) for one in sorted(known)]
            said = "Open problems, as the alerter found them."
            yield _gauge("backlog_elt_open_problems", said, ("code", "severity"), problems)


def _gauge(
    name: str, said: str, labels: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> GaugeMetricFamily:
    """Return a gauge. A row holds a value for each label, then the number or the moment; one
    without is left out.
    """
    gauge = GaugeMetricFamily(name, said, labels=labels)
    for *of, value in rows:
        if value is not None:
            gauge.add_metric(of, value.timestamp() if isinstance(value, datetime) else float(value))
    return gauge


def _of_source(found: Figures) -> Iterator[Metric]:
    up, now = found.source.connected, found.condition
    yield _gauge(
        "backlog_elt_source_up",
        "Whether Backlog answered when any process last asked it.",
        (),
        [(up,)],
    )
    yield _gauge(
        "backlog_elt_source_condition",
        "Whether the source as a whole is unreachable, refuses, or is "
        "rate-limited by other programs.",
        ("kind",),
        [(kind, now is not None and now.kind == kind) for kind in KINDS],
    )
    yield _gauge(
        "backlog_elt_source_condition_since_timestamp_seconds",
        "When that began, in seconds since 1970.",
        ("kind",),
        [(now.kind, now.since)] if now else [],
    )


def _of_syncs(found: Figures) -> Iterator[Metric]:
    """Yield what ran in 24 hours; builds of marts and checks are runs, and no syncs."""
    everything, *by_type = found.totals
    synced = [one for one in by_type if one.syncs]
    how = ("type", "status")
    yield _gauge("backlog_elt_syncs_active", "Syncs in progress.", (), [(found.active,)])
    yield _gauge(
        "backlog_elt_runs_24h",
        "Runs of the last 24 hours that have ended.",
        ("status",),
        [("completed", everything.completed), ("failed", everything.failed)],
    )
    yield _gauge(
        "backlog_elt_type_runs_24h",
        "Runs of the last 24 hours that have ended, in each type that they did; they do not "
        "add up.",
        how,
        [
            row
            for one in by_type
            for row in ((one.type, "completed", one.completed), (one.type, "failed", one.failed))
        ],
    )
    yield _gauge(
        "backlog_elt_syncs_24h",
        "Syncs of the last 24 hours that have ended.",
        how,
        [
            row
            for one in synced
            for row in (
                (one.type, "completed", one.syncs_completed),
                (one.type, "failed", one.syncs_failed),
            )
        ],
    )
    yield _gauge(
        "backlog_elt_sync_items_24h",
        "Records read and accepted in 24 hours.",
        ("type",),
        [(one.type, one.items) for one in synced],
    )
    yield _gauge(
        "backlog_elt_sync_requests_24h",
        "API requests of the last 24 hours.",
        ("type",),
        [(one.type, one.requests) for one in synced],
    )
    yield _gauge(
        "backlog_elt_sync_last_success_timestamp_seconds",
        "When a sync last succeeded, in seconds since 1970.",
        ("type",),
        found.last_success.items(),
    )


def _of_projects(found: Figures) -> Iterator[Metric]:
    """Yield the state of each project that is not archived."""
    projects = [one for one in found.projects if not one.archived]
    compared = [(one.key, one.proof) for one in projects if one.proof]
    yield _gauge(
        "backlog_elt_project_fresh",
        "Whether all changes of the project were read recently enough.",
        ("project",),
        [(one.key, one.fresh) for one in projects],
    )
    yield _gauge(
        "backlog_elt_project_last_success_timestamp_seconds",
        "When a sync of its issues last succeeded, in seconds since 1970.",
        ("project",),
        [(one.key, one.last_success_at) for one in projects],
    )
    yield _gauge(
        "backlog_elt_project_complete_until_timestamp_seconds",
        "All its changes before it are in the warehouse, in seconds since 1970.",
        ("project",),
        [(one.key, one.complete_until) for one in projects],
    )
    yield _gauge(
        "backlog_elt_project_equal",
        "Whether the last comparison found the project equal to Backlog.",
        ("project",),
        [(key, proof.equal) for key, proof in compared],
    )
    yield _gauge(
        "backlog_elt_project_compared_timestamp_seconds",
        "When the project was last compared with Backlog, in seconds since 1970.",
        ("project",),
        [(key, proof.checked_at) for key, proof in compared],
    )


_METHODS = frozenset({"GET", "HEAD", "POST"})


class Measured:
    """Counts, times and logs every request by its route, never by its path, which may hold a
    secret.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths: dict[Any, str] = {
            route.endpoint: route.path for route in routes if isinstance(route, Route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note when its answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, asked = time.perf_counter(), scope["method"]
        if asked == "HEAD":
            # FastAPI answers HEAD by 405 where only GET is declared. The server leaves the body
            # out.
            scope = {**scope, "method": "GET"}

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = self._paths.get(scope.get("endpoint"), "other")
                # A client may invent as many as it likes.
                method = asked if route != "other" and asked in _METHODS else "other"
                seconds = time.perf_counter() - began
                self._metrics.requests.labels(method, route, message["status"]).inc()
                self._metrics.seconds.labels(route).observe(seconds)
                log_answer(scope, route, message["status"], seconds)
            await send(message)

        await self._app(scope, receive, noted)
