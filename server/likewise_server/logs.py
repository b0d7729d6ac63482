"""Where log lines go: to standard error, as JSON or readable, those of libraries among them.

Tracebacks go without the values of local variables, which structlog shows by default: they hold what is in
the books.
"""

import logging
import os
import sys
from typing import Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from likewise_server.settings import LogFormat, LogLevel, Settings, unknown_variables

_NUMBERS: Final = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}

_TALKATIVE: Final = ("grpc._cython.cygrpc", "grpc._common")
"""They log what they cannot decode, metadata in full, tokens among them, a traceback for each: damaged calls
would fill the disk. Their callers are told."""


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
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
        if is_console
        else [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
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
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
