"""The parts of what asks a language model, each by itself: where it is, what is masked, what may be spent."""

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from conftest import Serve
from likewise_engine.errors import PreconditionFailed
from likewise_server.language_model.breaker import Breaker
from likewise_server.language_model.budget import Allowance, Budget
from likewise_server.language_model.endpoint import Endpoint, endpoint_of
from likewise_server.language_model.redaction import redacted
from likewise_server.settings import Settings

# --- Where it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/chat/completions"),
        ("http://127.8.9.1:8080/v1/", "http://127.8.9.1:8080/v1/chat/completions"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1/chat/completions"),
        ("http://localhost:8080/v1", "http://127.0.0.1:8080/v1/chat/completions"),
        ("https://localhost/api", "https://127.0.0.1:443/api/chat/completions"),
    ],
)
def test_an_address_of_this_machine_is_taken(url: str, expected: str) -> None:
    found = endpoint_of(url, allow_remote=False)
    assert found.url == expected
    assert found.socket_path is None


def test_a_socket_file_is_taken() -> None:
    expected = Endpoint("http://localhost/v1/chat/completions", "localhost", "/run/model.sock")
    assert endpoint_of("unix:/run/model.sock", allow_remote=False) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.7:8080/v1",
        "http://0.0.0.0:8080/v1",
        "http://[2001:db8::1]/v1",
        "http://[::ffff:192.0.2.7]/v1",
    ],
)
def test_another_machine_is_refused_unless_that_is_said(url: str) -> None:
    with pytest.raises(PreconditionFailed):
        endpoint_of(url, allow_remote=False)


def test_a_name_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in a name says where it leads: what counts is every address that it has."""
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 8080))
    there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 8080))
    for found in ([there], [here, there]):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, found=found, **__: found)
        with pytest.raises(PreconditionFailed, match="another machine"):
            endpoint_of("http://localhost:8080/v1", allow_remote=False)
    allowed = endpoint_of("http://model.example:8080/v1", allow_remote=True)
    assert (allowed.url.partition("/v1")[0], allowed.host) == ("http://127.0.0.1:8080", "model.example")


@pytest.mark.parametrize(
    "url",
    ["", "model", "ftp://127.0.0.1/v1", "http:///v1", "http://127.0.0.1:99999/v1", "unix:model.sock"],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(PreconditionFailed):
        endpoint_of(url, allow_remote=True)


def test_a_password_in_the_url_is_refused() -> None:
    with pytest.raises(PreconditionFailed, match="--llm-key-file"):
        endpoint_of("http://me:secret@127.0.0.1:8080/v1", allow_remote=True)


def test_a_server_does_not_start_with_one_elsewhere(serve: Serve) -> None:
    with pytest.raises(PreconditionFailed, match="--llm-allow-remote"):
        serve(llm_url="http://192.0.2.7:8080/v1", llm_model="tiny")


def test_the_url_and_the_model_go_together() -> None:
    with pytest.raises(ValidationError, match="go together"):
        Settings(llm_url="http://127.0.0.1:8080/v1")


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff", b"k" * 5_000, "schlüssel".encode()])
def test_what_is_no_key_is_refused(content: bytes, serve: Serve, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(content)
    with pytest.raises(PreconditionFailed, match="--llm-key-file"):
        serve(llm_url="http://127.0.0.1:8080/v1", llm_model="tiny", llm_key_file=key)


# --- What is masked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wording", "sent"),
    [
        ("TESCO STORES 2231", "TESCO STORES <number>"),
        ("CARD 4000 1234 5678 9010 COSTA", "CARD <number> COSTA"),
        ("card **** 9010", "card **** <number>"),
        ("Rechnung 2026-07-14/881", "Rechnung <number>"),
        ("DE89 3704 0044 0532 0130 00 Miete", "<iban> Miete"),
        ("nl91abna0417164300", "<iban>"),
        ("BE68 5390 0754 7034 RENT", "<iban> RENT"),
        ("GB82WEST12345698765432", "<iban>"),
        ("mail to anna.muster+x@example.org now", "mail to <email> now"),
        ("Überweisung Frau Anna Müller Miete", "Überweisung Frau <name> Miete"),
        ("MR J SMITH", "MR <name>"),
        ("Studio 54, Flat 2", "Studio 54, Flat 2"),
        ("ab12 corner bakery", "ab12 corner bakery"),
        # What no rule can tell from the name of a shop is sent: the page on language models says so.
        ("Anna Müller Miete", "Anna Müller Miete"),
    ],
)
def test_numbers_accounts_and_addresses_are_masked(wording: str, sent: str) -> None:
    assert redacted(wording) == sent


# --- What may be spent, and when to try ----------------------------------------------------------


def test_calls_come_back_by_the_minute() -> None:
    budget = Budget(Allowance(2.0, 10_000, 10_000))
    for _ in range(2):
        assert budget.is_left("a", 1_000.0)
        budget.take("a", 1, 1_000.0)
    assert not budget.is_left("a", 1_000.0)
    assert not budget.is_left("a", 1_029.0)
    assert budget.is_left("a", 1_031.0)


def test_tokens_come_back_by_the_day_and_are_settled() -> None:
    budget = Budget(Allowance(1_000.0, 100, 60))
    budget.take("a", 60, 10.0)
    assert not budget.is_left("a", 11.0)
    assert budget.is_left("b", 11.0)
    budget.settle("a", -30)
    assert budget.is_left("a", 11.0)
    budget.take("b", 70, 12.0)
    assert not budget.is_left("a", 13.0)
    assert budget.is_left("a", 86_401.0)
    assert budget.spent() == 0


def test_a_breaker_opens_for_longer_and_longer_and_lets_one_try() -> None:
    breaker = Breaker()
    assert [breaker.fail(0.0) for _ in range(3)] == [False, False, True]
    assert breaker.is_open(4.9)
    assert not breaker.is_open(5.1)
    breaker.begin()
    assert breaker.is_open(5.2)  # one tries, nobody else
    assert breaker.fail(6.0)
    assert breaker.is_open(15.9)
    assert not breaker.is_open(16.1)
    breaker.begin()
    breaker.succeed()
    assert not breaker.is_open(16.2)
    assert not breaker.fail(17.0)
