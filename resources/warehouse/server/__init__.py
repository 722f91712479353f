"""The PostgreSQL server: embedded or external, connections, roles, grants, migrations."""
