"""Pages of issues. Each sort order is kept between requests and updated when the space changes."""

from bisect import insort
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any

from simulator.model import Issue
from simulator.params import Params
from simulator.query import Test, sort_key, tests_of
from simulator.world import World

KEPT = 64
DEFAULT_SORT = "created"


@dataclass
class _Order:
    """Issues in ascending order, at a version of the space."""

    version: int
    issues: list[Issue]
    tests: list[Test]
    key: Callable[[Issue], Any]


class Listings:
    """Answers `GET /issues` and its count; hold the space's lock during a call."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._orders: OrderedDict[tuple[object, ...], _Order] = OrderedDict()
        self._rng = Random(world.spec.seed)  # noqa: S311 - shuffles ties

    def count(self, projects: frozenset[int], params: Params) -> int:
        """Return how many issues of these projects match the filters."""
        return len(self._order(projects, params).issues)

    def page(self, projects: frozenset[int], params: Params) -> list[Issue]:
        """Return one page; issues with equal sort values are in a different order in
        every request.
        """
        offset, count = params.offset(), params.count(self.world.switches.clamp_count)
        descending = params.choice("order", ("asc", "desc"), "desc") == "desc"
        order = self._order(projects, params)
        start, stop = offset, min(offset + count, len(order.issues))
        if start >= stop:
            return []
        if descending:
            start, stop = len(order.issues) - stop, len(order.issues) - start
        page = self._slice(order, start, stop)
        return page[::-1] if descending else page

    def _slice(self, order: _Order, start: int, stop: int) -> list[Issue]:
        issues, key = order.issues, order.key
        if self.world.switches.stable_ties:
            return issues[start:stop]
        low, high = start, stop
        first, last = key(issues[start]), key(issues[stop - 1])
        while low > 0 and key(issues[low - 1]) == first:
            low -= 1
        while high < len(issues) and key(issues[high]) == last:
            high += 1
        shuffled: list[Issue] = []
        for _, equal in groupby(issues[low:high], key):
            group = list(equal)
            if len(group) > 1:
                self._rng.shuffle(group)
            shuffled += group
        return shuffled[start - low : stop - low]

    def _order(self, projects: frozenset[int], params: Params) -> _Order:
        name = params.text("sort", DEFAULT_SORT)
        asked = sorted(
            pair for pair in params.pairs if pair[0] not in ("offset", "count", "order", "sort")
        )
        index = (projects, name, *asked)
        order = self._orders.pop(index, None)
        touched = None if order is None else self.world.changed_since(order.version)
        if order is None or touched is None:
            key, tests = sort_key(self.world, name), tests_of(self.world, params)
            found = [
                issue for issue in self._candidates(projects) if all(test(issue) for test in tests)
            ]
            found.sort(key=key)
            order = _Order(self.world.version, found, tests, key)
        elif touched:
            self._repair(order, projects, touched)
        order.version = self.world.version
        self._orders[index] = order
        if len(self._orders) > KEPT:
            self._orders.popitem(last=False)
        return order

    def _candidates(self, projects: frozenset[int]) -> list[Issue]:
        if len(projects) == len(self.world.projects):
            return list(self.world.issues.values())
        return [
            issue for one in sorted(projects) for issue in self.world.projects[one].issues.values()
        ]

    def _repair(self, order: _Order, projects: frozenset[int], touched: set[int]) -> None:
        order.issues = [issue for issue in order.issues if issue.id not in touched]
        for issue_id in sorted(touched):
            issue = self.world.issues.get(issue_id)
            if (
                issue is not None
                and issue.project_id in projects
                and all(test(issue) for test in order.tests)
            ):
                insort(order.issues, issue, key=order.key)
