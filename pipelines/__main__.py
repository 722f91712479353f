"""`python -m pipelines`, and the script `backlog-elt`."""

from pipelines.stop_signals import end_silently


def start() -> None:
    """Run the command that the words name; a signal ends it without a traceback, from before the first slow import on."""
    end_silently()
    from pipelines.cli import main
    from pipelines.cli.group import PROGRAM

    main(prog_name=PROGRAM)


if __name__ == "__main__":
    start()
