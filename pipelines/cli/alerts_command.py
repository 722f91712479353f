"""`backlog-elt alerts`: shows what is wrong, and tests the channels."""

import os
import sys

import click

from pipelines.cli.group import examples, show
from resources.alerts.addresses import Addresses
from resources.alerts.channel import ChannelError
from resources.alerts.message_layout import Message
from resources.settings import Settings


@click.command(
    "alerts", epilog=examples("backlog-elt alerts", "backlog-elt alerts --test  # try the channels")
)
@click.option(
    "--test",
    "test",
    is_flag=True,
    help="Send a test message to every channel and show the results.",
)
def alerts_command(test: bool) -> None:
    """Show what is wrong now, since when, and what to do."""
    said, failed = try_channels() if test else (open_problems(Settings.of_this_process()), False)
    show(said)
    if failed:
        sys.exit(1)


def open_problems(settings: Settings) -> str:
    """Return one line for each open problem, since when and what to do, or a line that there is
    none.

    Raises:
        WarehouseError: the warehouse cannot be reached.
    """
    from pipelines.alerting.problems import SOURCE, of_condition
    from pipelines.cli.status_facts import alerter
    from resources.problems.problem import Problem

    found, condition = alerter(settings)
    # The alerter's view of the source may be half a minute old.
    known = [
        problem.as_json() | {"since": one["since"], "times": one["times"]}
        for one in found["open"]
        if (condition or one["key"] != SOURCE) and (problem := Problem.read(one))
    ]
    if condition and not any(one["key"] == SOURCE for one in known):
        url = settings.backlog_url or "the simulated space"
        problem = of_condition(url.partition("://")[2] or url, condition)
        known.insert(0, problem.as_json() | {"since": condition.since, "times": 1})
    if found["alive"] is False:
        silent = Problem("silent/alerts", "alerter_silent").as_json()
        known.insert(0, silent | {"since": found["beat_at"], "times": 1})
    lines = []
    if found["alive"] is None:
        lines.append("The alerter has never run for this space: backlog-elt up starts it.")
    for one in known:
        said = one["texts"]["en"]
        place = f" ({said['place']})" if said["place"] else ""
        lines.append(f"{said['subject']}{place}: {said['cause']}")
        lines.append(f"    {said['data']}")
        lines.append(f"    since {one['since']}, seen {one['times']} times; next: {said['step']}")
    return "\n".join(lines) or "Nothing is wrong."


def try_channels() -> tuple[str, bool]:
    """Send a test message to every channel; return a line for each, and whether one failed.

    Raises:
        SettingsError: an address cannot be used.
    """
    from resources.alerts.channels import channels

    found = channels(Addresses.from_env(os.environ))
    if not found:
        return (
            "No channel is set: set BACKLOG_ALERT_URLS, …_SLACK_URL, …_TEAMS_URL or …_SMTP_URL.",
            True,
        )
    message, lines, failed = (
        Message("test", "backlog-elt", (("this", "is what an alert looks like"),)),
        [],
        False,
    )
    for channel in found:
        try:
            channel.send(message)
            lines.append(f"{channel.name}: sent")
        except ChannelError as error:
            lines.append(str(error))
            failed = True
    return "\n".join(lines), failed
