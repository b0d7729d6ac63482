"""Tokens from the command line, beside a running server; and what commands show to one."""

import subprocess
from pathlib import Path
from time import sleep

import grpc
import pytest
from typer.testing import CliRunner, Result

from access_world import Authority, bearing, ended, made, secret_of, until
from conftest import LIKEWISE, Serve
from likewise_engine.audit import Action
from likewise_engine.audit_file import AuditFile
from likewise_engine.keys import MasterKeys
from likewise_engine.tenant_keys import TenantKeys
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import Rate, id_of
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

LIST = "/likewise.v1.TenantService/ListTenants"
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
RUNNER = CliRunner(env={"COLUMNS": "200"})


def run(*arguments: str | Path, **environment: str) -> Result:
    """The outcome of a command, with nobody to be asked."""
    return RUNNER.invoke(app, [str(argument) for argument in arguments], env=environment)


def test_the_life_of_a_token_beside_a_running_server(server: Server, data_folder: Path) -> None:
    created = run(
        "token", "create", "--tenant", "cafe", "-s", "classify", "-s", "learn", "--label", "the books app",
        "--expires-days", "30", "--calls-per-s", "50", "--burst", "7", "--data", data_folder,
    )  # fmt: skip
    assert created.exit_code == 0, created.output
    secret = created.stdout.strip()
    token_id = id_of(secret)
    assert token_id is not None
    assert f"token {token_id} (the books app) of {data_folder}." in created.stderr
    (kept,) = TokenFile(data_folder).read() or ()
    assert (kept.id, kept.tenant, sorted(kept.scopes)) == (token_id, "cafe", ["classify", "learn"])
    assert kept.rate == Rate(50, 7)
    with grpc.insecure_channel(server.address) as channel:
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.OK)
        assert ended(channel, LIST).code is UNAUTHENTICATED
        listed = run("token", "list", "--data", data_folder).stdout
        assert (token_id in listed, "valid" in listed, secret[15:] in listed) == (True, True, False)
        assert run("token", "revoke", token_id, "--data", data_folder).exit_code == 2  # nobody to be asked
        revoked = run("token", "revoke", token_id, "--data", data_folder, "--yes")
        assert revoked.exit_code == 0, revoked.output
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is UNAUTHENTICATED)
    assert "revoked" in run("token", "list", "--data", data_folder).stdout
    trail = AuditFile(data_folder, TenantKeys(data_folder, MasterKeys())).records(count_max=9)
    assert [(record.action, record.actor, record.tenant, record.subject) for record in trail] == [
        (Action.REVOKE_TOKEN, "local", "cafe", token_id),
        (Action.CREATE_TOKEN, "local", "cafe", token_id),
    ]


def test_all_tokens_of_a_tenant_are_revoked_at_once(data_folder: Path) -> None:
    of_cafe = {made(data_folder, tenant="cafe")[0].id for _ in range(2)}
    rest = {made(data_folder)[0].id, made(data_folder, tenant="bank")[0].id}
    assert (
        "Revoked 2 tokens." in run("token", "revoke", "--tenant", "cafe", "-y", "--data", data_folder).stdout
    )
    tokens = TokenFile(data_folder).read() or ()
    assert {token.id for token in tokens if token.revoked} == of_cafe
    assert {token.id for token in tokens if not token.revoked} == rest
    assert "no such tokens" in run("token", "revoke", "--tenant", "moon", "--data", data_folder).stdout


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["create", "-s", "learn"], 2, "say whose it is"),
        (["create", "-s", "learn", "--tenant", "a", "--any-tenant"], 2, "say whose it is"),
        (["create", "-s", "learn", "--tenant", " a"], 1, "begins or ends with a space"),
        (["create", "-s", "learn", "--any-tenant", "--label", "x" * 101], 1, "100 characters"),
        (["create", "-s", "learn", "--any-tenant", "--label", "a\nb"], 1, "printable"),
        (["create", "-s", "moon", "--any-tenant"], 2, "moon"),
        (["create", "--any-tenant"], 2, "--scope"),
        (["revoke"], 2, "name the tokens"),
        (["revoke", "moon"], 1, "no token 'moon'"),
        (["list"], 0, ""),
    ],
)
def test_what_is_wrong_is_told_and_makes_nothing(
    data_folder: Path, arguments: list[str], status: int, told: str
) -> None:
    outcome = run("token", *arguments, "--data", data_folder)
    assert (outcome.exit_code, told in outcome.output) == (status, True), outcome.output
    assert not data_folder.exists()


def test_damaged_tokens_are_told_by_name(data_folder: Path) -> None:
    secret_of(data_folder)
    TokenFile(data_folder).path.write_text("{}")
    for arguments in (["list"], ["create", "-s", "learn", "--any-tenant"], ["revoke", "--tenant", "a", "-y"]):
        outcome = run("token", *arguments, "--data", data_folder)
        assert (outcome.exit_code, "tokens.json is damaged" in outcome.output) == (1, True)


def test_commands_show_a_token_however_it_is_given(data_folder: Path, tmp_path: Path, serve: Serve) -> None:
    secret = secret_of(data_folder)
    file = tmp_path / "token"
    file.write_text(f"{secret}\n")
    address = serve().address
    asked = ["tenants", "list", "--server", address]
    refused = run(*asked)
    assert (refused.exit_code, "--token-file" in refused.output) == (1, True)
    for outcome in (
        run(*asked, "--token", secret),
        run(*asked, "--token-file", file),
        run(*asked, LIKEWISE_TOKEN=secret),
        run(*asked, LIKEWISE_TOKEN_FILE=str(file)),
    ):
        assert outcome.exit_code == 0, outcome.output
    assert run(*asked, "--token", secret, "--token-file", file).exit_code == 2
    assert run(*asked, "--token-file", tmp_path / "nowhere").exit_code == 1
    assert run(*asked).exit_code == 1  # nothing is left of the commands before


def test_commands_speak_tls_and_show_certificates(data_folder: Path, tmp_path: Path, serve: Serve) -> None:
    ours = Authority("ours")
    certificate, key = ours.issue("localhost").written(tmp_path, "server")
    ca = ours.written(tmp_path)
    address = serve(tls_certificate=certificate, tls_key=key, tls_client_ca=ca).address
    own, own_key = ours.issue("books").written(tmp_path, "client")
    asked = ["tenants", "list", "--server", address]
    shown = run(*asked, "--tls-ca", ca, "--tls-certificate", own, "--tls-key", own_key)
    assert shown.exit_code == 0, shown.output
    without = run(*asked, "--tls-ca", ca)
    assert (without.exit_code, "By TLS it failed with" in without.output) == (1, True)
    assert run(*asked, "--tls-certificate", own).exit_code == 2
    assert run(*asked, "--tls-ca", tmp_path / "nowhere").exit_code == 1


def test_every_command_that_calls_a_server_can_show_both() -> None:
    for command in ("tenants show", "chart rename", "classify", "index", "tenants delete"):
        shown = run(*command.split(), "--help").stdout
        assert "--server" in shown
        assert [name in shown for name in ("--token-file", "--tls-ca", "--tls-key")] == [True] * 3
    assert "--token-file" not in run("token", "list", "--help").stdout


def serving(*flags: str | Path) -> subprocess.Popen[str]:
    command = [*LIKEWISE, "serve", *map(str, flags)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_what_other_machines_reach_is_not_served_to_everybody(data_folder: Path, tmp_path: Path) -> None:
    certificate, key = Authority("ours").issue("localhost").written(tmp_path, "server")
    tls: list[str | Path] = ["--tls-certificate", certificate, "--tls-key", key]
    there: list[str | Path] = ["--data", data_folder, "--listen", "0.0.0.0:0"]
    for flags, status, told in (
        (there, 2, "in plain text"),
        ([*there, *tls], 1, "nobody would be asked who calls"),
        ([*there, *tls, "--workers", "2"], 1, "nobody would be asked who calls"),
        ([*there, "--tls-certificate", certificate], 2, "go together"),
        ([*there[:2], *tls[:2], "--tls-key", certificate], 1, "holds no private key"),
    ):
        with serving(*flags) as refused:
            _, log = refused.communicate(timeout=60)
            assert (refused.returncode, told in " ".join(log.split())) == (status, True), log


def test_workers_follow_tokens_and_certificates_and_keep_them_together(
    data_folder: Path, tmp_path: Path
) -> None:
    ours = Authority("ours")
    certificate, key = ours.issue("localhost").written(tmp_path, "server")
    token, secret = made(data_folder)
    tls: list[str | Path] = ["--tls-certificate", certificate, "--tls-key", key]
    with serving("--data", data_folder, "--workers", "2", "--listen", "0.0.0.0:0", *tls) as running:
        try:
            assert running.stdout is not None
            address = f"localhost:{running.stdout.readline().split()[-1].rpartition(':')[2]}"

            def is_let_in() -> bool:
                """Over a connection of its own, and so by any of the workers."""
                credentials = grpc.ssl_channel_credentials(ours.pem)
                options = [("grpc.use_local_subchannel_pool", 1)]
                with grpc.secure_channel(address, credentials, options) as channel:
                    return ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.OK

            assert [is_let_in() for _ in range(8)] == [True] * 8
            TokenFile(data_folder).revoke(lambda kept: kept.id == token.id)
            sleep(1)  # as long as it may take, at most
            assert [is_let_in() for _ in range(8)] == [False] * 8
        finally:
            running.terminate()
            running.communicate(timeout=60)
