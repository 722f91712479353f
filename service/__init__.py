"""The sync service: an HTTP API and one page that show runs and syncs, start syncs and take in
webhooks.

Runs are started through Dagster's GraphQL API, state is read from the warehouse: the process needs
neither Dagster nor the assets.
"""
