"""How the program logs: lines for people, or JSON for machines, each with the run, table and
partitions that it belongs to.

Two variables set it for every process, `--debug` for one command. Where a run is Dagster's, what
matters of it is also in Dagster's log of the run; the log of requests (DEBUG) is here only, since
it is long.
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

#: Our loggers: `resources` is kept by Dagster with the run, too (`python_logs` in `dagster.yaml`),
#: the last one is not.
OURS = "backlog_elt"
LOGGERS = ("resources", "pipelines", "assets", "service", OURS)


class _Handler(logging.StreamHandler[TextIO]):
    """The handler that this module has set, known by its type."""


def set_up(
    environ: Mapping[str, str],
    *,
    level: str | None = None,
    stream: TextIO | None = None,
    whole: bool = False,
) -> None:
    """Let our loggers write to a stream, standard error by default, as the variables say; doing it
    again replaces that.

    Args:
        environ: with `BACKLOG_LOG_FORMAT` (text or json) and `BACKLOG_LOG_LEVEL`, both optional.
        level: the level where the variable is not set; WARNING by default.
        stream: where to.
        whole: the process is ours, not Dagster's: what libraries say, from INFO on, is written in
            the same way.

    Raises:
        SettingsError: a variable has another value.
    """
    chosen = log_level(environ) or level or "WARNING"
    as_json = log_format(environ) == "json"
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(as_json=as_json))
    # On the handler: Dagster lowers the level of the loggers whose lines it keeps with the run.
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
    """Let what `set_up` was called for write to another stream from now on."""
    for name in ("", *LOGGERS):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, _Handler):
                handler.setStream(stream)


def is_set_up() -> bool:
    """Say whether `set_up` was called in this process."""
    return any(isinstance(one, _Handler) for one in logging.getLogger(OURS).handlers)


def log_about(**what: str | None) -> AbstractContextManager[None]:
    """Add to all lines inside what they are about, as `run`, `asset`, `partition`; what is None is
    left out.
    """
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
        first = ["timestamp", "level", "event"]
        written.append(
            structlog.processors.KeyValueRenderer(
                key_order=first, drop_missing=True, repr_native_str=False
            )
        )
    return ProcessorFormatter(foreign_pre_chain=foreign, processors=written)


def _plain_line(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    texts = {name: _safe(name, value) for name, value in line.items() if isinstance(value, str)}
    return {**line, **texts}


def _safe(name: str, value: str) -> str:
    """Return what a record says as one line; a traceback has several, indented below the first."""
    if name == "exception":
        return plain_lines(redact(value)).replace("\n", "\n    ")
    return plain_line(value)
