"""Alembic's entry point: it uses the connection of `upgrade`, never one of its own."""

from alembic import context

from resources.warehouse.raw.spec import OPS

context.configure(connection=context.config.attributes["connection"], version_table_schema=OPS)
with context.begin_transaction():
    context.run_migrations()
