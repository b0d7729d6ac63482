"""Nothing of the books is logged, and no secret: a server's whole output is read, at its most talkative."""

import logging
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog

import likewise
from conftest import LIKEWISE
from likewise_engine.errors import StoreFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.tracebacks import traceback_of

MARK = "Kryptonym"
"""In every secret: so one search finds all."""
AMOUNT = "-7654321.89"


def secret(name: str) -> str:
    return f"{MARK}-{name}"


def marked(transaction_id: str = "", **fields: Any) -> likewise.Transaction:
    """A transaction of which everything is secret."""
    return likewise.transaction(
        id=transaction_id or secret("id"),
        payee=secret("payee"),
        description=secret("description"),
        account=secret("account"),
        amount=AMOUNT,
        currency="EUR",
        fields={secret("field"): secret("value")},
        **fields,
    )


@contextmanager
def running(data: Path, log: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server that logs all it can to a file; its address, and its process."""
    command = [*LIKEWISE, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--log-level", "debug"]
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            env={**os.environ, "GRPC_VERBOSITY": "info"},
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.search(r"\d+\.\d+\.\d+\.\d+:\d+", line)
            assert address, log.read_text()
            yield address.group(), process
        finally:
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
            file.flush()
            with log.open("a") as appended:
                appended.write(line + rest)


def use(client: likewise.Client) -> None:
    """The main paths."""
    chart = [likewise.Category(id=secret("category"), name=secret("name"), description=secret("what"))]
    client.create_tenant(likewise.Tenant(id="cafe", display_name=secret("display"), chart=chart))
    rows = [
        likewise.labelled(marked(f"{secret('id')}{n}"), secret("category"), predicted={"category": "x"})
        for n in range(70)
    ]
    client.learn("cafe", rows, request_id=secret("request"))
    client.import_transactions("cafe", [*rows, likewise.labelled(marked("bad"), "")])
    client.classify("cafe", marked())
    list(client.classify_many("cafe", [marked(), likewise.Transaction(id=secret("empty"))]))
    list(client.export_transactions("cafe"))
    client.rename_category("cafe", secret("category"), new_id=secret("renamed"))
    client.forget_transactions("cafe", [f"{secret('id')}1"])
    client.purge_category("cafe", secret("renamed"))


def misuse(client: likewise.Client, address: str) -> None:
    """The ways to fail."""
    row = likewise.labelled(marked(), secret("label"))
    failing = (
        lambda: client.learn("cafe", [row, row], request_id=secret("r")),
        lambda: client.learn("cafe", [likewise.labelled(marked(currency_="no"), "x")]),
        lambda: client.learn("cafe", [row], request_id=secret("x" * 200)),
        lambda: client.classify("cafe", likewise.Transaction(payee="\n", id=secret("id"))),
        lambda: client.get_transaction("cafe", secret("nowhere")),
        lambda: client.merge_categories("cafe", [secret("a")], secret("b")),
        lambda: client.purge_category("cafe", secret("never")),
        lambda: client.classify("no-such-tenant", marked()),
    )
    for fails in failing:
        with pytest.raises((likewise.Error, TypeError)):
            fails()
    for _ in range(20):
        with suppress(likewise.DeadlineExceeded):  # some are in time all the same
            client.classify("cafe", marked(), deadline_ms=0.01)
    with grpc.insecure_channel(address) as channel:
        for method in ("LedgerService/Learn", "ClassifierService/Classify", "TenantService/CreateTenant"):
            call: Any = channel.unary_unary(f"/likewise.v1.{method}")
            for damaged in (secret("garbage").encode(), b"\n\xff" + secret("garbage").encode()):
                with pytest.raises(grpc.RpcError):
                    call(damaged, timeout=10, metadata=(("authorization", f"Bearer {secret('token')}"),))


def overload(client: likewise.Client) -> None:
    def ask() -> None:
        for _ in range(20):
            try:
                client.classify("busy", marked())
            except likewise.Error:
                continue

    client.create_tenant(likewise.Tenant(id="busy"))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_server_logs_nothing_of_the_books_and_no_secret(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "log"
    with running(data, log) as (address, _), likewise.Client(address, deadline_ms=20_000) as client:
        use(client)
        misuse(client, address)
        overload(client)
    # A store that is damaged, and tokens.
    made = subprocess.run(
        [*LIKEWISE, "token", "create", "-s", "classify", "--any-tenant", "--data", str(data)],
        capture_output=True,
        text=True,
        check=True,
    )
    token = made.stdout.strip()
    (store,) = (path for path in data.rglob(STORE_NAME) if "cafe" in str(path))
    store.write_bytes(b"\0" * 100 + secret("page").encode() + store.read_bytes()[200:])
    with (
        running(data, tmp_path / "second") as (address, _),
        likewise.Client(address, token=token) as client,
        likewise.Client(address, token=secret("token")) as stranger,
    ):
        for asking in (client, stranger):
            with pytest.raises(likewise.Error):
                asking.classify("cafe", marked())
    logged = log.read_text() + (tmp_path / "second").read_text()
    assert '"call"' in logged, "it was as talkative as it can be"
    assert "call failed" in logged
    assert "call refused" in logged
    lines = logged.splitlines()
    assert [line for line in lines if MARK.lower() in line.lower()] == []
    assert [line for line in lines if token in line] == []
    units = AMOUNT.lstrip("-").partition(".")[0]
    assert [line for line in lines if units in line] == []


def test_a_traceback_tells_where_and_not_what() -> None:
    def read(text: str) -> int:
        return int(text)

    try:
        try:
            read(secret("amount"))
        except ValueError as error:
            raise StoreFault("the store failed (read): disk I/O error") from error
    except StoreFault as error:
        told = traceback_of(error)
    assert MARK not in told
    assert "builtins.ValueError: (message withheld" in told
    assert "likewise_engine.errors.StoreFault: the store failed (read): disk I/O error" in told
    assert "in read" in told


def test_what_a_test_must_not_log_is_found(books_in_log: list[str]) -> None:
    """The guard over the whole suite, see conftest.py, reads what is logged at any level."""
    logging.getLogger("likewise_engine.some").debug("a payee: %s", "Corner Bakery")
    structlog.stdlib.get_logger("likewise_server.other").debug("seen", payee="CAFFE ROASTERS LTD")
    found, books_in_log[:] = books_in_log[:], []
    assert ["Corner" in found[0], "CAFFE" in found[1], len(found)] == [True, True, 2]
