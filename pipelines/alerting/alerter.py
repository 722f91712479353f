"""The alerter: looks at what has happened, and reports each problem once, and once more when it is
over.

Its ledger is kept in Dagster's storage, not in the warehouse, so that it can report that the
warehouse is gone. The ledger is saved before the first message and after each, so that nothing is
sent twice when the process dies. When it cannot be saved, as on a full disk, the look ends, and the
process remembers the ledger until it can. The sign of life is in `ops.heartbeats`.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import dagster as dg

from assets.checks.operation import all_fresh, failed_partitions
from assets.dagster_internals import lost_backfills, remember, remembered
from assets.issues import issues
from assets.partitions import PROJECTS, accessible_partitions
from pipelines.alerting import problems
from pipelines.alerting.facts import Place, ended_runs
from pipelines.alerting.ledger import LONGEST_PAUSE, Ledger
from pipelines.ended_runs import ALL, record_run_ends
from pipelines.living_runs import ACTIVE
from resources.alerts.channel import Channel, ChannelError
from resources.problems.problem import Problem
from resources.redact import plain_line
from resources.tokens import TokenState
from resources.warehouse.history.sync_outcomes import last_ends
from resources.warehouse.state.heartbeats import alerts_of, beat
from resources.warehouse.state.known_spaces import failing_projects, space_at
from resources.warehouse.state.seen_conditions import Condition, current
from resources.warehouse.warehouse_errors import WarehouseError
from resources.warehouse.warehouse_resource import WarehouseResource

#: What ends now may be seen a little later.
OVERLAP = timedelta(minutes=2)
#: A look that has sent messages for so long leaves the rest to the next: a tick must end.
SENDING_SECONDS = 30.0
#: Runs that are remembered as dealt with; a look deals with fewer in the time of the overlap.
SEEN = 500
#: A backfill that is started again may fail again.
UNFINISHED = [dg.DagsterRunStatus.FAILURE, *ACTIVE]
#: Name of an alerter -> what it remembers that could not be saved: newer than what is stored, since
#: nobody else writes that.
_unsaved: dict[str, Ledger] = {}


@dataclass(frozen=True)
class Alerter:
    """Looks and reports for one space.

    `place`: whose runs are reported, None: all. `tokens`: the state of the access by OAuth, if any.
    """

    instance: dg.DagsterInstance
    warehouse: WarehouseResource
    url: str
    channels: Sequence[Channel]
    dagster_url: str
    place: Place | None = None
    tokens: TokenState | None = None

    def look(self, now: datetime) -> Ledger:
        """Deal with what has happened since the last look, send the messages that wait, and give a
        sign of life.
        """
        ledger = _unsaved.get(alerts_of(self.url)) or Ledger.read(
            remembered(self.instance, alerts_of(self.url)), now
        )
        # The clock may have been ahead at the last look.
        ledger = replace(ledger, since=min(ledger.since, now), looked_at=min(ledger.looked_at, now))
        ledger, lasting = self._of_source(ledger, now)
        runs, looked_at = ended_runs(
            self.instance, ledger.looked_at - OVERLAP, ledger.seen, self.place
        )
        all_read = not runs or self._all_read()
        for run in runs:
            found, over = problems.of_run(run, all_read=all_read, known=ledger.open)
            part = problems.covered(found, run, lasting)
            part += [
                one
                for one in found
                if one not in part
                and ledger.may_end_by_itself(one)
                and not problems.tells_of_half_a_space(run)
            ]
            ledger = self._observe(ledger, part, [], now, quiet=True)
            ledger = self._observe(
                ledger, [problem for problem in found if problem not in part], over, now
            )
        ledger = self._observe(ledger, [], self._of_backfills(ledger), now)
        lost = lost_backfills(self.instance, issues, now)
        ledger = self._observe(ledger, *problems.of_lost_backfills(ledger.open, lost), now)
        ledger = replace(
            self._observe(ledger, *self._of_warehouse(ledger, now), now),
            looked_at=max(ledger.looked_at, looked_at),
            seen=(*ledger.seen, *(run.run_id for run in runs))[-SEEN:],
        )
        ledger = ledger.forget(now)
        self._save(ledger)
        ledger = self._send(ledger, now)
        self._beat(ledger)
        return ledger

    def _all_read(self) -> bool:
        """Return whether no active project is left whose issues could not be read; False while the
        warehouse cannot be used.
        """
        try:
            space = space_at(self.warehouse.engine, self.url)
            return space is None or not failing_projects(self.warehouse.engine, space)
        except WarehouseError:
            return False  # `_of_warehouse` reports it

    def _observe(
        self,
        ledger: Ledger,
        found: Sequence[Problem],
        ended: Sequence[str],
        now: datetime,
        *,
        since: datetime | None = None,
        quiet: bool = False,
    ) -> Ledger:
        names = [channel.name for channel in self.channels]
        return ledger.observe(found, ended, now, names, self.dagster_url, since=since, quiet=quiet)

    def _of_source(self, ledger: Ledger, now: datetime) -> tuple[Ledger, Condition | None]:
        """Return the ledger after a look at the source, and the condition that it is in, which
        explains what fails meanwhile.
        """
        if not self.url:
            return ledger, None
        try:
            condition = current(self.warehouse.engine, self.url)
        except WarehouseError:
            return ledger, None  # `_of_warehouse` reports it
        found, ended = problems.of_source(self.url, condition, now)
        # A login that has ended is reported by itself, with what to do about it.
        login = self.tokens is not None and self.tokens.refused_reason is not None
        ledger = self._observe(ledger, [], ended, now)
        if condition is None or not found:
            return ledger, None
        return self._observe(ledger, found, [], now, since=condition.since, quiet=login), condition

    def _of_backfills(self, ledger: Ledger) -> list[str]:
        """Return the keys of failed backfills that are over, as far as that can be known."""
        if not problems.are_of_backfills(ledger.open):
            return []
        try:
            accessible = accessible_partitions(self.instance, self.warehouse.engine, self.url)
        except WarehouseError:
            return []  # `_of_warehouse` reports it
        found = failed_partitions(self.instance, accessible, UNFINISHED)
        left = {key.rsplit("|", 1)[0] for keys in found.values() for key in keys}
        known = {key: one.problem for key, one in ledger.open.items()}
        projects = self.instance.get_dynamic_partitions(str(PROJECTS.name))
        return problems.of_backfills(known, left, projects)

    def _of_warehouse(self, ledger: Ledger, now: datetime) -> problems.News:
        if not self.url:  # the code location of the marts: those of the spaces report the warehouse
            return [], []
        try:
            engine = self.warehouse.engine
            record_run_ends(
                self.instance, self.warehouse, self.url, ledger.looked_at - OVERLAP, ALL
            )
            space = space_at(engine, self.url)
            last = {} if space is None else last_ends(engine, space, but=problems.OF_SOME)
            silent, speaks = problems.of_silence(last, ledger.since, now)
            refused, renewed = problems.of_tokens(self.url, self.tokens)
            if space and problems.STALE in ledger.open and all_fresh(engine, space, now):
                renewed.append(problems.STALE)
        except WarehouseError as error:
            return [problems.of_warehouse(error)], []
        return [*silent, *refused], [*speaks, *renewed, problems.WAREHOUSE]

    def _send(self, ledger: Ledger, now: datetime) -> Ledger:
        by_name = {channel.name: channel for channel in self.channels}
        end, number = time.monotonic() + SENDING_SECONDS, 0
        while number < len(ledger.waiting) and time.monotonic() < end:
            waiting = ledger.waiting[number]
            if now < waiting.due <= now + LONGEST_PAUSE:
                number += 1
                continue
            taken = [name for name in waiting.channels if name not in by_name]
            for name in waiting.channels:
                try:
                    if name in by_name:
                        by_name[name].send(waiting.message)
                        taken.append(name)
                except ChannelError as error:
                    _say(f"not sent, tried again later: {error}")
                except (
                    Exception
                ) as error:  # whatever it is: the other channels and the next messages go on
                    _say(
                        f"not sent, tried again later: {name}: "
                        f"{type(error).__name__}: {plain_line(error)}"
                    )
            before = len(ledger.waiting)
            ledger = ledger.sent(number, taken, now)
            number += len(ledger.waiting) == before
            self._save(ledger)
        return ledger

    def _beat(self, ledger: Ledger) -> None:
        detail = {
            "open": [
                one.problem.as_json() | {"since": one.since.isoformat(), "times": one.times}
                for one in ledger.reported
            ],
            "waiting": len(ledger.waiting),
            "channels": [channel.name for channel in self.channels],
        }
        try:
            beat(self.warehouse.engine, alerts_of(self.url), detail)
        except WarehouseError as error:
            _say(f"the sign of life could not be stored: {error}")

    def _save(self, ledger: Ledger) -> None:
        name = alerts_of(self.url)
        # Until it is stored: a message that was sent and not noted would be sent at every look.
        _unsaved[name] = ledger
        remember(self.instance, name, ledger.text())
        del _unsaved[name]


def _say(line: str) -> None:
    logging.getLogger(__name__).warning(line)
