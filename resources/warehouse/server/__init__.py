"""The PostgreSQL server: embedded or one's own, connections, roles, rights, migrations."""
