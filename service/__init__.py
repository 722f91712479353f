"""The sync service: what runs, what ran and how it went, over HTTP and on one page; it starts syncs and takes webhooks in.

Runs are started through Dagster's GraphQL API, state is read from the warehouse: the process needs neither Dagster nor the assets.
"""
