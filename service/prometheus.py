"""Metrics for Prometheus of the service and of the syncs in the warehouse. The names are in
docs/service.md.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
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
from resources.warehouse.state.seen_conditions import Condition
from resources.warehouse.warehouse_errors import WarehouseError
from service.request_log import log_answer
from service.state import Figures, State

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

    async def show(self, state: State) -> Response:
        """Return all metrics in Prometheus' text format."""
        try:
            figures: Figures | None = await state.figures()
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
        yield GaugeMetricFamily(
            "backlog_elt_warehouse_up",
            "Whether the warehouse answers.",
            value=float(found is not None),
        )
        if found is None:
            return
        if found.source.connected is not None:
            said = "Whether Backlog answered when any process last asked it."
            yield GaugeMetricFamily(
                "backlog_elt_source_up", said, value=float(found.source.connected)
            )
        yield from self._condition(found.condition)
        yield GaugeMetricFamily(
            "backlog_elt_syncs_active", "Syncs in progress.", value=found.active
        )
        yield from self._by_type(found)

    @staticmethod
    def _condition(condition: Condition | None) -> Iterator[Metric]:
        said = (
            "Whether the source as a whole is unreachable, refuses, or is "
            "rate-limited by other programs."
        )
        lasts = GaugeMetricFamily("backlog_elt_source_condition", said, labels=["kind"])
        since = GaugeMetricFamily(
            "backlog_elt_source_condition_since_timestamp_seconds",
            "When that began, in seconds since 1970.",
            labels=["kind"],
        )
        for kind in KINDS:
            lasts.add_metric([kind], float(condition is not None and condition.kind == kind))
        if condition is not None:
            since.add_metric([condition.kind], condition.since.timestamp())
        yield from (lasts, since)

    @staticmethod
    def _by_type(found: Figures) -> Iterator[Metric]:
        runs = GaugeMetricFamily(
            "backlog_elt_runs_24h", "Runs of the last 24 hours that have ended.", labels=["status"]
        )
        syncs = GaugeMetricFamily(
            "backlog_elt_syncs_24h",
            "Syncs of the last 24 hours that have ended.",
            labels=["type", "status"],
        )
        items = GaugeMetricFamily(
            "backlog_elt_sync_items_24h", "Records read and accepted in 24 hours.", labels=["type"]
        )
        requests = GaugeMetricFamily(
            "backlog_elt_sync_requests_24h", "API requests of the last 24 hours.", labels=["type"]
        )
        success = GaugeMetricFamily(
            "backlog_elt_sync_last_success_timestamp_seconds",
            "When a sync last succeeded, in seconds since 1970.",
            labels=["type"],
        )
        for one in found.totals:
            if one.type is None:
                runs.add_metric(["completed"], one.completed)
                runs.add_metric(["failed"], one.failed)
            else:
                syncs.add_metric([one.type, "completed"], one.syncs_completed)
                syncs.add_metric([one.type, "failed"], one.syncs_failed)
                items.add_metric([one.type], one.items)
                requests.add_metric([one.type], one.requests)
        ends: Mapping[str, datetime] = found.last_success
        for sync_type, moment in ends.items():
            success.add_metric([sync_type], moment.timestamp())
        yield from (runs, syncs, items, requests, success)


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
