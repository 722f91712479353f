"""`python -m simulator`: the same as `backlog-elt simulate`, without the rest of the program."""

import argparse
import sys
from pathlib import Path

from simulator.limits import PLANS
from simulator.process import main_simulate, switches_from
from simulator.spec import SimulatorError, SpaceSpec, UsageError


def parser(program: str = "simulate") -> argparse.ArgumentParser:
    """Return the parser of the options; `backlog-elt simulate` has the same ones."""
    spec = SpaceSpec()
    made = argparse.ArgumentParser(
        prog=program, description="Serve a simulated Backlog space on 127.0.0.1."
    )
    made.add_argument("--port", type=int, default=0, help="0 takes a free one")
    made.add_argument("--seed", type=int, default=spec.seed)
    made.add_argument("--users", type=int, default=spec.users)
    made.add_argument("--projects", type=int, default=spec.projects)
    made.add_argument("--issues", type=int, default=spec.issues)
    made.add_argument(
        "--alive", action="store_true", help="let people work in the space as time goes by"
    )
    made.add_argument("--life-file", type=Path, help="where life is remembered over restarts")
    made.add_argument(
        "--limits", choices=tuple(PLANS), default="demo", help="the plan whose rate limits hold"
    )
    made.add_argument(
        "--ids", choices=("large", "int32"), default=spec.ids, help="int32 for backlog4j"
    )
    made.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="see docs/simulator.md"
    )
    made.add_argument(
        "--certificate", type=Path, nargs=2, metavar=("CERT", "KEY"), help="speak HTTPS (PEM files)"
    )
    made.add_argument(
        "--until-stdin-closes", action="store_true", help="end with the program that started it"
    )
    return made


def main(arguments: list[str] | None = None) -> int:
    """Serve a space; return 0 after a signal, 1 when it could not start, 2 for a wrong option."""
    options = parser().parse_args(arguments)
    try:
        main_simulate(
            port=options.port,
            seed=options.seed,
            users=options.users,
            projects=options.projects,
            issues=options.issues,
            alive=options.alive,
            life_file=options.life_file,
            limits=options.limits,
            ids=options.ids,
            switches=switches_from(dict(text.partition("=")[::2] for text in options.switch)),
            certificate=tuple(options.certificate) if options.certificate else None,
            until_stdin_closes=options.until_stdin_closes,
        )
    except SimulatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return 2 if isinstance(error, UsageError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
