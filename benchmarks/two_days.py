"""Two days of the default schedules in minutes: people work, the source fails, processes are
killed, and the clock leaps ahead.

`python -m benchmarks.two_days [--hours 48]` takes half an hour on an idle machine and needs
libfaketime (Debian: apt-get install faketime). PostgreSQL, the code server, the daemon and its runs
are real, and all read one shifted clock; it leaps a step ahead as soon as every sensor has looked
and no run is at work. What counts is that no tick was lost, no two runs of a kind were at work at
once, no run is stuck, Dagster's storage does not grow beyond its bound, and the warehouse equals
the source in the end.
"""

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import dagster as dg
import httpx
from dagster._core.scheduler.instigation import TickStatus
from dagster._utils.schedules import schedule_execution_time_iterator

from benchmarks.figures import Figure, expect_equal, show
from benchmarks.operation import DAY_BOUND, SENSOR_TICKS, size, tick_bytes
from benchmarks.shifted import Deployed, deployed
from benchmarks.workshop import control
from pipelines.definitions import defs
from pipelines.living_runs import ACTIVE
from resources.cadences import ISSUES, MISFIRE_GRACE
from resources.dagster_tags import KIND_TAG
from resources.warehouse.server.connect import engine
from simulator import SpawnedSimulator

#: A daemon that has not heard from its threads for half an hour ends itself, and a leap looks like
#: that.
STEP = timedelta(minutes=20)
#: The real seconds within which the daemon has done what a step asks for, runs included.
PATIENCE = 240.0
SCHEDULES = {
    one.name: one.cron_schedule
    for one in defs.schedules or ()
    if isinstance(one, dg.ScheduleDefinition)
}
SENSORS = {
    one.name for one in defs.sensors or () if one.default_status == dg.DefaultSensorStatus.RUNNING
}
#: Schedule -> the moment of a tick -> when it was dealt with, both in seconds since 1970.
Ticks = defaultdict[str, dict[int, float]]
#: Within so many hours every kind of trouble has come.
ALL_HAVE_COME = 12
#: So many issues are edited every six hours.
EDITS = 20
#: What the source does once every three hours. Waits of the client are real, so each is short; a
#: key that is refused fails a run.
FAULTS = (
    {"status": 500, "path": ".*", "times": 2},
    {"status": 429, "path": ".*", "times": 1},
    {"kind": "close", "path": ".*", "times": 2},
    {"kind": "cut", "path": ".*", "times": 2},
    {"status": 401, "path": ".*", "times": 1},
)


def two_days(hours: float, library: Path) -> Iterator[Figure]:
    """Let time pass, with people at work in the source, and look at what Dagster has recorded."""
    group = (
        f"{hours:.0f} hours of the default schedules, with faults, killed runs and killed processes"
    )
    with deployed(library) as deployment, dg.DagsterInstance.get() as instance:
        storage = engine(os.environ["DAGSTER_POSTGRES_URL"])
        _acknowledge(deployment, instance, deployment.now)
        began, before = deployment.now, size(storage)
        seen: Ticks = defaultdict(dict)
        killed, met = _live(deployment, instance, began + timedelta(hours=hours), seen)
        ended = deployment.now
        # Sensors look once a step here.
        missing_ticks = SENSOR_TICKS * (hours / 24) - _sensor_ticks(instance)
        grown = (size(storage) - before + missing_ticks * tick_bytes(storage)) / 1e6 / (hours / 24)
        storage.dispose()
        control(deployment.simulator, "/faults", method="DELETE")
        # Its minute depends on the space, and that of this process is another one.
        crons = SCHEDULES | {ISSUES.name: ISSUES.cron_of(deployment.simulator.url)}
        missing = _missing(crons, seen, began, ended)
        for one in missing:
            print(f"missing: {one}", file=sys.stderr)
        yield Figure(
            group, "ticks of schedules", sum(len(ticks) for ticks in seen.values()), "ticks"
        )
        yield Figure(
            group, "ticks that are missing, or later than an hour", len(missing), "ticks", 0
        )
        yield Figure(
            group, "runs of a kind that were at work at once", _overlaps(instance), "pairs", 0
        )
        yield Figure(
            group,
            "runs that do not end",
            len(instance.get_runs(dg.RunsFilter(statuses=ACTIVE))),
            "runs",
            0,
        )
        yield Figure(
            group, "written by Dagster in a day, with all ticks of sensors", grown, "MB", DAY_BOUND
        )
        yield Figure(group, "runs that were killed", killed, "runs")
        yield Figure(group, "faults of the source that were met", met, "faults")
        if hours >= ALL_HAVE_COME:
            expect_equal("there was trouble of each kind", (killed > 0, met > 0), (True, True))
        yield from _runs(group, instance)
        # Not `--full`, which would repair what the schedules have missed.
        deployment.place.load()
        tables = (
            deployment.place.python("pipelines", "verify", "--deep", "--json", "--no-progress")
            .found["tables"]
            .values()
        )
        differ = sum(table["differences"] + table["behind"] for table in tables)
        yield Figure(group, "rows that differ from the source in the end", differ, "rows", 0)


def _live(
    deployment: Deployed, instance: dg.DagsterInstance, until: datetime, seen: Ticks
) -> tuple[int, int]:
    """Let time pass, and return how many runs were killed and how many faults of the source were
    met.
    """
    # trouble, not secrets
    rng, step, number, killed, met = Random(1), timedelta(hours=3), 0, 0, 0  # noqa: S311
    trouble = deployment.now
    while deployment.now < until:
        if deployment.now >= trouble:
            # A fault is in force until it has been met as often as it says.
            met += number > 0 and control(deployment.simulator, "/faults", [])["faults"] == 0
            trouble, number = trouble + step, number + 1
            control(deployment.simulator, "/faults", method="DELETE")
            if number % 2:
                _work(deployment.simulator, rng)
            control(deployment.simulator, "/faults", [rng.choice(FAULTS)])
            for name in {2: ("daemon",), 3: ("code server",)}.get(number % 4, ()):
                deployment.kill(name)
                deployment.start(name)
        leapt = deployment.now + STEP
        deployment.leap(STEP.total_seconds())
        killed += _acknowledge(
            deployment, instance, leapt, kill=number % 4 == 1 and killed <= number // 4
        )
        _note_ticks(instance, seen)
        print(f"{deployment.now:%d %H:%M} {number} {killed} {met}", file=sys.stderr)
    return killed, met


def _work(simulator: SpawnedSimulator, rng: Random) -> None:
    """Let people edit some issues and say something about them."""
    with httpx.Client(
        base_url=f"{simulator.url}/api/v2", params={"apiKey": simulator.api_key}
    ) as source:
        issues = source.get("/issues", params={"count": 100}).raise_for_status().json()
        for issue in rng.sample(issues, EDITS):
            said = {"summary": f"{issue['summary']}!", "comment": "見ました"}
            source.patch(f"/issues/{issue['id']}", data=said).raise_for_status()


def _acknowledge(
    deployment: Deployed, instance: dg.DagsterInstance, moment: datetime, *, kill: bool = False
) -> bool:
    """Wait until every sensor has looked since a moment, no tick is at work and no run; kill one
    run on request.
    """
    end, killed, calm = time.monotonic() + PATIENCE, False, 0
    while calm < 2:
        if kill and not killed:
            killed = deployment.kill_a_run()
        states = [one for one in instance.all_instigator_state() if one.instigator_name in SENSORS]
        looked = [
            any(
                tick.timestamp >= moment.timestamp() - 1
                for tick in instance.get_ticks(one.instigator_origin_id, one.selector_id, limit=1)
            )
            for one in states
        ]
        # What has not looked at the clock since the leap takes the next one for a silence of its
        # own.
        beats = instance.get_daemon_heartbeats().values()
        awake = all(one.timestamp >= moment.timestamp() - 1 for one in beats)
        at_work = instance.get_runs(dg.RunsFilter(statuses=ACTIVE), limit=1) or _at_work(instance)
        calm = (
            calm + 1 if len(looked) == len(SENSORS) and all(looked) and awake and not at_work else 0
        )
        if time.monotonic() > end:
            logs = [
                path.read_text(errors="replace")[-1_500:]
                for path in deployment.place.folder.glob("*.log")
            ]
            raise RuntimeError(
                f"not at rest after {PATIENCE:.0f} s: {sorted(looked)}, {awake=}, {at_work}\n"
                + "\n".join(logs)
            )
        time.sleep(0.4)
    return killed


def _at_work(instance: dg.DagsterInstance) -> bool:
    states = instance.all_instigator_state()
    return any(
        tick.status == TickStatus.STARTED
        for one in states
        for tick in instance.get_ticks(one.instigator_origin_id, one.selector_id, limit=1)
    )


def _sensor_ticks(instance: dg.DagsterInstance) -> int:
    states = [one for one in instance.all_instigator_state() if one.instigator_name in SENSORS]
    return sum(len(instance.get_ticks(one.instigator_origin_id, one.selector_id)) for one in states)


def _note_ticks(instance: dg.DagsterInstance, seen: Ticks) -> None:
    """Note the ticks of schedules that went well, before Dagster removes them: those that started
    nothing go after a day.
    """
    for state in instance.all_instigator_state():
        if state.instigator_name in SCHEDULES:
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id):
                if tick.status in {TickStatus.SUCCESS, TickStatus.SKIPPED}:
                    seen[state.instigator_name][int(tick.timestamp)] = (
                        tick.tick_data.end_timestamp or float("inf")
                    )


def _missing(
    crons: Mapping[str, str | Sequence[str]], seen: Ticks, began: datetime, ended: datetime
) -> list[str]:
    """Return the ticks that should have been, by the crons, and were neither evaluated in time nor
    made up within the hour.
    """
    missing = []
    for name, cron in crons.items():
        for moment in schedule_execution_time_iterator(
            began.timestamp(), cron, "UTC", ascending=True
        ):
            # The last hour may still be made up.
            if moment > ended - MISFIRE_GRACE:
                break
            done = seen[name].get(int(moment.timestamp()))
            if moment > began and (done is None or done > (moment + MISFIRE_GRACE).timestamp()):
                missing.append(
                    f"{name} at {moment}: "
                    f"{'never' if done is None else datetime.fromtimestamp(done, UTC)}"
                )
    return missing


def _overlaps(instance: dg.DagsterInstance) -> int:
    kinds = defaultdict(list)
    for record in instance.get_run_records():
        kind = record.dagster_run.tags.get(KIND_TAG)
        if kind and record.start_time and record.end_time:
            kinds[kind].append((record.start_time, record.end_time))
    return sum(
        after[0] < before[1]
        for spans in kinds.values()
        for before, after in zip(sorted(spans), sorted(spans)[1:], strict=False)
    )


def _runs(group: str, instance: dg.DagsterInstance) -> Iterator[Figure]:
    counted: defaultdict[str, int] = defaultdict(int)
    for run in instance.get_runs():
        counted[f"{run.job_name}: {run.status.value.lower()}"] += 1
    for name, count in sorted(counted.items()):
        yield Figure(group, f"runs of {name}", count, "runs")
    expect_equal(
        "jobs that have run",
        {"users", "projects", "issues"} <= {name.split(":")[0] for name in counted},
        True,
    )


def main() -> int:
    """Measure, where the library that shifts clocks is at hand."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=48.0, help="simulated hours")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args()
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        print("libfaketime is not installed (Debian: apt-get install faketime)", file=sys.stderr)
        return 2
    return show([two_days(chosen.hours, library)], as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
