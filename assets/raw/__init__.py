"""The assets of schema `raw`: the source's records, typed, nothing lost.

Add here: one file per table or family of tables read from Backlog. Keep out: tables derived from other tables.
"""
