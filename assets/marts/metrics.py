"""The metrics of `models/metrics`, each defined once, and the SQL that MetricFlow makes of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from metricflow.engine.metricflow_engine import (
    MetricFlowEngine,
    MetricFlowQueryRequest,
    OutputColumnOrderMode,
)
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.postgres import PostgresSQLSqlPlanRenderer
from metricflow_semantic_interfaces.implementations.node_relation import PydanticNodeRelation
from metricflow_semantic_interfaces.implementations.semantic_manifest import (
    PydanticSemanticManifest,
)
from metricflow_semantic_interfaces.implementations.semantic_model import PydanticSemanticModel
from metricflow_semantics.errors.error_classes import MetricFlowException
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
from metricflow_semantics.specs.query_param_implementations import (
    DimensionOrEntityParameter,
    MetricParameter,
    OrderByParameter,
    TimeDimensionParameter,
)

Unit = Literal["seconds", "hours", "days"]
_SECONDS: Mapping[Unit, int] = {"seconds": 1, "hours": 3_600, "days": 86_400}

_OF_MONTHS = ("month", "quarter", "year", "fiscal_quarter", "fiscal_half", "fiscal_year")
GRAINS = ("day", "week", *_OF_MONTHS)
#: What the rows of a table can be added up to, by the time of one row. A week lies in two months.
_ADDED_UP: Mapping[str, tuple[str, ...]] = {"day": GRAINS, "week": ("week",), "month": _OF_MONTHS}
TIME = "metric_time"
#: The dimension by which metrics of what is open leave archived projects out.
_ARCHIVED = "is_archived"


class MetricError(ValueError):
    """There is no such metric, or it cannot be cut that way; the message says what there is."""


@dataclass(frozen=True)
class Metric:
    """A definition, as people read it."""

    name: str
    label: str
    description: str
    kind: str


class _Postgres:
    """What MetricFlow asks of a warehouse in order to write SQL for it; nothing is run."""

    sql_engine_type = SqlEngine.POSTGRES
    sql_plan_renderer = PostgresSQLSqlPlanRenderer()

    def render_bind_parameter_key(self, bind_parameter_key: str) -> str:
        return bind_parameter_key

    def close(self) -> None:
        return None


def _engine_of(manifest: PydanticSemanticManifest) -> MetricFlowEngine:
    return MetricFlowEngine(SemanticManifestLookup(manifest), _Postgres())  # type: ignore[arg-type]


class Metrics:
    """The definitions of a parsed dbt project; needs no database."""

    def __init__(self, manifest: Path) -> None:
        """Read a manifest of dbt, and `semantic_manifest.json`, which dbt writes next to it."""
        self._manifest = parse_manifest_from_dbt_generated_manifest(
            manifest.with_name("semantic_manifest.json").read_text()
        )
        # dbt lists what was edited last at the end; the SQL follows this order.
        self._manifest.semantic_models.sort(key=lambda one: one.name)
        self._manifest.metrics.sort(key=lambda one: one.name)
        # Of whatever database: SQL that names one would run in no other.
        spines = self._manifest.project_configuration.time_spines
        for one in (*self._manifest.semantic_models, *spines):
            one.node_relation = PydanticNodeRelation(
                alias=one.node_relation.alias, schema_name=one.node_relation.schema_name
            )

    @cached_property
    def all(self) -> dict[str, Metric]:
        """Return the metrics by name, in the order of the alphabet."""
        found = (
            Metric(one.name, one.label or one.name, one.description or "", one.type.value)
            for one in self._manifest.metrics
        )
        return {one.name: one for one in sorted(found, key=lambda one: one.name)}

    @cached_property
    def _engine(self) -> MetricFlowEngine:
        return _engine_of(self._manifest)

    @cached_property
    def _engine_with_archived(self) -> MetricFlowEngine:
        """The same of definitions that leave no archived project out."""
        whole = self._manifest.copy(deep=True)
        for metric in whole.metrics:
            if metric.filter is not None:
                metric.filter.where_filters = [
                    one
                    for one in metric.filter.where_filters
                    if _ARCHIVED not in one.where_sql_template
                ]
        return _engine_of(whole)

    def dimensions(self, metrics: Sequence[str]) -> list[str]:
        """Return by what all of these metrics can be cut, as `booking__person`; `grains` are those
        of time.

        Raises:
            MetricError: one of them is not defined.
        """
        for name in metrics:
            if name not in self.all:
                raise MetricError(f"no metric {name!r}; there are {', '.join(self.all)}")
        found = {one.dunder_name for one in self._engine.simple_dimensions_for_metrics([*metrics])}
        return sorted(name for name in found if not name.startswith(TIME))

    def grains(self, metrics: Sequence[str]) -> list[str]:
        """Return by which times all of these metrics can be cut: those to which the rows of their
        tables add up.
        """
        times = {self._time(model) for name in metrics for model in self._tables(name)}
        return [grain for grain in GRAINS if all(grain in _ADDED_UP[time] for time in times)]

    def sql(
        self,
        metrics: Sequence[str],
        by: Sequence[str] = (),
        where: Sequence[str] = (),
        order: Sequence[str] = (),
        limit: int = 0,
        unit: Unit = "seconds",
    ) -> str:
        """Return a query of PostgreSQL with a column for each dimension and metric.

        A dimension is called by its whole name or, where that is clear, by its last part: `person`;
        time by its grain: `month`. `where` is `person=Sato`, or a condition in the templates of
        MetricFlow; `order` is columns, with `-` before one that falls. In hours or days,
        `cycle_seconds_median` becomes `cycle_days_median`. What is open leaves archived projects
        out, unless `by` or `where` has `is_archived`.

        Raises:
            MetricError: one of the names is not known.
        """
        known = self.dimensions(metrics)
        group = [self._parameter(name, known, metrics) for name in by]
        measured = {_in_unit(name, unit): MetricParameter(name) for name in metrics}
        columns = {_column_name(name): one for name, one in zip(by, group, strict=True)} | measured
        ordered = [(_column_name(name.lstrip("-")), name.startswith("-")) for name in order]
        for name, _ in ordered:
            if name not in columns:
                raise MetricError(f"no column {name!r} to sort by; there are {', '.join(columns)}")
        request = MetricFlowQueryRequest.create(
            metrics=[*measured.values()],
            group_by=group,
            where_constraints=[self._condition(one, known, metrics) for one in where],
            order_by=[OrderByParameter(columns[name], descending=falls) for name, falls in ordered],
            limit=limit or None,
            output_column_order_mode=OutputColumnOrderMode.INPUT_ORDER,
        )
        asked = any(_ARCHIVED in one for one in (*by, *where))
        engine = self._engine_with_archived if asked else self._engine
        try:
            made = engine.explain(request).sql_statement.without_descriptions.sql
        except MetricFlowException as error:
            raise MetricError(str(error).strip().splitlines()[0]) from error
        if measured.keys() == {*metrics}:
            return made
        return _in_units(made, [_column_name(name) for name in by], metrics, unit, ordered)

    def _parameter(
        self, name: str, known: Sequence[str], metrics: Sequence[str]
    ) -> DimensionOrEntityParameter | TimeDimensionParameter:
        # What is kept by month has the fiscal year as a dimension: MetricFlow finds that of days.
        of_month = [one for one in known if _column_name(one) == f"in_{name}"]
        if name in GRAINS and not of_month:
            grains = self.grains(metrics)
            if name not in grains:
                only = f"only by {', '.join(grains)}" if grains else "together by no time"
                raise MetricError(f"{', '.join(metrics)} can be cut {only}, not by {name}")
            return TimeDimensionParameter(TIME, grain=name, alias=name)
        [whole] = of_month or [self._resolve(name, known, metrics)]
        return DimensionOrEntityParameter(whole, alias=_column_name(name))

    def _condition(self, condition: str, known: Sequence[str], metrics: Sequence[str]) -> str:
        if "{{" in condition:
            return condition
        name, found, value = condition.partition("=")
        if not found:
            raise MetricError(f"{condition!r} is neither name=value nor a condition of MetricFlow")
        quoted = value.strip().replace("'", "''")
        return f"{{{{ Dimension('{self._resolve(name.strip(), known, metrics)}') }}}} = '{quoted}'"

    def _resolve(self, name: str, known: Sequence[str], metrics: Sequence[str]) -> str:
        """Return the whole name of a dimension; of two with the same last part, that of the
        metric's own table.
        """
        found = [one for one in known if one == name or _column_name(one) == name]
        if len(found) > 1:
            own = {one for one in found if one.partition("__")[0] == self._own_entity(metrics[0])}
            found = [*own] or found
        if not known:
            raise MetricError(
                f"these metrics have only time in common, not {name!r}: ask for them one by one"
            )
        if len(found) != 1:
            raise MetricError(
                f"{name!r} is {'no dimension' if not found else 'not clear'}; there are "
                f"{', '.join(found or known)}"
            )
        return found[0]

    def _own_entity(self, metric: str) -> str:
        entities = next(self._tables(metric)).entities
        return next((one.name for one in entities if one.type.value == "primary"), "")

    def _tables(self, metric: str) -> Iterator[PydanticSemanticModel]:
        """Yield the tables that a metric is made of, that of its numerator first."""
        definition = next(one for one in self._manifest.metrics if one.name == metric)
        for part in definition.input_metrics:
            yield from self._tables(part.name)
        aggregation = definition.type_params.metric_aggregation_params
        for model in self._manifest.semantic_models:
            if aggregation is not None and model.name == aggregation.semantic_model:
                yield model

    @staticmethod
    def _time(model: PydanticSemanticModel) -> str:
        """Return the time of a row of a table, by which its metrics are cut."""
        name = model.defaults.agg_time_dimension if model.defaults else None
        [time] = [one for one in model.dimensions if one.name == name]
        return time.type_params.time_granularity.value if time.type_params else GRAINS[0]


def _column_name(name: str) -> str:
    """Return how a dimension is called in a result, by its last part."""
    return name.rpartition("__")[2]


def _in_unit(metric: str, unit: Unit) -> str:
    """Return how a metric of seconds is called in a unit; another one keeps its name."""
    return re.sub(r"(?:^|(?<=_))seconds(?=_|$)", unit, metric)


def _in_units(
    sql: str,
    dimensions: Sequence[str],
    metrics: Sequence[str],
    unit: Unit,
    order: Sequence[tuple[str, bool]],
) -> str:
    """Return a query with its seconds as hours or days, rounded to a tenth; a column falls with
    True.
    """
    shown = [*dimensions]
    for name in metrics:
        named = _in_unit(name, unit)
        shown.append(
            name
            if name == named
            else f"ROUND(({name} / {_SECONDS[unit]}.0)::numeric, 1) AS {named}"
        )
    columns = "\n  , ".join(shown)
    made = f"SELECT\n  {columns}\nFROM (\n{sql}\n) AS measured"
    sorted_by = ", ".join(name + " DESC" * falls for name, falls in order)
    return f"{made}\nORDER BY {sorted_by}" if order else made
