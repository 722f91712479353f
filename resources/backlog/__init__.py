"""Reads a Backlog space over its REST API v2.

Holds: the client, its transport (retries, rate limits), paging, and the exact scan of `GET
/issues`.
"""
