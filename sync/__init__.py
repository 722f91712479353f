"""How a table is kept equal to the source. Plain functions on a session, which return what they did; nothing here knows Dagster."""
