"""Types of options whose errors have our form: what is `…`: expected …."""

from collections.abc import Sequence
from typing import Any

import click

from resources.values import parse_month
from resources.variables import SettingsError


class Number(click.ParamType[int]):
    """A whole number, optionally in a range."""

    name = "N"

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number.

        Raises:
            SettingsError: it is not a whole number, or out of range.
        """
        try:
            number = int(value)
        except ValueError:
            raise self._wrong(value, param) from None
        if (self._least is not None and number < self._least) or (
            self._most is not None and number > self._most
        ):
            raise self._wrong(value, param)
        return number

    def _wrong(self, value: Any, param: click.Parameter | None) -> SettingsError:
        least = "" if self._least is None else f" from {self._least}"
        most = "" if self._most is None else f" to {self._most}"
        return SettingsError(
            _option_name(param),
            str(value),
            f"a whole number{least}{most or (' on' if least else '')}",
        )


class OneOf(click.Choice[str]):
    """One of some words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word; raises SettingsError for another one."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            raise SettingsError(
                _option_name(param), str(value), " or ".join(self.choices)
            ) from None


class Month(click.ParamType[str]):
    """A month as YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the month unchanged; raises SettingsError if it is malformed."""
        parse_month(_option_name(param), str(value))
        return str(value)


PORT = Number(1, 65_535)


def chosen_projects(chosen: Sequence[str], visible: Sequence[str]) -> list[str]:
    """Return the keys given by `--project`, or all that the API key can see.

    Raises:
        SettingsError: a key is not visible.
    """
    for key in chosen:
        if key not in visible:
            known = ", ".join(sorted(visible)[:10]) or "none"
            raise SettingsError(
                "--project", key, f"the key of a project that the API key can see ({known})"
            )
    return list(chosen or visible)


def _option_name(param: click.Parameter | None) -> str:
    return param.opts[-1] if param else "the value"
