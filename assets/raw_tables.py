"""The assets of schema `raw`: the source's records, typed, nothing lost. This list is all of them.

How each is read: `sync/listings.py`, `sync/activities.py`, `sync/issues.py`, `sync/comments.py`.
"""

from assets.activity_feed import activities
from assets.issues import issues
from assets.list_assets import LISTINGS

RAW_ASSETS = [*LISTINGS, activities, issues]
