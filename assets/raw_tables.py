"""The assets of schema `raw`: the source's records, typed, nothing lost. This list is all of them."""

from assets.activities import activities
from assets.issues import issues
from assets.listings import LISTINGS

RAW_ASSETS = [*LISTINGS, activities, issues]
