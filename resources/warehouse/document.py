"""Generates the data dictionary `docs/tables.md` from the schema: `python -m
resources.warehouse.document`.
"""

import sys
from pathlib import Path

from sqlalchemy import Column, Table, make_url

from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import RAW
from resources.warehouse.state.schema_ops import OPS_TABLES

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"
_COMMAND = "python -m resources.warehouse.document"
_DIALECT = make_url("postgresql+psycopg2://").get_dialect()()
_TYPES = {"TIMESTAMP WITH TIME ZONE": "timestamptz"}

_HEAD = f"""# Tables

Made from `resources/warehouse/*/schema*.py` by `{_COMMAND}`; do not edit.

Each row of `raw` is a record of the source as it is now; those of `activities` are kept as they
were received, those with a `version` are versions of one record, and those of `issue_changes` are
made from the change logs of `comments`. `*_id`
columns hold ids of the source, `*_at` instants in UTC, `*_date` dates in the space's zone, hours
are decimal hours. The name in brackets at a column is its place in the record, which is kept whole
in `payload`. Rows that vanish from the source stay, with `deleted_at` set; `ops.deletions` says
why.

日本語の説明は、各テーブルと各カラムの英語の説明の後にあります(`raw`)。括弧内はレコードの中での
項目名です。`deleted_at` の入った行は Backlog から消えた行で、理由は `ops.deletions` にあります。
"""


def render() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD, "## Schema raw\n"]
    for spec in SPECS.values():
        notes = [f"Source: `{spec.endpoint}`."]
        if spec.business_key:
            notes.append(f"Known to people by `{spec.business_key}`.")
        if spec.references:
            targets = (
                f"`{column}` -> `{RAW}.{table}`" for column, table in spec.references.items()
            )
            notes.append("References: " + ", ".join(targets) + ".")
        parts.append(_section(spec.table, " ".join(notes)))
    parts.append("## Schema ops\n")
    parts += [_section(table, "") for table in OPS_TABLES]
    return "\n".join(parts)


def _section(table: Table, notes: str) -> str:
    lines = [f"### {table.fullname}", "", str(table.comment), "", *([notes, ""] if notes else [])]
    lines += ["| column | type | key | meaning |", "| --- | --- | --- | --- |"]
    lines += [
        f"| `{column.name}` | {_type(column)} | {_role(column)} | {_comment_cell(column)} |"
        for column in table.columns
    ]
    return "\n".join([*lines, ""])


def _type(column: Column[object]) -> str:
    name = column.type.compile(_DIALECT)
    return _TYPES.get(name, name.lower())


def _role(column: Column[object]) -> str:
    return "key" if column.primary_key else "" if column.nullable else "not null"


def _comment_cell(column: Column[object]) -> str:
    return (column.comment or "").replace("|", "\\|")


def main(arguments: list[str], page: Path = PAGE) -> int:
    """Write the page; with `--check` return 1 when it is stale."""
    text = render()
    if arguments == ["--check"]:
        if page.exists() and page.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write(f"docs/{page.name} is stale: run {_COMMAND}\n")
        return 1
    page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
