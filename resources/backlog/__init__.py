"""Reads a Backlog space over its REST API v2.

Holds: the client, its transport (retries, rate limits), paging, and the exact scan of `GET /issues`.
"""

from resources.backlog.auth import ApiKeyHeader, ApiKeyQuery, BearerToken
from resources.backlog.client import BacklogClient
from resources.backlog.models import IssueFilter, RateLimit, Record, RequestStats
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window, WindowProof

__all__ = [
    "ApiKeyHeader",
    "ApiKeyQuery",
    "BacklogClient",
    "BearerToken",
    "IssueFilter",
    "RateLimit",
    "Record",
    "RequestStats",
    "Scan",
    "Window",
    "WindowProof",
    "scan_changes",
    "scan_window",
]
