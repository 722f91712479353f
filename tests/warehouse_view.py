"""What a test sees of a simulated space and of the warehouse that it is loaded into."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, RowMapping, func, select, text

from resources.warehouse.raw.schema import SPECS
from simulator import Simulator, World


class WarehouseView:
    """Looks at both sides: `sim` is the source, `engine` the warehouse."""

    sim: Simulator
    engine: Engine

    @property
    def space(self) -> World:
        """The space at the source."""
        return self.sim.space

    def rows(self, table: str, *, deleted: bool = False) -> list[RowMapping]:
        """Return the rows of a raw table that are marked deleted or not, in the order of
        the key.
        """
        columns = SPECS[table].table
        query = select(columns).order_by(*columns.primary_key)
        if SPECS[table].vanishes:
            query = query.where(
                columns.c.deleted_at.is_not(None) if deleted else columns.c.deleted_at.is_(None)
            )
        with self.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def ids(self, table: str) -> set[int]:
        """Return the ids of the rows of a raw table that are not marked deleted."""
        return {row["id"] for row in self.rows(table)}

    def row(self, table: str, identifier: int) -> RowMapping:
        """Return the row with an id, marked deleted or not."""
        columns = SPECS[table].table
        with self.engine.connect() as connection:
            return (
                connection.execute(select(columns).where(columns.c.id == identifier))
                .mappings()
                .one()
            )

    def deletions(self, table: str) -> set[tuple[int, str, str]]:
        """Return the last part of the key, the reason and the evidence of each row of a table that
        is logged as gone.
        """
        found = self.query(
            f"SELECT * FROM ops.deletions WHERE table_name = '{table}' AND restored_at IS NULL"
        )
        return {
            (int(row["record_key"].split("/")[-1]), row["reason"], row["evidence"]) for row in found
        }

    def query(self, sql: str) -> list[RowMapping]:
        """Return the rows of a statement of the test's own."""
        with self.engine.connect() as connection:
            return list(connection.execute(text(sql)).mappings())

    def change(self, sql: str) -> None:
        """Change the warehouse behind the program's back."""
        with self.engine.begin() as connection:
            connection.execute(text(sql))

    def stored_issues(self) -> dict[int, int]:
        """Return id -> time of the last change (epoch seconds) of every issue in the warehouse,
        deleted ones left out.
        """
        issues = SPECS["issues"].table.c
        query = select(issues.id, func.extract("epoch", issues.updated_at)).where(
            issues.deleted_at.is_(None)
        )
        with self.engine.connect() as connection:
            return {
                int(identifier): int(moment) for identifier, moment in connection.execute(query)
            }

    def source_issues(self, *projects: str) -> dict[int, int]:
        """Return the same of the source, of some projects or of all."""
        keys = {project.id: project.key for project in self.sim.space.projects.values()}
        return {
            issue.id: issue.updated
            for issue in self.sim.space.issues.values()
            if not projects or keys[issue.project_id] in projects
        }


def without_zeros(counts: Mapping[str, Any]) -> dict[str, int]:
    """Return the counters that are not 0."""
    return {name: value for name, value in counts.items() if value}
