"""The seed of all random tests: today's date, so that every day tries something new; `SEED=`
repeats a day.
"""

import os
from datetime import UTC, datetime

SEED = int(os.environ.get("SEED") or f"{datetime.now(UTC):%Y%m%d}")
