"""The house keeps its own rules: files are short, definitions are described, documents are true in
both languages.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import click
import dagster as dg
import pytest

from assets.marts.manifest import manifest
from pipelines.cli import main
from pipelines.definitions import defs
from resources.variables import FILE, SECRETS, VARIABLES
from resources.warehouse.raw.daily_tables import DAILY
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.raw.spec import metadata
from resources.warehouse.state.schema_ops import OPS_TABLES
from sync.results.command_results import RESULTS
from tests.documents import (
    DOCS,
    DOCUMENTS,
    PAIRS,
    READMES,
    ROOT,
    anchors,
    blocks,
    code,
    headings,
    links,
    name,
    names_in,
    places,
    spans,
    tables,
)

ROOMS = ("assets", "pipelines", "resources", "service", "simulator", "sync")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
#: Without the environments of the rivals in a benchmark, which `make bench-peers` sets up.
OTHERS = [
    path
    for room in ("tests", "benchmarks")
    for path in (ROOT / room).rglob("*.py")
    if ".envs" not in path.parts
]
EVERYTHING = sorted([*SOURCES, *OTHERS])
LONGEST = 400


@pytest.mark.parametrize(
    "path", [path for path in OTHERS if path.name.startswith("test_")], ids=name
)
def test_the_name_of_a_test_can_be_read_aloud(path: Path) -> None:
    names = re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    assert [one for one in names if len(one) > 80] == []


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


GRAPH = defs.resolve_asset_graph()
ASSETS = sorted(GRAPH.materializable_asset_keys)
#: Models and snapshots whose rows the database holds to a key; each table of the marts is one.
KEYED = {
    node["name"]
    for node in json.loads(manifest().read_bytes())["nodes"].values()
    if any(index.get("unique") for index in node["config"].get("indexes") or [])
}


@pytest.mark.parametrize("key", ASSETS, ids=lambda key: key.to_user_string())
def test_an_asset_has_a_group_an_owner_kinds_a_description_and_a_check_or_a_key(
    key: dg.AssetKey,
) -> None:
    node = GRAPH.get(key)
    assert node.group_name
    assert node.owners
    assert node.kinds
    assert node.description
    assert node.metadata["dagster/column_schema"].columns
    assert GRAPH.get_check_keys_for_assets({key}) or (
        key.path[0] == "mart" and key.path[-1] in KEYED
    )


def test_there_is_an_asset_for_every_raw_table_and_no_other() -> None:
    assert {key.to_user_string() for key in ASSETS if key.path[0] == "raw"} == {
        f"raw/{table}" for table in SPECS
    }


def test_every_table_and_every_column_has_a_comment() -> None:
    bare = [str(table) for table in metadata.tables.values() if not table.comment]
    bare += [
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if not column.comment
    ]
    assert bare == []


def test_every_raw_table_and_column_is_described_in_english_and_japanese() -> None:
    described = [one for spec in SPECS.values() for one in (spec.table, *spec.table.columns)]
    japanese = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
    for one in described:
        first, _, second = str(one.comment).partition(" / ")
        assert not japanese.search(first), one
        assert japanese.search(second), one


def test_every_check_schedule_sensor_and_job_has_a_description() -> None:
    repository = defs.get_repository_def()
    described = {schedule.name: schedule.description for schedule in repository.schedule_defs}
    described |= {sensor.name: sensor.description for sensor in repository.sensor_defs}
    described |= {
        job.name: job.description
        for job in repository.get_all_jobs()
        if not job.name.startswith("__")
    }
    assert [one for one, description in described.items() if not description] == []
    specs = [
        check.get_spec_for_check_key(key) for check in GRAPH.assets_defs for key in check.check_keys
    ]
    assert [spec.name for spec in specs if not spec.description] == []


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-celery.lock", "requirements-dev.lock"]
)
def test_a_lock_file_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index-url" not in text


def every(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands of a group, and those of the groups in it."""
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from every(command)


REFERENCE = DOCS / "reference.md"
#: What a newcomer reads; all commands and options in them are ours.
FIRST = [*READMES, *sorted(DOCS.glob("getting-started*.md"))]


OPTIONS = {
    option
    for command in (main, *every(main))
    for one in command.params
    if not getattr(one, "hidden", False)
    for option in one.opts
} | {"--help", "-h"}
#: Views of `ops`, which are no tables of the schema.
VIEWS = {"ops.sync_outcomes", "ops.alembic_version"}


def mentioned(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, text))


@pytest.mark.parametrize("path", FIRST, ids=name)
def test_every_command_option_and_target_that_a_newcomer_reads_of_exists(path: Path) -> None:
    text = path.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert mentioned(r"\bmake ([a-z-]+)\b`?", code(text)) <= targets
    assert mentioned(r"backlog-elt ([a-z]+)\b", code(text)) <= set(main.commands)
    assert mentioned(r"(?<![\w-])--[a-z-]+", code(text)) <= OPTIONS


def test_the_reference_names_all_variables_commands_fields_jobs_and_sensors() -> None:
    text = REFERENCE.read_text()
    repository = defs.get_repository_def()
    jobs = {job.name for job in repository.get_all_jobs() if not job.name.startswith("__")}
    ticking = {one.name for one in repository.schedule_defs} | {
        one.name for one in repository.sensor_defs
    }
    fields = {field for kind in RESULTS.values() for field in get_type_hints(kind)}
    assert {*VARIABLES, *main.commands, *fields, *jobs, *ticking} <= mentioned(r"`([\w-]+)`", text)
    assert {option for option in OPTIONS if option.startswith("--")} <= mentioned(
        r"--[a-z-]+", text
    )


def test_the_reference_has_the_metadata_that_the_code_records() -> None:
    recorded = {
        key
        for path in SOURCES
        for key in mentioned(r"[\"`](load/[a-z_]+)[\"`]", path.read_text())
        if key != "load/rows_"
    }
    named = mentioned(r"`(load/[a-z_]+)`", REFERENCE.read_text())
    assert recorded <= named
    assert {key for key in named if not key.startswith("load/rows_")} <= recorded


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_every_table_that_a_document_names_exists(path: Path) -> None:
    known = (
        {f"raw.{table}" for table in SPECS} | {f"ops.{table.name}" for table in OPS_TABLES} | VIEWS
    )
    assert mentioned(r"`((?:raw|ops)\.[a-z_]+)(?:\.[a-z_]+)?`", path.read_text()) <= known


#: What speaks of variables: documents, examples, and files of deployments.
SPEAKING = [*DOCUMENTS, *(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]


@pytest.mark.parametrize("path", sorted(SPEAKING), ids=name)
def test_every_variable_that_a_document_or_a_deployment_names_is_declared(path: Path) -> None:
    declared = {*VARIABLES} | {secret + FILE for secret in SECRETS} | {"BACKLOG_ELT_COMPLETE"}
    assert mentioned(r"(?:BACKLOG|WAREHOUSE)_[A-Z_]*[A-Z]\b", path.read_text()) <= declared


def test_every_variable_is_in_the_example_of_an_env_file() -> None:
    assert mentioned(r"(?m)^#([A-Z_]+)=", (ROOT / ".env.example").read_text()) == {*VARIABLES}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_inside_the_documents_leads_to_a_file_and_a_heading(document: Path) -> None:
    lost = []
    for path, anchor in links(document.read_text()):
        target = document.parent / path if path else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            lost.append(f"{path}#{anchor}")
    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    assert [
        path
        for path in mentioned(r"\btests/[a-z0-9_/]+\.py\b", document.read_text())
        if not (ROOT / path).is_file()
    ] == []


def test_every_threat_names_a_test_except_the_one_without_a_defence() -> None:
    threats = (DOCS / "security.md").read_text().partition("## From whom")[2].partition("## SQL")[0]
    rows = [
        line
        for line in threats.splitlines()
        if line.startswith("| ") and not line.startswith(("| ---", "| threat"))
    ]
    assert rows
    assert [row for row in rows if "tests/" not in row and "Not defended against" not in row] == []


@pytest.mark.parametrize(("english", "japanese"), PAIRS.items(), ids=[name(path) for path in PAIRS])
def test_both_languages_have_the_same_headings_tables_and_code(
    english: Path, japanese: Path
) -> None:
    one, other = english.read_text(), japanese.read_text()
    assert [level for level, _ in headings(one)] == [level for level, _ in headings(other)]
    assert blocks(one) == blocks(other)
    assert len(tables(one)) == len(tables(other))
    for left, right in zip(tables(one), tables(other), strict=True):
        assert [len(row) for row in left] == [len(row) for row in right]
        assert [spans(row[0]) for row in left] == [spans(row[0]) for row in right]


ARCHITECTURE = DOCS / "architecture.md"
#: A recipe that says how many files it takes, and the table that is its example.
LISTED_TABLE, ITS_EXAMPLE, ITS_FILES = "Add a listed table", "categories", 3


def test_every_file_and_name_in_the_architecture_exists() -> None:
    named = places(ARCHITECTURE.read_text())
    lost = [path for path, _ in named if not (ROOT / path).exists()]
    lost += [
        f"{path}::{one}"
        for path, one in named
        if one and path not in lost and one not in names_in(ROOT / path)
    ]
    assert lost == []


def test_a_listed_table_takes_as_many_files_as_the_recipe_says() -> None:
    _, _, recipe = ARCHITECTURE.read_text().partition(f"### {LISTED_TABLE}\n")
    rows = tables(recipe)[0][1:]
    files = {path for row in rows for path, _ in places(row[0])}
    assert len(rows) == len(files) <= ITS_FILES
    assert [
        path
        for path in files
        if ITS_EXAMPLE
        not in (ROOT / path).with_suffix(".sql" if "versions" in path else ".py").read_text()
    ] == []


PRODUCT = [
    path
    for path in SOURCES
    if path.relative_to(ROOT).parts[0] != "simulator" and path.name != "__init__.py"
]


OTHER_PRODUCT = [
    *(ROOT / "service" / "static").glob("*.js"), *(ROOT / "assets" / "marts").rglob("*.sql")
]  # fmt: skip


@pytest.mark.parametrize("table", [spec.name for spec in DAILY])
def test_a_table_is_named_in_its_declaration_and_its_migration_alone(table: str) -> None:
    naming = [
        path.relative_to(ROOT).as_posix()
        for path in [*PRODUCT, *OTHER_PRODUCT]
        if re.search(rf"\b{table}\b", path.read_text())
    ]
    declared, migration = sorted(naming, key=len)
    assert declared == "resources/warehouse/raw/daily_tables.py"
    assert migration.startswith("resources/warehouse/server/migrations/versions/")
    assert f"raw/{table}" in {key.to_user_string() for key in ASSETS}


def test_a_file_and_a_function_can_be_found_by_name_alone() -> None:
    files = Counter(path.name for path in PRODUCT)
    functions = Counter(
        found
        for path in PRODUCT
        for found in {*re.findall(r"(?m)^(?:async )?def (\w+)", path.read_text())}
    )
    assert sum(count > 1 for count in files.values()) <= 3
    assert sum(count > 1 for count in functions.values()) <= 40
