"""What `backlog-elt alerts` does: shows what is wrong, and tries the channels."""

import os

from pipelines.alerting.rules import SOURCE
from pipelines.cli.status import alerter
from resources.alerts.addresses import Addresses
from resources.alerts.channel import ChannelError
from resources.alerts.channels import channels
from resources.alerts.message import Message
from resources.conditions import WORDS
from resources.settings import Settings


def show(settings: Settings) -> str:
    """Return one line for each problem that lasts, since when and what to do, or that there is none.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    found, condition = alerter(settings)
    # What the alerter knows of the source is half a minute old.
    known = [one for one in found["open"] if condition or one["key"] != SOURCE]
    lines = []
    if found["alive"] is False:
        lines.append(f"The alerter has given no sign of life since {found['beat_at']}: is the daemon running?")
    if condition and not any(one["key"] == SOURCE for one in known):
        lines.append(f"Backlog {WORDS[condition.kind]} since {condition.since:%Y-%m-%d %H:%M:%S} UTC: {condition.message}")
    if found["alive"] is None:
        lines.append("No alerter has looked at this space yet: backlog-elt up starts it.")
    for one in known:
        where = f" ({one['partition']})" if one["partition"] else ""
        lines.append(f"{one['asset']}{where}: {one['cause']}")
        lines.append(f"    since {one['since']}, met {one['times']} times; next: {one['step']}")
    return "\n".join(lines) or "Nothing is wrong."


def try_channels() -> tuple[str, bool]:
    """Send a message to every channel; return a line for each and whether one has failed.

    Raises:
        SettingsError: an address cannot be used.
    """
    found = channels(Addresses.from_env(os.environ))
    if not found:
        return (
            "No channel is set: BACKLOG_ALERT_URLS, BACKLOG_ALERT_SLACK_URL, …_TEAMS_URL or …_SMTP_URL names one.",
            True,
        )
    message, lines, failed = Message("test", "backlog-elt", (("this", "is how you will be told"),)), [], False
    for channel in found:
        try:
            channel.send(message)
            lines.append(f"{channel.name}: sent")
        except ChannelError as error:
            lines.append(str(error))
            failed = True
    return "\n".join(lines), failed
