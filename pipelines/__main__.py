"""`python -m pipelines`: the backlog-elt command without its script."""

from pipelines.cli import main

main()
