"""Why something failed: errors and failures carry the code of their cause.

From where an error is raised to where it is shown no text is read to find out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from resources.problems.cause_table import BEFORE_CODES, CAUSES, Cause
from resources.problems.names import Language
from resources.redact import plain_line

__all__ = ["BEFORE_CODES", "CAUSES", "Cause"]


def cause_of(code: str) -> Cause:
    """Return the cause with a code; for a code of another version what is shown without one."""
    return CAUSES.get(code, BEFORE_CODES)


def why(code: str, line: str, language: Language) -> str:
    """Return why something failed, for people: the text of its cause, and the recorded line."""
    text = cause_of(code).text(language)
    if not line:
        return text
    return f"{text} ({line})" if language == "en" else f"{text}({line})"


def cause_must_exist(code: str) -> None:
    """Check a code that is about to be raised.

    Raises:
        ValueError: it is not in the table.
    """
    if code not in CAUSES:
        raise ValueError(f"{code!r} is no code of resources/problems/cause_table.py")


def worst(codes: Iterable[str]) -> str:
    """Return the code that decides for several failures: the first that does not pass, else the
    first; `defect` for none.
    """
    found = [*codes]
    return next((code for code in found if not cause_of(code).passes), (found or ["defect"])[0])


class KnownError(Exception):
    """An error whose cause is in the table; an exception that is none of these is a defect.

    Its message is one line without a secret. The cause is that of its class unless `cause` names
    another.
    """

    #: The code of the cause.
    cause: str = "defect"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cause_must_exist(cls.cause)

    def __init__(self, message: str, *, cause: str | None = None) -> None:
        super().__init__(plain_line(message))
        if cause is not None:
            cause_must_exist(cause)
            self.cause = cause


@dataclass(frozen=True)
class Failure:
    """Why something failed: the code of its cause, and the line that is recorded."""

    cause: str
    line: str

    @classmethod
    def of(cls, error: BaseException, what: str = "") -> "Failure":
        """Return the failure of something for an error; what ends a process is `interrupted`. Of an
        error that is not ours the line has the class, too.
        """
        if isinstance(error, KnownError):
            cause, said = error.cause, str(error)
        else:
            cause = "defect" if isinstance(error, Exception) else "interrupted"
            said = f"{type(error).__name__}: {error}"
        return cls(cause, plain_line(f"{what}: {said}" if what else said))

    @classmethod
    def together(cls, failures: Iterable["Failure"]) -> "Failure | None":
        """Return several failures as one, None for none."""
        found = [*dict.fromkeys(failures)]
        if not found:
            return None
        line = plain_line("; ".join(one.line for one in found))
        return cls(worst(one.cause for one in found), line)
