"""The warehouse: what its tables look like, how records are merged into them, and the PostgreSQL they live in.

Add here: what reads or writes PostgreSQL for raw and ops tables. Keep out: HTTP, and which asset loads what.
"""
