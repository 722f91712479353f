"""Lists of issues that do not end: of rows that are made up, or of the same rows whatever the
offset.
"""

from datetime import timedelta

import httpx
import pytest

from resources.backlog.errors import MalformedResponse
from resources.backlog.scan import UNDOUBTED, Scan, scan_changes, scan_window
from resources.backlog.window import COUNTED, Window
from tests.resources.backlog.hostile import START, HostileSpace, read


class SamePageSpace(HostileSpace):
    """Answers each page of issues with the first one."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        return super().answer(httpx.Request("GET", request.url.copy_set_param("offset", "0")))


class LongSpace(HostileSpace):
    """Has as many issues as `length` says, made up as they are asked for, a second from each to the
    next.
    """

    length = 10**9
    counted = 24

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        headers = {"Date": f"{START:%a, %d %b %Y %H:%M:%S GMT}"}
        if request.url.path.endswith("/count"):
            return httpx.Response(200, json={"count": self.counted}, headers=headers)
        offset, count = int(request.url.params["offset"]), int(request.url.params["count"])
        begin = START - timedelta(days=365 * 10)
        times = (
            (number, f"{begin + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}")
            for number in range(offset, min(offset + count, self.length))
        )
        rows = [
            {"id": 1 + number, "projectId": 1, "created": at, "updated": at} for number, at in times
        ]
        return httpx.Response(200, json=rows, headers=headers)


def whole(space: HostileSpace) -> Scan:
    return scan_window(space.client(), Window((1,), None, None))


@pytest.mark.parametrize("apart", [timedelta(minutes=50), timedelta(0)])
@pytest.mark.parametrize("changes", [False, True])
def test_a_source_that_ignores_the_offset_is_found_out_also_where_all_issues_tie(
    changes: bool, apart: timedelta
) -> None:
    space = SamePageSpace()
    space.history(300, every=apart)
    scan = (
        scan_changes(space.client(), [1], START - timedelta(days=400)) if changes else whole(space)
    )
    with pytest.raises(
        MalformedResponse, match="rows came where /issues/count says 300: the list does not end"
    ):
        read(scan)
    assert len(space.asked) < 3 * UNDOUBTED // 100


def test_a_source_that_makes_up_issues_for_ever_is_found_out() -> None:
    space = LongSpace()
    with pytest.raises(
        MalformedResponse, match="rows came where /issues/count says 24: the list does not end"
    ):
        read(whole(space))
    assert len(space.asked) < 2 * UNDOUBTED // 100


@pytest.mark.parametrize(
    ("length", "counts"), [(UNDOUBTED - 500, 1), (UNDOUBTED + 1_000, 2), (5 * UNDOUBTED, 2)]
)
def test_a_list_is_counted_at_its_end_and_a_long_one_once_on_the_way(
    length: int, counts: int
) -> None:
    space = LongSpace()
    space.length = space.counted = length
    scan = whole(space)
    assert len(read(scan)) == length
    assert (scan.proof.how, scan.proof.count) == (COUNTED, length)
    assert space.paths().count("/issues/count") == counts
