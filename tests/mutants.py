"""Mutation testing: which small changes of the core would the tests of `make test` not notice?

mutmut makes the mutants; `[tool.mutmut]` in pyproject.toml names the files and the tests. A seed
draws a sample. Each mutant runs in a process of its own with the tests that reach the changed
function, the fastest first. The survivors are printed as diffs, to be read: each is killed by a new
test, or changes nothing that anybody could see.
"""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import click

from tests.databases import server_url
from tests.scratch import use_memory

MUTMUT = Path(sys.executable).with_name("mutmut")
ROOT = Path(__file__).parents[1]
#: Any mutant will do: the first run makes all of them and finds out which tests reach which
#: function.
FIRST = "sync.watermarks.x_complete__mutmut_1"
RESULT = re.compile(r"^ +(?P<name>\S+): (?P<status>.+)$", re.MULTILINE)
NOTICED = ("killed", "timeout", "segfault")


@click.command()
@click.option("--count", default=300, show_default=True, help="Mutants in the sample; 0 takes all.")
@click.option("--seed", default=16, show_default=True, help="Draws the sample.")
@click.option(
    "--processes", default=2, show_default=True, help="Mutants that are tried at the same time."
)
@click.argument("names", nargs=-1)
def main(count: int, seed: int, processes: int, names: tuple[str, ...]) -> None:
    """Try a sample of mutants, or those with these names, and print those that survive."""
    use_memory()
    with server_url() as url:  # which all mutants share
        environment = os.environ | {"TEST_POSTGRES_URL": url}
        run = [str(MUTMUT), "run", "--max-children", str(processes)]
        subprocess.run([*run, FIRST], cwd=ROOT, env=environment, check=True)
        known = sorted(_results())
        # A pure random choice of mutants, not of secrets.
        sample = list(names) or (
            Random(seed).sample(known, count) if 0 < count < len(known) else known  # noqa: S311
        )
        subprocess.run([*run, *sample], cwd=ROOT, env=environment, check=True)
    found = {name: status for name, status in _results().items() if name in sample}
    for name in sorted(found):
        if found[name] not in NOTICED:
            click.echo(_mutmut("show", name))
    click.echo(table(found))


def table(found: dict[str, str]) -> str:
    """Return a line for each module and one for all: how many mutants, how many were noticed, and
    what became of the others.
    """
    modules = {name: re.split(r"\.xǁ|\.x_", name)[0] for name in found}
    lines = []
    for module in [*sorted(set(modules.values())), ""]:
        of = Counter(status for name, status in found.items() if module in ("", modules[name]))
        noticed = sum(of[status] for status in NOTICED)
        others = ", ".join(
            f"{count} {status}" for status, count in sorted(of.items()) if status not in NOTICED
        )
        lines.append(
            f"{module or 'all':<48} {of.total():>5} mutants, "
            f"{noticed / of.total():>4.0%} noticed  {others}"
        )
    return "\n".join(lines)


def _results() -> dict[str, str]:
    """Return what became of each mutant: name -> killed, survived, timeout, no tests, not checked,
    ...
    """
    return {
        match["name"]: match["status"]
        for match in RESULT.finditer(_mutmut("results", "--all", "true"))
    }


def _mutmut(*arguments: str) -> str:
    return subprocess.run(
        [str(MUTMUT), *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    main()
