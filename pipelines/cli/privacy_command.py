"""`backlog-elt privacy status`: shows where people who are masked or forgotten are still stored."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pipelines.cli.group import examples, show
from resources.settings import Settings

if TYPE_CHECKING:
    from resources.warehouse.people.people_left import Left


@click.group("privacy", epilog=examples("backlog-elt privacy status  # is anybody still shown?"))
def privacy_command() -> None:
    """See whether people are masked and forgotten everywhere."""


@privacy_command.command("status", epilog=examples("backlog-elt privacy status"))
def privacy_status() -> None:
    """Look for people who are to be masked or forgotten.

    Looks at every table of the warehouse and at Dagster's storage, and names the tables that still
    show them and the command that is missing. Reads the list of users from Backlog to know what to
    look for. What people have written is left out. Ends with 0 when nothing is left, with 1
    otherwise.
    """
    found = look_for_people(Settings.of_this_process())
    for table, rows, step in found.lines():
        show(f"{table:<36}{rows:>10,} rows   {step}")
    show(found.summary())
    if found.tables:
        sys.exit(1)


@dataclass(frozen=True)
class Found:
    """How people are masked, how many are forgotten, and table -> (rows, step that corrects it)."""

    key_tag: str
    forgotten: int
    tables: Mapping[str, tuple[int, str]]

    @classmethod
    def of(
        cls,
        key_tag: str,
        forgotten: int,
        left: "Left",
        in_dagster: Mapping[str, int],
    ) -> "Found":
        """Add to each table the step that corrects it."""
        again = "backlog-elt load --full" if key_tag else "backlog-elt forget --user ID, once more"
        rebuild = "backlog-elt marts --full" if key_tag else again
        dagster = {f"Dagster's {table}": rows for table, rows in in_dagster.items()}
        steps = (
            (left.stored, again),
            (left.built, rebuild),
            (left.others, "no table of backlog-elt: change it by hand"),
            (dagster, again),
        )
        found = {table: (rows, step) for tables, step in steps for table, rows in tables.items()}
        return cls(key_tag, forgotten, found)

    def lines(self) -> list[tuple[str, int, str]]:
        """Return (table, rows, step) for each table that still shows people."""
        return [(table, rows, step) for table, (rows, step) in self.tables.items()]

    def summary(self) -> str:
        """Return the result in one line."""
        masked = (
            f"masked by the key user-{self.key_tag}…"
            if self.key_tag
            else "not masked (BACKLOG_PRIVACY_KEY is not set)"
        )
        how = f"People are {masked}, {self.forgotten} forgotten"
        if not (self.key_tag or self.forgotten):
            return f"{how}: nothing to look for."
        if not self.tables:
            return f"{how}: no table of the warehouse or of Dagster's storage shows them."
        return (
            f"{how}: still shown in {len(self.tables)} tables. "
            "Run what stands beside each, a load before the marts."
        )


def look_for_people(settings: Settings) -> Found:
    """Look for people in the warehouse and in Dagster's storage.

    Raises:
        BacklogError: the space cannot be read.
        WarehouseError: the warehouse or Dagster's storage cannot be used.
    """
    import pipelines.hosting.storage  # noqa: F401 - the instance needs it
    from pipelines.cli.in_process import connection
    from pipelines.hosting.environment import open_instance, prepare_storage, source

    prepare_storage(settings)
    with (
        source(settings),
        connection() as (backlog, warehouse),
        open_instance() as instance,
    ):
        # Imported after the variables that the assets read are set.
        from assets.marts.people import people_columns, project_tables
        from pipelines.stored_people import documents_with_people
        from resources.replacements import Replacements
        from resources.warehouse.people.forgetting import mask_of
        from resources.warehouse.people.people_left import people_left
        from sync.people_at_source import texts_of_people

        space_key = str(backlog.client.space_info()["spaceKey"])
        mask = mask_of(warehouse.engine, space_key, backlog.mask)
        texts = {} if mask.idle else texts_of_people(backlog.client, mask)
        left = people_left(
            warehouse.engine, space_key, mask, people_columns(), project_tables(), texts
        )
        in_dagster = documents_with_people(instance, Replacements(texts, plain=False))
        return Found.of(mask.tag, len(mask.forgotten.ids), left, in_dagster)
