"""What all commands share: how they end, and how an error is shown.

Add here: a rule for every command. Keep out: commands.
"""

from typing import Any

import click

from resources.variables import SettingsError


class _WrongSetting(click.ClickException):
    """A variable or option that cannot be used: one line, exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it raises becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            raise _WrongSetting(str(error)) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(one_line(error)) from None


def one_line(error: Exception) -> str:
    """Return the first line of an error, without secrets."""
    from resources.redact import redact

    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return redact(lines[0]) if lines else f"{type(error).__name__}: run again with --debug to see where"
