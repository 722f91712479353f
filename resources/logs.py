"""Logging: lines for people or JSON for machines, each with its run, table and partitions.

Two variables configure it for every process, `--debug` for one command. Dagster stores the
important lines of its runs, too. The log of requests (DEBUG) is written only here, because it is
long.
"""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from resources.redact import plain_line, plain_lines, redact
from resources.values import log_format, log_level

#: Loggers of this program. Dagster also stores the lines of `resources` with the run (`python_logs`
#: in `dagster.yaml`), but not those of the last one.
OURS = "backlog_elt"
LOGGERS = ("resources", "pipelines", "assets", "service", OURS)


class _Handler(logging.StreamHandler[TextIO]):
    """The handler set by this module, recognised by its type."""


def set_up(
    environ: Mapping[str, str],
    *,
    level: str | None = None,
    stream: TextIO | None = None,
    whole: bool = False,
) -> None:
    """Configure the loggers of this program as the variables say. A second call replaces the first.

    Args:
        environ: has `BACKLOG_LOG_FORMAT` (text or json) and `BACKLOG_LOG_LEVEL`, both optional.
        level: the level when the variable is not set; WARNING by default.
        stream: where to write, standard error by default.
        whole: the process is ours, not Dagster's: lines of libraries from INFO on are written, too.

    Raises:
        SettingsError: a variable has an unknown value.
    """
    chosen = log_level(environ) or level or "WARNING"
    as_json = log_format(environ) == "json"
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(as_json=as_json))
    # Set on the handler, since Dagster lowers the level of the loggers whose lines it stores.
    handler.setLevel(chosen)
    for name in ("", *LOGGERS):
        logger = logging.getLogger(name)
        logger.handlers = [one for one in logger.handlers if not isinstance(one, _Handler)]
    for name in ("", OURS) if whole else LOGGERS:
        logging.getLogger(name).addHandler(handler)
    if whole:
        logging.getLogger().setLevel(max(logging.INFO, handler.level))
    logging.getLogger(OURS).setLevel(chosen)
    logging.getLogger(OURS).propagate = False


def write_to(stream: TextIO) -> None:
    """Redirect the lines of `set_up` to another stream."""
    for name in ("", *LOGGERS):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, _Handler):
                handler.setStream(stream)


def is_set_up() -> bool:
    """Return whether `set_up` was called in this process."""
    return any(isinstance(one, _Handler) for one in logging.getLogger(OURS).handlers)


def log_about(**what: str | None) -> AbstractContextManager[None]:
    """Add context to all lines inside, such as `run`, `asset` and `partition`; None is left out."""
    return structlog.contextvars.bound_contextvars(
        **{name: value for name, value in what.items() if value is not None}
    )


def _formatter(*, as_json: bool) -> ProcessorFormatter:
    foreign: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[Any] = [
        ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _plain_line,
    ]
    if as_json:
        written.append(structlog.processors.JSONRenderer(ensure_ascii=False))
    else:
        written.append(
            structlog.processors.KeyValueRenderer(
                key_order=["timestamp", "level", "event"], drop_missing=True, repr_native_str=False
            )
        )
    return ProcessorFormatter(foreign_pre_chain=foreign, processors=written)


def _plain_line(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    texts = {name: _safe(name, value) for name, value in line.items() if isinstance(value, str)}
    return {**line, **texts}


def _safe(name: str, value: str) -> str:
    """Return a text as one line; the lines of a traceback are indented below its first."""
    if name == "exception":
        return plain_lines(redact(value)).replace("\n", "\n    ")
    return plain_line(value)
