"""The house keeps its own rules: files say what they are for, definitions are described, documents tell the truth."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import dagster as dg
import pytest

from pipelines.cli import main
from pipelines.definitions import build_definitions
from pipelines.schedules import SCHEDULES
from resources.variables import FILE, SECRETS, VARIABLES
from resources.warehouse.schema import SPECS
from resources.warehouse.schema_ops import OPS_TABLES
from resources.warehouse.spec import metadata

ROOT = Path(__file__).parent.parent
ROOMS = ("assets", "pipelines", "resources", "service", "simulator", "sync")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
EVERYTHING = sorted([*SOURCES, *(path for room in ("tests", "benchmarks") for path in (ROOT / room).rglob("*.py"))])
READMES = [path for path in (ROOT / "README.md", ROOT / "README.ja.md") if path.exists()]
LONGEST = 400
#: So much of a summary is shown in the list of commands, on 80 columns.
SUMMARY = 62


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", EVERYTHING, ids=name)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


GRAPH = build_definitions().resolve_asset_graph()
ASSETS = sorted(GRAPH.materializable_asset_keys)


@pytest.mark.parametrize("key", ASSETS, ids=lambda key: key.to_user_string())
def test_an_asset_has_a_group_an_owner_kinds_a_description_and_a_check(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert node.group_name
    assert node.owners
    assert node.kinds
    assert node.description
    assert node.metadata["dagster/column_schema"].columns
    assert GRAPH.get_check_keys_for_assets({key})


def test_there_is_an_asset_for_every_raw_table_and_none_besides() -> None:
    assert {key.to_user_string() for key in ASSETS if key.path[0] == "raw"} == {f"raw/{table}" for table in SPECS}


def test_every_table_and_every_column_has_a_comment() -> None:
    bare = [str(table) for table in metadata.tables.values() if not table.comment]
    bare += [str(column) for table in metadata.tables.values() for column in table.columns if not column.comment]
    assert bare == []


def test_every_check_schedule_sensor_and_job_has_a_description() -> None:
    repository = build_definitions().get_repository_def()
    described = {schedule.name: schedule.description for schedule in repository.schedule_defs}
    described |= {sensor.name: sensor.description for sensor in repository.sensor_defs}
    described |= {job.name: job.description for job in repository.get_all_jobs() if not job.name.startswith("__")}
    assert [one for one, description in described.items() if not description] == []
    specs = [check.get_spec_for_check_key(key) for check in GRAPH.assets_defs for key in check.check_keys]
    assert [spec.name for spec in specs if not spec.description] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-celery.lock", "requirements-dev.lock"])
def test_a_lock_file_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "--index-url" not in text


def mentioned(pattern: str, text: str) -> set[str]:
    return set(re.findall(pattern, text))


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_every_command_option_and_target_that_the_readme_names_exists_and_none_is_left_out(readme: Path) -> None:
    text = readme.read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert mentioned(r"\bmake ([a-z]+)\b`?", code(text)) <= targets
    commands = set(main.commands)
    named = mentioned(r"backlog-elt ([a-z]+)\b", code(text))
    assert named <= commands <= named | mentioned(r"`([a-z]+)`", text)
    options = {option for command in every(main) for one in command.params for option in one.opts}
    assert {option for option in options if option.startswith("--")} <= mentioned(r"--[a-z-]+", code(text)) | {"--debug"}


def every(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands of a group, and those of the groups in it."""
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from every(command)


@pytest.mark.parametrize("command", list(every(main)), ids=lambda command: str(command.name))
def test_a_command_has_examples_and_a_summary_that_is_not_cut_off(command: click.Command) -> None:
    assert "Examples:" in (command.epilog or "")
    assert not command.get_short_help_str(SUMMARY).endswith("...")


def code(text: str) -> str:
    """Return only what a document sets as code."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


@pytest.mark.parametrize("readme", READMES, ids=name)
def test_every_table_variable_and_schedule_that_the_readme_names_exists_and_none_is_left_out(readme: Path) -> None:
    text = readme.read_text()
    tables = {f"raw.{table}" for table in SPECS} | {f"ops.{table.name}" for table in OPS_TABLES}
    assert mentioned(r"`((?:raw|ops)\.[a-z_]+)`", text) == tables
    assert {*VARIABLES} <= mentioned(r"`([A-Z_]+)`", text)
    assert {schedule.name for schedule in SCHEDULES} <= mentioned(r"`([a-z0-9_]+)`", text)


#: What speaks of variables: documents, examples, and files of deployments.
SPEAKING = [*READMES, *(ROOT / "docs").glob("*.md"), *(path for path in (ROOT / "deploy").rglob("*") if path.is_file())]


@pytest.mark.parametrize("path", sorted(SPEAKING), ids=name)
def test_every_variable_that_a_document_or_a_deployment_names_is_declared(path: Path) -> None:
    declared = {*VARIABLES} | {secret + FILE for secret in SECRETS} | {"BACKLOG_ELT_COMPLETE"}
    assert mentioned(r"(?:BACKLOG|WAREHOUSE)_[A-Z_]*[A-Z]\b", path.read_text()) <= declared


def test_every_variable_is_in_the_example_of_an_env_file() -> None:
    assert mentioned(r"(?m)^#([A-Z_]+)=", (ROOT / ".env.example").read_text()) == {*VARIABLES}


@pytest.mark.parametrize("document", sorted([*READMES, *(ROOT / "docs").glob("*.md")]), ids=name)
def test_every_link_inside_the_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", sorted([*READMES, *(ROOT / "docs").glob("*.md")]), ids=name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    assert [path for path in mentioned(r"\btests/[a-z0-9_/]+\.py\b", document.read_text()) if not (ROOT / path).is_file()] == []


def test_every_threat_names_a_test_but_the_one_that_nothing_stands_against() -> None:
    threats = (ROOT / "docs" / "security.md").read_text().partition("## From whom")[2].partition("## SQL")[0]
    rows = [line for line in threats.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| threat"))]
    assert [row for row in rows if "tests/" not in row and "Not defended against" not in row] == []
    assert len(rows) > 20
