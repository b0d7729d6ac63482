"""Settings: flags over environment over defaults, each explained, none leaking a secret."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr, ValidationError

from likewise_server.cli.common import ADDRESS_DEFAULT, ServerOption
from likewise_server.settings import LISTEN_DEFAULT, LogFormat, Settings, unknown_variables


def test_a_given_value_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings().threads == 2
    monkeypatch.setenv("LIKEWISE_THREADS", "3")
    monkeypatch.setenv("LIKEWISE_LOG_FORMAT", "json")
    assert Settings().threads == 3
    assert Settings().log_format is LogFormat.JSON
    assert Settings(threads=5).threads == 5


def test_variables_that_are_no_settings_are_found_with_the_nearest_that_is() -> None:
    set_ = [f"LIKEWISE_{name.upper()}" for name in Settings.model_fields]
    assert unknown_variables([*set_, "likewise_threads", get_args(ServerOption)[1].envvar, "PATH"]) == {}
    assert unknown_variables(["LIKEWISE_TREADS", "likewise_memory_mb_max", "LIKEWISE_PORT_50151_TCP"]) == {
        "LIKEWISE_TREADS": "LIKEWISE_THREADS",
        "likewise_memory_mb_max": "LIKEWISE_MEMORY_MIB_MAX",
        "LIKEWISE_PORT_50151_TCP": "",
    }


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().threads = 2


def test_every_setting_says_what_it_does_and_what_changing_it_does() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.count(".") >= 1, name
        assert len(field.description) > 60, name


@pytest.mark.parametrize(
    "wrong",
    [
        {"threads": 0},
        {"queue_max": 0},
        {"grace_s": -1},
        {"grace_s": float("nan")},
        {"log_level": "loud"},
        {"moon": 1},
    ],
)
def test_a_wrong_setting_is_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as failure:
        Settings(**wrong)  # type: ignore[arg-type]
    assert [error["loc"][0] for error in failure.value.errors()] == list(wrong)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "localhost:1", "[::1]:50151", "unix:/run/likewise", "127.9.9.9:1"]
)
def test_addresses_of_this_machine_need_nothing_more(address: str) -> None:
    assert Settings(listen=address).listen == address


@pytest.mark.parametrize(
    "address", ["0.0.0.0:50151", "[::]:50151", "192.168.1.4:1", "books.example:1", ":50151", "*:1"]
)
def test_addresses_that_others_reach_need_to_be_meant(address: str) -> None:
    with pytest.raises(ValidationError, match="--insecure-listen"):
        Settings(listen=address)
    assert Settings(listen=address, insecure_listen=True).listen == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:99999",
        "127.0.0.1:-1",
        "127.0.0.1:http",
        "::1:50151",
        "unix:",
    ],
)
def test_what_is_no_address_is_refused_as_such(address: str) -> None:
    with pytest.raises(ValidationError, match="neither HOST:PORT"):
        Settings(listen=address, insecure_listen=True)


def test_what_is_secret_is_logged_as_asterisks() -> None:
    class WithSecret(Settings):
        token: SecretStr = SecretStr("hunter2")

    logged = WithSecret(data=Path("books")).for_log()
    assert logged["token"] == "**********"  # noqa: S105
    assert logged["data"] == "books"
    assert "hunter2" not in str(logged)


LOG_A_FAULT = """
import logging, structlog
from likewise_server import logs
from likewise_server.settings import LogFormat, LogLevel
logs.configure(LogFormat({form!r}), LogLevel.INFO)
payee_of_somebody = "confidential"
log = structlog.stdlib.get_logger()
log.debug("unseen")
logging.getLogger("a.library").warning("from a %s", "library")
try:
    [][len(payee_of_somebody)]
except IndexError as error:
    log.error("call failed", incident="abc", exc_info=error)
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_log_lines_hold_tracebacks_but_no_values_of_the_books(form: str) -> None:
    script = LOG_A_FAULT.format(form=form)
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stdout == ""
    assert "IndexError" in run.stderr
    assert "from a library" in run.stderr
    assert "abc" in run.stderr
    assert "unseen" not in run.stderr
    assert "confidential" not in run.stderr


def test_commands_look_for_the_server_where_it_serves_by_default() -> None:
    assert ADDRESS_DEFAULT == LISTEN_DEFAULT
