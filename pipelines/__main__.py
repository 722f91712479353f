"""`python -m pipelines`: the backlog-elt command without its script."""

from pipelines.cli import main
from pipelines.cli.group import PROGRAM

main(prog_name=PROGRAM)
