"""What all commands share: exit codes, the form of errors, and the form of examples.

Every wrong option, argument, command and variable is reported in one line with exit code 2: what is
'…': expected …; where to look.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click
from click.exceptions import NoArgsIsHelpError, NoSuchCommand

from pipelines.stop_signals import Interrupted, exit_code
from resources.problems.causes import Failure
from resources.redact import plain_line, plain_lines
from resources.variables import SettingsError

PROGRAM = "backlog-elt"
#: Exit code -> meaning.
EXIT_CODES = {
    "0": "Done. `up` and `simulate` also after a signal, `status` also when the space does not "
    "answer, which it reports.",
    "1": "The work failed; one line says why, with a traceback only after `--debug`. `verify`: "
    "rows differ, or a part could not be "
    "compared; with `--strict` also when only what changed at the source differs. "
    "`privacy status`: people are still shown.",
    "2": "Wrong usage or configuration: what is `'…'`: expected ….",
    "128 + N": "Signal N ended the command: 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.",
}
#: In an epilog, keeps click from reflowing the lines.
_AS_IT_IS = "\b\n"
_WORD = re.compile("[A-Za-z-]{1,30}")


class WrongUsage(click.ClickException):
    """A variable, option or command that cannot be used; exit code 2."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the options before the command; a wrong one becomes one line."""
        try:
            return super().make_context(*args, **more)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _in_our_form(error, self, PROGRAM) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an exception becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            raise _in_our_form(error, *self._invoked(ctx)) from None
        except SettingsError as error:
            _, path = self._invoked(ctx)
            raise WrongUsage(
                str(error) + (_see(path) if error.variable.startswith("--") else "")
            ) from None
        except Interrupted as error:
            show(f"Error: {error}", err=True)
            raise click.exceptions.Exit(exit_code()) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            raise click.ClickException(one_line(error)) from None

    def _invoked(self, ctx: click.Context) -> tuple[click.Command, str]:
        """Return the command that was called, and its name on the command line."""
        name = ctx.invoked_subcommand or ""
        return self.commands.get(name, self), f"{PROGRAM} {name}".strip()


def examples(*lines: str, more: str = "") -> str:
    """Return an epilog with examples, their comments in one column, and `more` unchanged."""
    parts = [line.partition("  # ") for line in lines]
    width = max(len(command) for command, _, _ in parts)
    shown = [
        f"  {command.ljust(width)}{mark}{comment}".rstrip() for command, mark, comment in parts
    ]
    epilog = _AS_IT_IS + "\n".join(("Examples:", *shown))
    return f"{epilog}\n\n{_AS_IT_IS}{more.strip()}" if more else epilog


def show(text: str, *, err: bool = False) -> None:
    """Write lines or a JSON object, safe for the terminal; `err`: to standard error."""
    click.echo(plain_lines(text), err=err)


@contextmanager
def failing_as_object(
    as_json: bool, make: Callable[[list[Failure], float], Mapping[str, Any]]
) -> Iterator[None]:
    """Print what `make` returns for the failures and the seconds of work that fails, for the reader
    of the object, if one is asked for. Wrong settings have none.
    """
    began = time.monotonic()
    try:
        yield
    except SettingsError:
        raise
    except Exception as error:
        if as_json:
            failure = Failure(Failure.of(error).cause, one_line(error))
            nothing = make([failure], time.monotonic() - began)
            show(json.dumps(nothing, ensure_ascii=False))
        raise


def show_result(
    found: Mapping[str, Any], text: Callable[[Mapping[str, Any]], str], *, as_json: bool
) -> None:
    """Print the result of a command as an object or as a text, then its errors."""
    show(json.dumps(found, ensure_ascii=False) if as_json else text(found))
    for failure in found["errors"]:
        show(f"Error: {failure}", err=True)


def one_line(error: Exception) -> str:
    """Return the first line of an error, safe to show."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (
        plain_line(lines[0])
        if lines
        else f"{type(error).__name__}: run again with --debug to see where"
    )


def _see(command: str) -> str:
    return f"; see {command} --help"


def _in_our_form(error: click.UsageError, called: click.Command, path: str) -> WrongUsage:
    """Return an error of click in the form of our own; click does not name the command in every
    error.
    """
    command, path = (error.ctx.command, error.ctx.command_path) if error.ctx else (called, path)
    said = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption):
        shown = [one for one in command.params if not getattr(one, "hidden", False)]
        options = [name for one in shown for name in one.opts if name.startswith("--")]
        said = f"the option is {_word(error.option_name)}: expected {', '.join(options) or 'none'}"
    elif isinstance(error, NoSuchCommand) and isinstance(command, click.Group):
        said = (
            f"the command is {_word(error.command_name)}: expected "
            f"{', '.join(sorted(command.commands))}"
        )
    elif isinstance(error, click.MissingParameter) and isinstance(error.param, click.Option):
        said = f"{error.param.opts[-1]} is '': expected {_requested(error.param)}"
    elif isinstance(error, click.BadOptionUsage):
        option = next((one for one in _options(command) if error.option_name in one.opts), None)
        said = f"{error.option_name} is '': expected {_requested(option)}" if option else said
    elif extra := re.search(r"unexpected extra arguments? \((.*)\)", said, re.DOTALL):
        said = f"the argument is {_word(extra[1])}: expected none"
    return WrongUsage(plain_line(said) + _see(path))


def _word(text: str) -> str:
    """Return a given word for a message; text that is not a word is hidden, since it may be a
    variable with its value.
    """
    return repr(text) if _WORD.fullmatch(text) else "'…'"


def _options(command: click.Command) -> Iterator[click.Option]:
    """Yield the options of a command and of its subcommands."""
    yield from (one for one in command.params if isinstance(one, click.Option))
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        yield from _options(below)


def _requested(option: click.Option) -> str:
    """Return what an option takes, from its help."""
    kind = "no value" if option.is_flag else option.metavar or option.type.name
    return f"{kind} ({option.help.rstrip('.')})" if option.help else kind
