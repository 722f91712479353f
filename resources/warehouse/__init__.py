"""The warehouse: its tables, the merge of records into them, and the PostgreSQL server."""
