"""The table of cadences: one entry for each schedule and each sensor.

It decides what runs when, the freshness policy of each table, the check `every_project_is_fresh`,
the alert on silence, and tables of the documents. Times are in `BACKLOG_TIMEZONE`.
"""

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal
from urllib.parse import urlsplit

from resources.warehouse.raw.schema import SPECS

#: A missed tick is made up within this time.
MISFIRE_GRACE = timedelta(hours=1)
#: Time that a run has for its work before the alerter reports that it is missing.
WORK = timedelta(minutes=30)


@dataclass(frozen=True)
class Cadence:
    """When one schedule or sensor ticks, and when a missing tick is late.

    A schedule has a `cron` with one minute and hours, a sensor the `seconds` between two ticks.

    `job`: the job that it runs, if it is always the same.
    `jitter_minutes`: the most minutes by which a schedule starts late, so that spaces do not all
    start at once.
    `work_every`: the longest time between two runs of a sensor.
    `grace`: how late a missed tick is still made up.
    `on`: whether it ticks by default, or only after a person turns it on.
    `tables`: the raw tables that it keeps fresh.
    `sync`: the kind of sync whose silence is a problem.
    """

    name: str
    cron: str = ""
    seconds: int = 0
    job: str = ""
    on: bool = True
    jitter_minutes: int = 0
    work_every: timedelta | None = None
    grace: timedelta = MISFIRE_GRACE
    tables: tuple[str, ...] = ()
    sync: str | None = None

    @property
    def hours(self) -> list[int]:
        """The hours at which a schedule ticks."""
        hours = self.cron.split()[1]
        step = 1 if hours == "*" else int(hours.removeprefix("*/")) if hours.startswith("*/") else 0
        return list(range(0, 24, step)) if step else [int(hours)]

    @property
    def interval(self) -> timedelta:
        """The time from one tick to the next."""
        return timedelta(days=1) / len(self.hours) if self.cron else timedelta(seconds=self.seconds)

    @property
    def fresh_within(self) -> timedelta:
        """The age at which its tables are stale: a tick was missed and not made up in time."""
        return (self.work_every or self.interval) + self.grace

    @property
    def silent_after(self) -> timedelta:
        """The time without a success after which the alerter reports silence."""
        return self.fresh_within + WORK

    def cron_of(self, backlog_url: str | None) -> str:
        """Return the cron for a space. The delay of 0 to `jitter_minutes` depends only on
        the host.
        """
        minute, rest = self.cron.split(maxsplit=1)
        host = urlsplit(backlog_url or "").hostname or ""
        return f"{int(minute) + zlib.crc32(host.encode()) % (self.jitter_minutes + 1)} {rest}"

    def next_tick(self, now: datetime, zone: tzinfo, backlog_url: str | None) -> datetime | None:
        """Return the next tick of a schedule after `now` (UTC), None for a sensor."""
        if not self.cron:
            return None
        minute = int(self.cron_of(backlog_url).split()[0])
        today = now.astimezone(zone).replace(minute=minute, second=0, microsecond=0)
        # Days are added in local time and results compared as instants: the zone may change its
        # offset.
        ticks = (
            today.replace(hour=hour) + timedelta(days=day)
            for day in (0, 1, 2)
            for hour in self.hours
        )
        return next(instant for tick in ticks if (instant := tick.astimezone(UTC)) > now)

    def when(self, language: Literal["en", "ja"] = "en") -> str:
        """Return in words when it ticks, for the documents."""
        english = language == "en"
        if not self.cron:
            number, one, ja = (
                (self.seconds, "seconds", "秒")
                if self.seconds < 60
                else (self.seconds // 60, "minutes", "分")
            )
            often = f"every {number} {one}" if english else f"{number} {ja}ごと"
            return (
                often
                if self.on
                else f"{often}, when turned on"
                if english
                else f"オンにすると {often}"
            )
        minute = int(self.cron.split()[0])
        if len(self.hours) == 24:
            return f"minute {minute}" if english else f"毎時 {minute} 分"
        times = [
            f"{hour:02}:{minute:02}" if english else f"{hour}:{minute:02}" for hour in self.hours
        ]
        two, more, late = (
            (" and ", ", ", ", up to {} minutes later")
            if english
            else (" と ", "、", "(最大 {} 分遅れ)")
        )
        return (two if len(times) == 2 else more).join(times) + (
            late.format(self.jitter_minutes) if self.jitter_minutes else ""
        )


USERS = Cadence("users_daily", cron="0 2 * * *", job="users", tables=("users",), sync="users")
ISSUES = Cadence(
    "issues_every_12_hours",
    cron="0 */12 * * *",
    job="issues",
    jitter_minutes=5,
    tables=("activities", "issues", "comments", "issue_changes"),
    sync="issues",
)
PROJECTS = Cadence(
    "projects_every_6_hours",
    cron="0 */6 * * *",
    job="projects",
    tables=tuple(table for table in SPECS if table not in {*USERS.tables, *ISSUES.tables}),
    sync="projects",
)
COUNT_RECONCILIATION = Cadence(
    "count_reconciliation_nightly", cron="30 3 * * *", job="count_reconciliation"
)
ROLLING_REFRESH = Cadence("rolling_refresh_nightly", cron="0 4 * * *", job="rolling_refresh")
HOUSEKEEPING = Cadence("housekeeping_nightly", cron="30 5 * * *", job="housekeeping")
#: An access token is valid for an hour. Loads start on the hour, so this runs at another time.
TOKENS = Cadence("tokens_hourly", cron="40 * * * *", job="tokens")
ACTIVITY_FEED = Cadence("activity_feed", seconds=30, job="targeted_sync")
#: Off by default: the activity feed reports the same within half a minute, and its sensor also
#: empties the inbox.
WEBHOOK_INBOX = Cadence("webhook_inbox", seconds=30, job="targeted_sync", on=False)
ALERTS = Cadence("alerts", seconds=30)
BROKEN_OFF = Cadence("broken_off_loads", seconds=30)
#: How long after each failure what was broken off is started again; then a person has to.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))


def starts_again_at(ended: datetime, times: int) -> datetime | None:
    """Return when is started again what has ended and was broken off so often before, None: it was
    started often enough.
    """
    return ended + PAUSES[times] if times < len(PAUSES) else None


#: A new project is found within 15 minutes, at two requests a tick.
PROJECT_DISCOVERY = Cadence("project_discovery", seconds=900)
#: Marts are built at least once a day, even without changes. The grace of two hours is for a build
#: that waits for loads, fails once and runs again.
MARTS = Cadence(
    "marts_after_loads",
    seconds=120,
    job="marts",
    work_every=timedelta(days=1),
    grace=timedelta(hours=2),
)

CADENCES = (
    USERS, PROJECTS, ISSUES, COUNT_RECONCILIATION, ROLLING_REFRESH, HOUSEKEEPING, TOKENS,
    ACTIVITY_FEED, WEBHOOK_INBOX, ALERTS, BROKEN_OFF, PROJECT_DISCOVERY, MARTS,
)  # fmt: skip

#: Raw table -> the age at which it is stale.
FRESH_WITHIN = {table: cadence.fresh_within for cadence in CADENCES for table in cadence.tables}
