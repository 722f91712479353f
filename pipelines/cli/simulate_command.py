"""`backlog-elt simulate`: a simulated Backlog space on this machine; see `simulator`."""

from pathlib import Path
from typing import Any, Literal

import click

from pipelines.cli.group import WrongUsage, examples
from pipelines.cli.options import Number, OneOf
from resources.variables import SettingsError

#: Copied from `simulator`, whose import takes half a second.
PLANS, IDS = ("demo", "paid", "free", "none"), ("large", "int32")


def _switches(
    _ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    if texts:
        from simulator import SimulatorError, switches_from

        for text in texts:
            try:
                switches_from(dict([text.partition("=")[::2]]))
            except SimulatorError as error:
                raise SettingsError(
                    parameter.opts[-1], text, f"a switch of docs/simulator.md ({error})"
                ) from None
    return texts


@click.command(
    "simulate",
    epilog=examples(
        "backlog-elt simulate --port 8080 --issues 500",
        "backlog-elt simulate --alive --life-file life.json",
        "backlog-elt simulate --switch clamp_count=true --limits free",
    ),
)
@click.option(
    "--port",
    default=0,
    show_default=True,
    type=Number(0, 65_535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=Number(),
    help="Seed; each gives a different space.",
)
@click.option("--users", default=30, show_default=True, type=Number(1), help="How many users.")
@click.option("--projects", default=5, show_default=True, type=Number(1), help="How many projects.")
@click.option("--issues", default=2_000, show_default=True, type=Number(0), help="How many issues.")
@click.option("--alive", is_flag=True, help="Simulate people who work in the space.")
@click.option(
    "--life-file",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="File that keeps the simulated work over restarts.",
)
@click.option(
    "--limits",
    default="demo",
    show_default=True,
    type=OneOf(PLANS),
    help="Plan whose rate limits apply.",
)
@click.option(
    "--ids",
    default="large",
    show_default=True,
    type=OneOf(IDS),
    help="int32 for clients that hold ids in 32 bits.",
)
@click.option(
    "--switch",
    "switches",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_switches,
    help="See docs/simulator.md.",
)
@click.option(
    "--certificate",
    nargs=2,
    metavar="CERT KEY",
    type=click.Path(path_type=Path),
    help="Speak HTTPS (PEM files).",
)
@click.option("--until-stdin-closes", is_flag=True, help="End with the program that started it.")
def simulate_command(
    switches: tuple[str, ...],
    certificate: tuple[Path, Path] | None,
    ids: Literal["large", "int32"],
    **options: Any,
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
