"""What the commands print with `--json` and what the service answers: each shape stands once."""
