"""Reads secrets from files, as container orchestrators mount them."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path

from resources.secret import Secret
from resources.variables import FILE, SECRETS, SettingsError, text


def secret(environ: Mapping[str, str], name: str) -> Secret | None:
    """Return the secret of a variable, or the content of the file that its `_FILE` variable names.

    Raises:
        SettingsError: the file is missing, unreadable or empty.
    """
    given = text(environ, name)
    path = None if given else text(environ, name + FILE)
    if path:
        given = text({name: _in_file(name + FILE, path)}, name)
    return Secret(given) if given else None


def _in_file(name: str, path: str) -> str:
    # The path is not shown: a user may have put the secret itself there.
    try:
        held = Path(path).expanduser().read_text(encoding="utf-8-sig").strip()
    except OSError as error:
        held, wrong = "", (error.strerror or type(error).__name__).lower()
    except UnicodeDecodeError:
        held, wrong = "", "it is not UTF-8"
    except (ValueError, RuntimeError):
        held, wrong = "", "it is not a path"
    else:
        wrong = "it is empty"
    if not held:
        raise SettingsError(
            name,
            path,
            "the path of a file that can be read and holds the secret, and nothing else",
            wrong,
        )
    return held


def read_secret_files(environ: MutableMapping[str, str]) -> None:
    """Set the variables of secrets that are given as files.

    Raises:
        SettingsError: a file cannot be read, or is empty.
    """
    for name in SECRETS:
        held = secret(environ, name)
        if held is not None:
            environ[name] = held.reveal()
