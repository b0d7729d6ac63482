"""Fixtures of all tests: a running server on loopback with a data folder of its own, and clients of it."""

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from hypothesis import settings
from structlog.typing import EventDict

import likewise
from likewise_engine.encoder import HashingEncoder
from likewise_engine.tenants import Tenants
from likewise_engine.tracebacks import traceback_of
from likewise_server.cli.common import console, errors
from likewise_server.lifecycle import Server
from likewise_server.settings import ENVIRONMENT_PREFIX, Settings

LIKEWISE = [sys.executable, "-c", "from likewise_server.cli.app import app; app()"]
"""The command ``likewise``, whether or not it is on the path."""
BOOKS_VARIABLE = "LIKEWISE_BOOKS"
REPOSITORY = Path(__file__).parent.parent

CANARIES = ("Corner Bakery", "corner bakery", "CAFFE ROASTERS", "caffe roasters", "Private Clinic", "-84.20")
"""Of the books that many tests use: wordings, and an amount."""

Serve = Callable[..., Server]

# The same examples in each run, and no test fails because the machine was busy.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

# Each test's own COLUMNS holds: a console that is made while COLUMNS is set keeps that width for good.
for shown in (console, errors):
    shown._width = None


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests reaches them."""
    for name in os.environ:
        if name.startswith(ENVIRONMENT_PREFIX) and name != BOOKS_VARIABLE:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a command sets up for its process does not outlast the test that runs it within this one."""
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture(scope="session")
def books_in_log() -> list[str]:
    """What was logged of the tests' books so far, at any level."""
    return []


@pytest.fixture(scope="session", autouse=True)
def _no_books_in_log(books_in_log: list[str]) -> Iterator[None]:
    """Nothing logged in the whole run, at debug level, holds a wording of the books that tests use."""

    def read(told: str) -> None:
        if any(canary in told for canary in CANARIES):
            books_in_log.append(told)

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            error = record.exc_info[1] if record.exc_info else None
            read(f"{vars(record)} {record.getMessage()} {traceback_of(error) if error else ''}")

    def read_event(_logger: object, method: str, event: EventDict) -> EventDict:
        error = event.get("exc_info")
        known = {name: value for name, value in event.items() if name != "exc_info"}
        read(f"{known} {traceback_of(error) if isinstance(error, BaseException) else ''}")
        if method in ("debug", "info"):
            raise structlog.DropEvent
        return event

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        processors=[read_event, *structlog.get_config()["processors"]],
    )
    reader = Reader(logging.DEBUG)
    logging.getLogger().addHandler(reader)
    for name in ("likewise_engine", "likewise_indexer", "likewise_server"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    logging.getLogger().removeHandler(reader)
    assert books_in_log == []


@pytest.fixture(scope="session")
def real_books() -> Path:
    """The folder of real books, which are not shipped: where LIKEWISE_BOOKS says, or beside the project."""
    folder = Path(os.environ.get(BOOKS_VARIABLE, REPOSITORY / "../shared/books"))
    if not folder.is_dir():
        pytest.skip(f"there are no real books at {folder}: name their folder in {BOOKS_VARIABLE}")
    return folder


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """A place for the tenants of one test."""
    return tmp_path / "data"


@pytest.fixture
def serve(data_folder: Path) -> Iterator[Serve]:
    """Starts servers over the test's data folder, with any settings; they are stopped after the test.

    The encoder needs no model; another one can be given as ``encoder``.
    """
    with ExitStack() as servers:

        def start(encoder: Any = None, **settings: Any) -> Server:
            tenants = Tenants.open_folder(data_folder, encoder or HashingEncoder())
            wanted = {"data": data_folder, "listen": "127.0.0.1:0", "grace_s": 5, **settings}
            return servers.enter_context(Server(tenants, Settings(**wanted)))

        yield start


@pytest.fixture
def server(serve: Serve) -> Server:
    """A running server."""
    return serve()


@pytest.fixture
def client(server: Server) -> Iterator[likewise.Client]:
    """A client of the server."""
    with likewise.Client(server.address) as connected:
        yield connected


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    """A bare channel to the server, for what no well-behaved client does."""
    with grpc.insecure_channel(server.address) as bare:
        yield bare


@pytest.fixture
def cafe(client: likewise.Client) -> str:
    """A tenant that has been taught a little; its id."""
    client.create_tenant(likewise.Tenant(id="cafe", display_name="Café am Eck"))
    taught = [
        ("CAFFE ROASTERS LTD", "-84.20", "coffee"),
        ("CAFFE ROASTERS LTD", "-91.75", "coffee"),
        ("TESCO STORES 2231", "-12.40", "milk"),
        ("TESCO STORES 2231", "-9.80", "milk"),
        ("CITY ENERGY", "-210.00", "energy"),
    ]
    client.learn(
        "cafe",
        [
            likewise.labelled(
                likewise.transaction(id=f"c{n}", payee=payee, amount=amount, currency="GBP"), category
            )
            for n, (payee, amount, category) in enumerate(taught)
        ],
    )
    return "cafe"
