"""What is made: one file per table or family of tables.

Add here: assets, checks and the metadata they record. Keep out: when they run, and how HTTP or SQL is spoken.
"""
