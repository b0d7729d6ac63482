"""Where log lines go: to standard error, as JSON or readable, those of libraries among them.

A log line may name tenants, tokens (by id and label), revisions, incidents, and counts of things: what an
operator needs to find the right folder or caller. It holds nothing of the books: no wordings, amounts, ids of
transactions or categories, request ids; and no secrets. So tracebacks go without values of local variables
and without messages that may quote such, see :mod:`likewise_engine.tracebacks`.
"""

import logging
import os
import sys
import threading
from typing import Final

import structlog

from likewise_engine.tracebacks import traceback_of
from likewise_server.settings import LogFormat, LogLevel, Settings, unknown_variables

_NUMBERS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}

_TALKATIVE: Final = ("grpc._cython.cygrpc", "grpc._common", "httpx", "httpcore")
"""Those of grpc log what they cannot decode, metadata in full, tokens among them, a traceback for each:
damaged calls would fill the disk. Their callers are told. The others log each question to a language model
with its address; what becomes of those is counted."""


def note_start(settings: Settings) -> None:
    """Log how it is to be served, and what may be misspelt in the environment."""
    log = structlog.stdlib.get_logger()
    log.info("starting", **settings.for_log())
    for name, nearest in unknown_variables(os.environ).items():
        log.warning("environment variable is no setting", name=name, nearest=nearest)


def configure(form: LogFormat, least: LogLevel) -> None:
    """Set up logging for this process."""
    level = _NUMBERS[least]
    is_console = form is LogFormat.CONSOLE or (form is LogFormat.AUTO and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
        if is_console
        else [structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with_traceback, *render],
        )
    )
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    threading.excepthook = _note_end


def _with_traceback(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Tell an exception as it may be told."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    elif error and not isinstance(error, BaseException):
        error = sys.exc_info()[1]
    if error:
        event["exception"] = traceback_of(error)
    return event


def _note_end(ended: threading.ExceptHookArgs) -> None:
    """Log what ended a thread: Python's own hook would tell its message."""
    name = ended.thread.name if ended.thread else ""
    logging.getLogger(__name__).error("a thread failed: %s", name, exc_info=ended.exc_value)
