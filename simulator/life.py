"""Life in a space: events that depend only on the seed and the time, so that a restart repeats
them.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from simulator.clock import stamp
from simulator.spec import SimulatorError
from simulator.story import Story
from simulator.worktime import WorkTime
from simulator.world import World

INTERVAL = 25.0
#: After the first `LIVELY` events, life is `CALM` times slower and limited to working hours, like a
#: real team. The first ones are frequent, so that a new space shows changes at once.
LIVELY, CALM = 100, 30
PRIME = 1_000_003


class Life:
    """Plays event k at `start + k * interval` (later ones at longer intervals), up to the space's
    time but not after `until`.

    Event k depends on the seed, on k and on the space after the events before it. So life repeats
    itself as long as nothing else changes the space. Later events outside working hours are
    skipped. Due events are played before the next request is answered.
    """

    def __init__(
        self, start: datetime, *, interval: float = INTERVAL, until: datetime | None = None
    ) -> None:
        self.start = start
        self.interval = interval
        self.until = until
        self.played = 0
        self._worked = int(start.timestamp())
        self._file: LifeFile | None = None
        self._story: Story | None = None

    @classmethod
    def remembered(cls, path: Path, *, alive: bool, now: datetime) -> "Life":
        """Return the life stored in a file: it continues if `alive`, else it ends where it had got
        to. Without a file it begins now.

        Raises:
            SimulatorError: it is not a life file.
        """
        known = LifeFile.read(path)
        if known is None:
            now = now.replace(microsecond=0)
            known = LifeFile(path, now, now, INTERVAL)
            known.write(now)
        life = cls(known.start, interval=known.interval, until=None if alive else known.until)
        life._file = known if alive else None
        return life

    def begin(self, world: World) -> None:
        """Take a newly built space and play the events so far."""
        self._story = Story(world, Random(world.spec.seed))  # noqa: S311 - data, not secrets
        self.catch_up()

    def catch_up(self) -> None:
        """Play the events that are due."""
        if self._story is None:
            raise SimulatorError("life has no space yet; call begin() first")
        world = self._story.world
        now = world.clock.now()
        if self.until is not None:
            now = min(now, self.until.timestamp())
        begin = self.start.timestamp()
        passed = int((now - begin) // self.interval)
        due = min(passed, LIVELY) + max(passed - LIVELY, 0) // CALM
        if due <= self.played and not (self._file is not None and self._file.fresh):
            return
        with world.lock:
            time = WorkTime(world.spec.timezone, int(begin))
            for number in range(self.played + 1, due + 1):
                self._story.rng = Random(world.spec.seed * PRIME + number)  # noqa: S311 - as above
                at = self._moment(number)
                if number <= LIVELY or time.is_open(at):
                    self._story.end_sprints(self._worked, at)
                    self._story.happen(at)
                    self._worked = at
            self.played = max(due, self.played)
        if self._file is not None:
            self._file.write(datetime.fromtimestamp(now, UTC))

    def _moment(self, number: int) -> int:
        """Return the time of an event."""
        passed = number if number <= LIVELY else LIVELY + (number - LIVELY) * CALM
        return int(self.start.timestamp() + passed * self.interval)


@dataclass
class LifeFile:
    """`{"start", "until", "interval"}` on disk: when life began, and up to when it was played."""

    path: Path
    start: datetime
    until: datetime
    interval: float
    fresh: bool = True

    @classmethod
    def read(cls, path: Path) -> "LifeFile | None":
        """Read a file; None when there is none."""
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            start, until = (
                datetime.fromisoformat(known["start"]),
                datetime.fromisoformat(known["until"]),
            )
            return cls(path, start, until, float(known["interval"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = (
                f"{path} is not a life file ({type(error).__name__}: {error}); "
                "delete it to start a new life"
            )
            raise SimulatorError(message) from None

    def write(self, until: datetime) -> None:
        """Store how far life was played, atomically."""
        self.until, self.fresh = until, False
        known = {
            "start": stamp(int(self.start.timestamp())),
            "until": stamp(int(until.timestamp())),
            "interval": self.interval,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        draft.write_text(json.dumps(known) + "\n", encoding="utf-8")
        draft.replace(self.path)
