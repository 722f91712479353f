"""The warehouse: what its tables look like, how records are merged into them, and the PostgreSQL
they live in.
"""
