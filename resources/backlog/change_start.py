"""Finds the offset at which a read of the changes since an instant begins."""

from datetime import datetime

from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.paginator import LAST_CHANGE_FIRST, fetch, instant
from resources.backlog.paging import PAGE_SIZE
from resources.backlog.position import Position


def start_of_changes(
    client: BacklogClient, chosen: IssueFilter, since: datetime, count: int
) -> tuple[Position, int]:
    """Find an offset, by rising `updated`, that is at or a little before an instant.

    It asks for one row at a time. The offset is only a guess: the first seam proves or corrects it.

    Args:
        client: of the space.
        chosen: the issues to read.
        since: the instant.
        count: how many issues the filter holds.

    Returns:
        The position to start from, and how many requests were sent.
    """
    probes = 0

    def is_before(offset: int) -> bool:
        nonlocal probes
        probes += 1
        rows = fetch(client, chosen, LAST_CHANGE_FIRST[0], offset, 1)
        return bool(rows) and instant(rows[0], "updated") < since

    high = count
    back = PAGE_SIZE * 6 // 5
    low = max(0, high - back)
    while low and not is_before(low):
        high, back = low, 2 * back
        low = max(0, low - back)
    while high - low > PAGE_SIZE * 3 // 2:
        middle = (low + high) // 2
        low, high = (middle, high) if is_before(middle) else (low, middle)
    return Position(low, since), probes
