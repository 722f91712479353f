"""Commands that run until somebody ends them, `up`, `serve` and `simulate`, and `migrate`, which comes before them."""

from pathlib import Path
from typing import Any, Literal

import click

from pipelines.cli.group import WrongUsage, examples
from pipelines.cli.options import PORT, Number, OneOf
from resources.settings import Settings
from resources.variables import SettingsError

#: As in `simulator`, which takes half a second to import.
PLANS, IDS = ("demo", "paid", "free", "none"), ("large", "int32")


@click.command(
    epilog=examples(
        "backlog-elt up  # until Ctrl-C",
        "backlog-elt up --port 3100 --service-port 3101  # beside another one",
        "backlog-elt up --no-load --read-only  # for people who only look",
    )
)
@click.option("--port", default=3000, show_default=True, type=PORT, help="Port of the Dagster UI.")
@click.option("--service-port", default=3001, show_default=True, type=PORT, help="Port of the sync service.")
@click.option("--no-load", is_flag=True, help="Do not load at once; leave it to the schedules.")
@click.option("--read-only", is_flag=True, help="The Dagster UI only shows: it starts no run and changes no schedule.")
def up(port: int, service_port: int, no_load: bool, read_only: bool) -> None:
    """Start everything, and keep the warehouse up to date.

    PostgreSQL, the schedules, the first load, the Dagster UI and the sync service. It shows where they are, and one line for each
    thing that matters; all else is in logs/up.log under BACKLOG_ELT_HOME.
    """
    if port == service_port:
        raise SettingsError("--service-port", str(service_port), "another port than that of the Dagster UI (--port)")
    from pipelines.hosting import up as module

    module.up(Settings.of_this_process(), port=port, service_port=service_port, first_load=not no_load, read_only=read_only)


@click.command(
    epilog=examples(
        "backlog-elt serve  # http://127.0.0.1:3001",
        "backlog-elt serve --host 0.0.0.0 --port 8080  # wants BACKLOG_SERVICE_TOKEN",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; others than loopback need a token.")
@click.option("--port", default=3001, show_default=True, type=PORT, help="Port to listen on.")
@click.pass_context
def serve(ctx: click.Context, host: str, port: int) -> None:
    """Serve the sync service alone.

    Its page, its API and the inbox of webhooks; beside a running up it uses its space.
    """
    settings = Settings.of_this_process()
    from pipelines.hosting.runtime import Runtime
    from service.__main__ import serve as module

    runtime = Runtime.read(settings.home)
    level = "DEBUG" if ctx.find_root().params["debug"] else None
    module(runtime.fill(settings) if runtime else settings, host, port, level=level)


@click.command(epilog=examples("backlog-elt migrate && backlog-elt up"))
def migrate() -> None:
    """Bring both databases to this version, after an upgrade.

    The warehouse and Dagster's storage, before anything else is started. Every command does so for the warehouse by itself;
    only Dagster's storage waits for this one.
    """
    settings = Settings.of_this_process()
    from pipelines.cli.migrate import migrate as run

    for line in run(settings):
        click.echo(line)


def _switches(_ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    if texts:
        from simulator import SimulatorError, switches_from

        for text in texts:
            try:
                switches_from(dict([text.partition("=")[::2]]))
            except SimulatorError as error:
                raise SettingsError(parameter.opts[-1], text, f"a switch of docs/simulator.md ({error})") from None
    return texts


@click.command(
    epilog=examples(
        "backlog-elt simulate --port 8080 --issues 500",
        "backlog-elt simulate --alive --life-file life.json",
        "backlog-elt simulate --switch clamp_count=true --limits free",
    )
)
@click.option("--port", default=0, show_default=True, type=Number(0, 65_535), help="Port to listen on; 0 takes a free one.")
@click.option("--seed", default=1, show_default=True, type=Number(), help="Another seed is another space.")
@click.option("--users", default=30, show_default=True, type=Number(1), help="How many users.")
@click.option("--projects", default=5, show_default=True, type=Number(1), help="How many projects.")
@click.option("--issues", default=2_000, show_default=True, type=Number(0), help="How many issues.")
@click.option("--alive", is_flag=True, help="Let people work in the space as time goes by.")
@click.option("--life-file", metavar="PATH", type=click.Path(path_type=Path), help="Where life is remembered over restarts.")
@click.option("--limits", default="demo", show_default=True, type=OneOf(PLANS), help="The plan whose rate limits hold.")
@click.option("--ids", default="large", show_default=True, type=OneOf(IDS), help="int32 for clients that hold ids in 32 bits.")
@click.option("--switch", "switches", multiple=True, metavar="NAME=VALUE", callback=_switches, help="See docs/simulator.md.")
@click.option("--certificate", nargs=2, metavar="CERT KEY", type=click.Path(path_type=Path), help="Speak HTTPS (PEM files).")
@click.option("--until-stdin-closes", is_flag=True, help="End with the program that started it.")
def simulate(
    switches: tuple[str, ...], certificate: tuple[Path, Path] | None, ids: Literal["large", "int32"], **options: Any
) -> None:
    """Serve a simulated Backlog space on this machine.

    The first line of output is a JSON object with its url and api_key. It serves until Ctrl-C.
    """
    from simulator import main_simulate, switches_from
    from simulator.spec import UsageError

    try:
        chosen = switches_from(dict(text.partition("=")[::2] for text in switches))
        main_simulate(**options, ids=ids, switches=chosen, certificate=certificate)
    except UsageError as error:
        raise WrongUsage(str(error)) from None


RUNNING_COMMANDS: tuple[click.Command, ...] = (up, serve, migrate, simulate)
