"""The report: one page that opens anywhere, made from the marts as they are. It is filtered, sorted
and drawn by the browser.

The page is `page/page.html.j2`, which escapes everything that it is given; its scripts are in the
same folder.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import Connection, Engine, text

from assets.marts import report_queries as queries
from assets.marts.charts.draw import LOOK, LOOKS, program, scripts
from assets.marts.charts.specs import PAGE
from assets.marts.charts.words import clean, words
from assets.marts.report_data import TABLES, collect, packed
from resources.variables import SettingsError
from resources.warehouse.history.sync_outcomes import last_day
from resources.warehouse.state.builds import marts_locked

FOLDER = Path(__file__).parent / "page"
#: In the order in which they are read.
SCRIPTS = ("data.js", "figures.js", "charts.js", "tables.js", "page.js")
#: The parts of the page: their cards, charts, and the columns of their tables.
PARTS = json.loads((FOLDER / "parts.json").read_text(encoding="utf-8"))


class NoMartsError(RuntimeError):
    """The marts have not been built."""


def report(
    engine: Engine,
    zone: ZoneInfo,
    project: str | None = None,
    *,
    wait_seconds: float = 120.0,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """Return the page of all projects or of one; everything in it is of one build.

    Args:
        engine: the warehouse.
        zone: the zone of the times in the page.
        project: the key of the only project.
        wait_seconds: how long to wait for a build that is at work, which puts new marts in the
            place of the old ones one by one.
        say: gets a sentence, when there is such a build.

    Raises:
        NoMartsError: there is nothing to report.
        SettingsError: there is no project with this key.
        WarehouseError: the warehouse cannot be used.
    """
    now = datetime.now(UTC).astimezone(zone)
    with marts_locked(engine, "report", wait_seconds, say), engine.connect() as connection:
        built = set(
            connection.execute(
                text("SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace('mart')")
            ).scalars()
        )
        if "project_summary" not in built:
            raise NoMartsError(
                "There are no marts to report on: build them (backlog-elt "
                "marts; automatic under `up`)."
            )
        known = (
            connection.execute(
                text("SELECT project_key FROM mart.project_summary ORDER BY project_key")
            )
            .scalars()
            .all()
        )
        if project is not None and project not in known:
            listed = ", ".join(str(key) for key in known[:10]) or "none"
            raise SettingsError(
                "--project", project, f"the key of a project in the marts ({listed})"
            )
        data = collect(connection, built, project, now)
        data["sync"] = (
            None if "sync_freshness" not in built else _freshness(connection, project, zone)
        )
        spaces = {
            row.space_key: row.name
            for row in connection.execute(
                text("SELECT space_key, name FROM raw.space ORDER BY name")
            )
        }
    data |= {
        "missing": sorted(NEEDED - built),
        "notes": notes_of(data, sorted(NEEDED - built)),
        "days": [{"space": space, **_day(engine, space)} for space in spaces],
    }
    named = ", ".join(f"{clean(name)} ({clean(space)})" for space, name in spaces.items())
    title = f"{named} · {project}" if project else named
    return _page(data, title=title, made=f"{now:%Y-%m-%d %H:%M} ({zone.key})")


#: Marts without which a part of the page is empty; it names those that are not there yet.
NEEDED = {mart for _, marts, _ in TABLES.values() for mart in marts} | {
    "dim_person", "sync_freshness", "wip_aging",
}  # fmt: skip


def notes_of(data: Mapping[str, Any], missing: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return what a reader must know before all else: the name of a sentence, and what is in it."""
    tables = data["tables"]
    shown, listed = len(tables["issues"]["n"]), len(tables["changes"]["n"])
    changes = sum(tables["changed"]["n"])
    known = [one for one in data["sync"] or () if one["history_share"] is not None]
    unread = [one["project_key"] for one in known if one["history_share"] < 1]
    notes: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        (missing, "note_missing", {"marts": ", ".join(missing)}),
        (not data["total"], "note_empty", {}),
        (
            shown < data["total"] and "issue" not in missing,
            "note_cut",
            {"n": shown, "all": data["total"]},
        ),
        (listed < changes, "note_changes", {"n": listed, "all": changes}),
        (unread, "note_history", {"projects": ", ".join(unread)}),
    )
    return [(name, values) for told, name, values in notes if told]


def _freshness(
    connection: Connection, project: str | None, zone: ZoneInfo
) -> Sequence[Mapping[str, Any]]:
    rows = connection.execute(text(queries.FRESHNESS), {"project": project}).mappings().all()
    return [{name: _shown(row[name], zone) for name in row} for row in rows]


def _shown(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    return clean(value) if isinstance(value, str) else value


def _day(engine: Engine, space: str) -> dict[str, Any]:
    day = last_day(engine, space)[0]
    return {"runs": day.runs, "failed": day.failed, "rate": day.success_rate}


def _page(data: Mapping[str, Any], *, title: str, made: str) -> str:
    own = "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS)
    constants: dict[str, Any] = {
        "WORDS": words(),
        "PARTS": PARTS,
        "LOOK": LOOK,
        "LOOKS": LOOKS,
        "SPECS": {name: program(spec()) for name, spec in PAGE.items()},
    }
    own = "\n".join(
        [
            '"use strict";',
            *(f"const {name} = {_literal(value)};" for name, value in constants.items()),
            own,
        ]
    )
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    library = scripts()
    # Markup: of our own files and of Vega; data is letters and digits only.
    return environment.get_template("page.html.j2").render(
        title=title,
        made=made,
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704
        library=Markup(library),  # noqa: S704
        own=Markup(own),  # noqa: S704
        hashes=" ".join(f"'sha256-{_hash(script)}'" for script in (library, own)),
        data=packed(data),
        parts=PARTS["parts"],
        words=words(),
    )


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
