"""What a build of the marts could not do without failing (`macros/notes.sql`): it logs that, and
records it in its run.
"""

import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg
from sqlalchemy import Engine, text

from resources.redact import plain_line

#: The asset that a build observes, and the name of the notes in the metadata.
BUILDS, NOTES = dg.AssetKey(["ops", "mart_builds"]), "notes"
#: `said` is a line for people: `mart.custom_fields_ops was not made anew: …`.
_NOTED = text(
    "SELECT DISTINCT *, concat(relation, "
    "CASE WHEN view_not_made THEN ' was not made anew' END, ': ', line) AS said "
    "FROM staging.build_note ORDER BY relation, line"
)

Note = Mapping[str, Any]


def tell_notes(context: dg.AssetExecutionContext, engine: Engine) -> None:
    """Log each note of the build that has just ended, and record all in its run, or that there is
    none.
    """
    with engine.connect() as connection:
        notes = [
            {**row, "line": plain_line(row["line"]), "said": plain_line(row["said"])}
            for row in connection.execute(_NOTED).mappings()
        ]
    for note in notes:
        level = logging.INFO if note["sqlstate"] == "00000" else logging.WARNING
        context.log.log(level, note["said"])
    context.log_event(dg.AssetObservation(BUILDS, metadata={NOTES: notes}))


def notes_of(event: dg.DagsterEvent) -> list[Note] | None:
    """Return what a build has noted; None for an event that does not say."""
    if event.event_type != dg.DagsterEventType.ASSET_OBSERVATION or event.asset_key != BUILDS:
        return None
    data: Any = event.event_specific_data
    return list(data.asset_observation.metadata[NOTES].value)
