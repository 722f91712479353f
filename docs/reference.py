"""Make docs/reference.md from the code: `python docs/reference.py`, or `make docs`; `--check` says
whether it is up to date.
"""

import os
import sys
import types
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from datetime import datetime
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

# Definitions depend on variables: the page shows those of a machine on which none is set.
for _name in [name for name in os.environ if name.startswith("BACKLOG_")]:
    del os.environ[_name]

import click  # noqa: E402
import dagster as dg  # noqa: E402

from pipelines.cli import COMPLETION, main  # noqa: E402
from pipelines.cli.group import EXIT_CODES, PROGRAM  # noqa: E402
from pipelines.definitions import build_definitions  # noqa: E402
from resources.cadences import CADENCES  # noqa: E402
from resources.variables import VARIABLES, Holds  # noqa: E402
from service.app import openapi  # noqa: E402
from sync.modes import Mode  # noqa: E402
from sync.results.command_results import RESULTS  # noqa: E402

PAGE = Path(__file__).with_suffix(".md")
COMMAND = "python docs/reference.py"
HEAD = f"""# Reference

Made from the code by `{COMMAND}` (`make docs`). Do not edit.

[Variables](#variables) · [Commands](#commands) · [Exit codes](#exit-codes) ·
[Objects of --json](#objects-of---json) · [Names in Dagster](#names-in-dagster) ·
[API of the sync service](#api-of-the-sync-service) · [Tables](tables.md)
"""
VARIABLES_TEXT = """
The program reads variables from the environment and from `.env` in the current folder. The
environment wins. An empty variable counts as unset. A wrong one ends the command with a line that
names it. So does an unknown one that begins with `BACKLOG_`. A variable marked ¹ may hold a secret,
so it can be given as a file: `BACKLOG_API_KEY_FILE` is the path of a file that holds it.
`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR` are read as
by other programs ([proxies and certificates](operating.md#proxies-and-certificates-of-a-company)).
"""
COMMANDS_TEXT = """
`make` sets up `.venv`; the command is `.venv/bin/backlog-elt`. `--help` after a command shows its
options with examples.
"""
PARTITIONS_TEXT = """
`raw/issues`, `raw/comments` and `raw/issue_changes` have two partition dimensions: `project`
(dynamic, `backlog_projects`, the project key) and `updated_month` (`YYYY-MM`). A key is
`OPS|2026-04`. It holds the issues of one project whose **last change** falls in that month, or
their comments and changes. The first month also holds everything older.
"""
#: Checks that dbt names by model and columns.
GENERIC_CHECKS = ("is_key_", "not_null_", "one_line_")
CHECKS_TEXT = """
Views of the marts and tables of staging also have `is_key_<table>_<columns>` (no two rows with the
same key; the database holds the other tables to theirs), seeds `not_null_<table>_<column>` and
`one_line_<table>_<columns>`.
"""
METADATA_TEXT = """
`dagster/row_count`, `dagster/partition_row_count`, `dagster/column_schema` and
`dagster/table_name` are Dagster's own keys. Those of marts come from dagster-dbt, which counts the
rows of tables and not of views.
"""
SERVICE_TEXT = """
The same for machines is at `/openapi.json`. How to use it: [the sync service](service.md).
"""
#: Keys of the metadata of materializations. A test looks for them in the code.
METADATA = {
    "load/rows_read": "records read from the source",
    "load/rows_inserted": "new rows",
    "load/rows_updated": "rows that changed",
    "load/rows_unchanged": "rows that were already the same",
    "load/rows_deleted": "rows marked as deleted",
    "load/rows_rejected": "records in quarantine",
    "load/api_requests": "requests to Backlog, each attempt counted",
    "load/api_retries": "requests that were tried again",
    "load/rate_limit_wait_seconds": "time spent waiting for the rate limit",
    "load/rate_limit_remaining": "requests left in the window at the end",
    "load/window_start": "begin of the window that was read",
    "load/window_end": "end of that window",
    "load/lag_seconds": "from the newest change to its row; for scheduled "
    "loads that brought something",
    "load/duration_seconds": "how long the load took; of a partition, its part of it",
    "load/completeness_proof": "why the window counts as complete "
    "([exactness](exactness.md#how-one-can-see-it))",
    "load/failures": "what failed, one line each",
    "load/issues_read": "issues whose comments were read",
    "load/cursor": "highest activity id that is known",
    "load/feed_complete": "whether the feed was read back to its beginning",
    "load/retention_gap": "whether the source trimmed activities before they were read",
    "preview": "some rows",
    "source": "endpoint from which the table comes",
    "source_of_users": "where the users come from, when the key may not list them",
    "source_of_teams": "where the teams come from, when the key may not list them",
    "not_in_plan": "what the plan of the space does not have",
    "rolling_refresh": "how many issues were read again tonight",
    "refused": "why the source refused the feed",
    "deleted_projects": "projects found deleted (`raw/projects`)",
    "projects_without_access": "projects that the key no longer sees (`raw/projects`)",
    "projects_accessible_again": "projects that the key sees again "
    "(`raw/projects`, `raw/activities`)",
    "chart": "picture of a mart, drawn with each build",
    "chart_now": "the newest picture of a mart, shown on its page without a click",
}


def render() -> str:
    """Return the page as Markdown."""
    repository = build_definitions().get_repository_def()
    parts = (
        HEAD,
        *_variables(),
        *_commands(),
        *_objects(),
        *_names(repository),
        *_service(openapi()),
    )
    return "\n".join(line.rstrip() for part in parts for line in part.split("\n")).rstrip() + "\n"


def _table(*columns: str) -> str:
    return f"| {' | '.join(columns)} |\n| {' | '.join('---' for _ in columns)} |"


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _variables() -> Iterator[str]:
    yield f"## Variables\n{VARIABLES_TEXT}"
    yield _table("variable", "meaning", "default")
    for name, variable in VARIABLES.items():
        secret = " ¹" if variable.holds is Holds.SECRET else ""
        more = f" ([more]({variable.see}))" if variable.see else ""
        yield _row(f"`{name}`{secret}", variable.meaning + more, variable.default)


def _commands() -> Iterator[str]:
    yield f"\n## Commands\n{COMMANDS_TEXT}"
    yield _table("command", "option", "meaning", "default")
    yield from _command(PROGRAM, main)
    for path, command in every(main):
        yield from _command(path, command)
    first, _, shells = COMPLETION.strip().partition("\n")
    yield f"\n{_sentence(first)}:\n\n```sh\n{shells}\n```"
    yield "\n## Exit codes\n"
    yield _table("code", "meaning")
    yield from (_row(code, meaning) for code, meaning in EXIT_CODES.items())


def every(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group and of the groups in it, each with its name."""
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from every(command, f"{path}{name} ")


def _command(path: str, command: click.Command) -> Iterator[str]:
    about = (command.help or "").split("\n\n")
    yield _row(f"`{path}`", "", " ".join(_sentence(part) for part in about), "")
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield _row("", f"`{_usage(option)}`", option.help or "", _default(option))


def _usage(option: click.Option) -> str:
    if option.is_flag:
        return option.opts[-1]
    choices = option.type.choices if isinstance(option.type, click.Choice) else ()
    return (
        f"{option.opts[-1]} "
        f"{option.metavar or '|'.join(map(str, choices)) or option.type.name.upper()}"
    )


def _default(option: click.Option) -> str:
    return f"`{option.default}`" if option.show_default else ""


def _objects() -> Iterator[str]:
    yield (
        "\n## Objects of --json\n\nEach command prints one JSON object on one line. "
        "Moments are ISO 8601 in UTC."
    )
    for command, kind in RESULTS.items():
        yield f"\n### {command} --json\n"
        yield from ([_paragraphs(kind)] if _paragraphs(kind) else [])
        yield _table("field", "type", "meaning")
        yield from _fields(kind, "", {})


def _paragraphs(kind: type) -> str:
    _, _, more = (kind.__doc__ or "").partition("\n\n")
    return f"{' '.join(more.split())}\n" if more else ""


def _fields(kind: type, path: str, shown: dict[type, str]) -> Iterator[str]:
    """Yield a row for each field; the fields of an object that a row above has shown are not
    repeated.
    """
    for name, declared in get_type_hints(kind, include_extras=True).items():
        if get_origin(declared) is ClassVar:
            continue
        meaning = declared.__metadata__[-1] if get_origin(declared) is Annotated else ""
        inner, step = _inside(declared)
        same = f" (fields as in `{shown[inner]}`)" if inner in shown else ""
        yield _row(f"`{path}{name}`", _type_of(declared), meaning + same)
        if inner is not None and not same:
            shown[inner] = f"{path}{name}{step}"
            yield from _fields(inner, f"{path}{name}{step}.", shown)


def _is_object(declared: Any) -> bool:
    """Say whether a type has fields: a dictionary's, a data class's or a model's."""
    return is_typeddict(declared) or is_dataclass(declared) or hasattr(declared, "model_fields")


def _inside(declared: Any) -> tuple[type | None, str]:
    """Return the object in a type, and what stands for the place in the list or dictionary that
    holds it.
    """
    if _is_object(declared):
        return declared, ""
    step = {list: "[]", dict: ".*"}.get(get_origin(declared) or object, "")
    arguments = () if get_origin(declared) is Literal else get_args(declared)
    found = (
        (inner, step + deeper) for one in arguments for inner, deeper in [_inside(one)] if inner
    )
    return next(found, (None, ""))


def _type_of(declared: Any) -> str:
    origin, inner = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return "moment" if "ISO 8601, UTC" in declared.__metadata__ else _type_of(inner[0])
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_of(one) for one in inner)
    if origin is list:
        return f"list of {_type_of(inner[0])}"
    if _is_object(declared) or origin is dict:
        return "object"
    return {
        str: "text",
        int: "integer",
        float: "number",
        bool: "boolean",
        datetime: "moment",
        type(None): "null",
    }[declared]


def _names(repository: dg.RepositoryDefinition) -> Iterator[str]:
    graph = repository.asset_graph
    yield "\n## Names in Dagster\n\nTimes are those of `BACKLOG_TIMEZONE`.\n\n### Assets\n"
    groups: dict[str, list[str]] = {}
    for key in sorted(graph.get_all_asset_keys()):
        groups.setdefault(str(graph.get(key).group_name), []).append(f"`{key.to_user_string()}`")
    yield _table("group", "assets")
    yield from (_row(f"`{group}`", " ".join(names)) for group, names in sorted(groups.items()))
    yield (
        PARTITIONS_TEXT
        + f"\nThe run config `mode` is one of {', '.join(f'`{mode}`' for mode in get_args(Mode))}."
    )
    yield "\n### Jobs\n"
    yield _table("job", "what it does")
    jobs = sorted(
        (job for job in repository.get_all_jobs() if not job.name.startswith("__")),
        key=lambda job: job.name,
    )
    yield from (_row(f"`{job.name}`", job.description or "") for job in jobs)
    when = {cadence.name: cadence.when() for cadence in CADENCES}
    yield "\n### Schedules\n"
    yield _table("schedule", "when", "cron", "what it does")
    for schedule in sorted(repository.schedule_defs, key=lambda one: one.name):
        yield _row(
            f"`{schedule.name}`",
            when[schedule.name],
            f"`{schedule.cron_schedule}`",
            schedule.description or "",
        )
    yield (
        "\nThe minute of `issues_every_12_hours` is made from the host name of "
        "`BACKLOG_URL`.\n\n### Sensors\n"
    )
    yield _table("sensor", "when", "what it does")
    for sensor in sorted(repository.sensor_defs, key=lambda one: one.name):
        yield _row(f"`{sensor.name}`", when[sensor.name], sensor.description or "")
    yield "\n### Checks\n"
    yield _table("check", "what holds when it passes", "assets")
    yield from _checks(graph)
    yield CHECKS_TEXT.rstrip()
    yield f"\n### Metadata\n{METADATA_TEXT}"
    yield _table("key", "meaning")
    yield from (_row(f"`{key}`", meaning) for key, meaning in METADATA.items())


def _checks(graph: Any) -> Iterator[str]:
    found: dict[tuple[str, str], list[str]] = {}
    for definition in graph.assets_defs:
        for key in definition.check_keys:
            spec = definition.get_spec_for_check_key(key)
            found.setdefault((spec.name, spec.description or ""), []).append(
                f"`{key.asset_key.to_user_string()}`"
            )
    for (name, description), assets in sorted(
        found.items(), key=lambda one: ("`raw" not in one[1][0], one[0])
    ):
        if not name.startswith(GENERIC_CHECKS):
            yield _row(f"`{name}`", description, " ".join(sorted(assets)))


def _service(description: dict[str, Any]) -> Iterator[str]:
    yield f"\n## API of the sync service\n{SERVICE_TEXT}"
    yield _table("request", "what it does", "parameters", "answers")
    for path, methods in description["paths"].items():
        for method, one in methods.items():
            names = " ".join(f"`{parameter['name']}`" for parameter in one.get("parameters", ()))
            answers = " ".join(sorted(map(str, one["responses"])))
            yield _row(f"`{method.upper()} {path}`", one.get("summary", ""), names, answers)
    for name, schema in description["components"]["schemas"].items():
        if schema.get("properties"):
            yield f"\n### {name}\n"
            yield from (
                [f"{schema['description'].rstrip('.')}.\n"] if schema.get("description") else []
            )
            yield _table("field", "type", "meaning")
            yield from _properties(schema, "")


def _properties(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        yield _row(f"`{path}{name}`", _schema(inner), inner.get("description", ""))
        for held, step in (
            (inner, ""),
            *((one, "") for one in inner.get("anyOf", ())),
            (inner.get("items", {}), "[]"),
        ):
            yield from _properties(held, f"{path}{name}{step}.")


def _schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_schema(one) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{one}`" for one in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    named = {"date-time": "moment"}.get(schema.get("format", ""))
    return named or {"string": "text"}.get(
        schema.get("type", "any"), str(schema.get("type", "any"))
    )


def run(arguments: Iterable[str], page: Path = PAGE) -> int:
    """Write the page, or with `--check` return 1 when it is not what the code says."""
    text = render()
    if list(arguments) == ["--check"]:
        if page.exists() and page.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write(f"docs/{page.name} is stale: run {COMMAND}\n")
        return 1
    page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
