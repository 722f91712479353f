"""SQL of MetricFlow as a person would write it: without its nested selects and numbered names."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from sqlglot import exp, parse_one
from sqlglot.optimizer.merge_subqueries import merge_subqueries
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

#: Columns of each table of the schema `mart`.
Columns = Mapping[str, Sequence[str]]
#: Table -> column -> its grain: `day`, `week` or `month`.
Grains = Mapping[str, Mapping[str, str]]
Unit = Literal["seconds", "hours", "days"]
_SECONDS: Mapping[Unit, int] = {"seconds": 1, "hours": 3_600, "days": 86_400}
_NUMBERED = re.compile(r"\b(?:subq_\d+|\w+_src_\d+|\w+_\d+_cte)\b")


def readable(
    sql: str, columns: Columns, grains: Grains, order: Sequence[str], limit: int, unit: Unit
) -> str:
    """Return the same query with selects merged, dates as dates and names that do not change with
    the number of definitions.

    A column of weeks is not cut to weeks again: for PostgreSQL that is more work than adding up the
    rows.

    Raises:
        sqlglot.errors.SqlglotError: the query has a column that no table has.
    """
    schema: dict[str, object] = {
        "mart": {table: dict.fromkeys(names, "unknown") for table, names in columns.items()}
    }
    tree = qualify(
        parse_one(sql, dialect="postgres"),
        dialect="postgres",
        schema=schema,
        quote_identifiers=False,
    )
    tree = merge_subqueries(tree)
    for scope in traverse_scope(tree):
        for cut in [*scope.find_all(exp.DateTrunc, exp.TimestampTrunc)]:
            cut.replace(_as_date(cut, scope, grains))
    for paren in [*tree.find_all(exp.Paren)]:
        if isinstance(paren.this, exp.Column | exp.Not):
            paren.replace(paren.this)
    for join in [*tree.find_all(exp.Join)]:
        if _finds_its_own_rows(join):
            join.pop()
    for scope in traverse_scope(tree):
        if len(scope.sources) == 1:  # a column need not say whose it is
            for column in scope.columns:
                column.set("table", None)
            for table in scope.tables:
                table.set("alias", None)
    if not isinstance(tree, exp.Select):
        raise TypeError(f"MetricFlow made no SELECT: {sql}")
    tree = _flat(tree)
    for shown in tree.selects:
        if in_unit(shown.alias, unit) != shown.alias:
            part = exp.cast(
                shown.this.div(exp.Literal.number(f"{_SECONDS[unit]}.0"), typed=True), "numeric"
            )
            shown.replace(
                exp.alias_(
                    exp.Round(this=part, decimals=exp.Literal.number(1)), in_unit(shown.alias, unit)
                )
            )
    for name in order:
        tree = tree.order_by(
            exp.Ordered(
                this=exp.to_identifier(name.lstrip("-")),
                desc=name.startswith("-"),
                nulls_first=False,
            )
        )
    if limit:
        tree = tree.limit(limit)
    return _renamed(tree.sql(dialect="postgres", pretty=True, max_text_width=110))


def _finds_its_own_rows(join: exp.Join) -> bool:
    """Say whether each row of a table meets just its own group: the last day of each day is that
    day.

    Keys of groups are never null: a row without one would meet no group.
    """
    rows, groups, on = join.parent, join.this.this, join.args.get("on")
    if (
        not isinstance(rows, exp.Select)
        or not isinstance(groups, exp.Select)
        or on is None
        or len(rows.args["joins"]) > 1
    ):
        return False
    if join.side or not _has_only(groups, "expressions", "from_", "where", "group"):
        return False
    conditions = [*on.flatten()] if isinstance(on, exp.And) else [on]
    pairs = [one for one in conditions if isinstance(one, exp.EQ)]
    columns = {one.alias: one.unalias() for one in groups.selects}
    columns = {
        name: one.this if isinstance(one, exp.Max | exp.Min) else one
        for name, one in columns.items()
    }
    met = {(_bare(pair.left.unnest()), _bare(columns.get(pair.right.name))) for pair in pairs}
    keys = {_bare(key) for group in groups.find_all(exp.Group) for key in group.expressions}
    return (
        len(pairs) == len(conditions)
        and met == {(key, key) for key in keys}
        and all(
            _bare(rows.args.get(name)) == _bare(groups.args.get(name))
            for name in ("from_", "where")
        )
    )


def _has_only(select: exp.Select, *parts: str) -> bool:
    return not any(part and name not in parts for name, part in select.args.items())


def _bare(part: exp.Expr | None) -> str:
    """Return what it says without the names of tables, so that it can be compared."""
    if part is None:
        return ""
    bare = part.copy()
    for named in bare.find_all(exp.Column, exp.Table):
        named.set("table" if isinstance(named, exp.Column) else "alias", None)
    return bare.sql(dialect="postgres")


def _flat(tree: exp.Select) -> exp.Select:
    """Return a query that only works with the sums of a query below it as one query."""
    flat, adds_up = (
        tree.args["from_"].this.this.copy(),
        any(one.find(exp.AggFunc, exp.Window) for one in tree.selects),
    )
    if not isinstance(flat, exp.Select) or adds_up or not _has_only(tree, "expressions", "from_"):
        return tree
    if not _has_only(flat, "expressions", "from_", "where", "group"):
        return tree
    sums = {one.alias: one.unalias() for one in flat.selects}
    for column in [column for shown in tree.selects for column in shown.find_all(exp.Column)]:
        made = sums[column.name].copy()
        column.replace(
            exp.paren(made)
            if isinstance(made, exp.Binary) and not isinstance(column.parent, exp.Alias)
            else made
        )
    flat.set("expressions", tree.expressions)
    return flat


def _as_date(cut: exp.Func, scope: Scope, grains: Grains) -> exp.Expression:
    """Return what cutting a date gives, as a date: the same in whatever zone the session is."""
    unit, value = cut.text("unit").lower(), cut.this
    if unit == "day":
        return exp.cast(value.copy(), "date")
    if isinstance(value, exp.Column):
        table = scope.sources.get(value.table)
        if isinstance(table, exp.Table) and grains.get(table.name, {}).get(value.name) == unit:
            return value.copy()
    return exp.cast(cut.copy(), "date")


def in_unit(column: str, unit: Unit) -> str:
    """Return how a column of seconds is called in a unit; another one keeps its name."""
    return re.sub(r"(?:^|(?<=_))seconds(?=_|$)", unit, column)


def _renamed(sql: str) -> str:
    names: dict[str, str] = {}
    for name in _NUMBERED.findall(sql):
        names.setdefault(name, f"t{len(names) + 1}")
    return _NUMBERED.sub(lambda found: names[found[0]], sql)
