"""Tokens and their file: what one looks like, what is kept, and that what is damaged lets nobody in."""

import json
import os
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from access_world import made, until
from likewise_engine import limits
from likewise_engine.errors import LimitReached, StoreCorrupt, StoreFault, Unauthenticated, Unavailable
from likewise_server.access.caller import Scope
from likewise_server.access.known_tokens import KnownTokens
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import Rate, TokenState, id_of, issued
from likewise_server.access.watch import Watch

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_token_can_be_told_from_what_only_looks_like_one() -> None:
    token, secret = issued(label="", tenant=None, scopes=frozenset(Scope))
    assert re.fullmatch(r"lw_[0-9a-z]{10}_[0-9A-Za-z]{49}", secret)
    check = 0
    for digit in secret[-6:]:
        check = 62 * check + BASE62.index(digit)
    assert check == zlib.crc32(secret[:-6].encode())
    assert id_of(secret) == token.id


def test_a_token_is_known_by_all_of_its_characters() -> None:
    token, secret = issued(label="", tenant=None, scopes=frozenset(Scope))
    assert token.is_that_of(secret)
    for position, character in enumerate(secret):
        other = "a" if character != "a" else "b"
        assert not token.is_that_of(secret[:position] + other + secret[position + 1 :])
    assert len({issued(label="", tenant=None, scopes=frozenset())[1] for _ in range(100)}) == 100


@given(st.text(max_size=80))
def test_what_has_no_tokens_shape_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_a_token_is_valid_until_it_ends_or_is_revoked() -> None:
    token, _ = issued(label="", tenant=None, scopes=frozenset(), expires=NOW)
    assert token.state(NOW - timedelta(seconds=1)) is TokenState.VALID
    assert token.state(NOW) is TokenState.EXPIRED


def test_tokens_are_kept_without_their_secrets(tmp_path: Path) -> None:
    first, first_secret = made(tmp_path, tenant="caf\u00e9", scopes={Scope.LEARN}, rate=Rate(0.5, 3))
    second, _ = made(tmp_path, expires=NOW)
    file = TokenFile(tmp_path)
    assert file.read() == [first, second]
    assert first_secret.split("_")[2] not in file.path.read_text()
    assert (file.path.stat().st_mode & 0o777, file.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [token.id for token in file.revoke(lambda token: token.tenant == "caf\u00e9")] == [first.id]
    assert file.revoke(lambda token: token.tenant == "caf\u00e9") == []
    assert [token.revoked is None for token in file.read() or ()] == [False, True]


def test_whoever_writes_at_once_undoes_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as writers:
        tokens = list(writers.map(lambda _: made(tmp_path)[0].id, range(24)))
    assert sorted(token.id for token in TokenFile(tmp_path).read() or ()) == sorted(tokens)


def test_nothing_was_ever_made_is_not_the_same_as_lost(tmp_path: Path) -> None:
    file = TokenFile(tmp_path)
    assert file.read() is None
    assert file.revoke(lambda _: True) == ()
    assert not file.path.parent.exists()
    made(tmp_path)
    file.path.unlink()
    with pytest.raises(StoreCorrupt, match="gone"):
        file.read()
    anew, _ = made(tmp_path)
    assert file.read() == [anew]


def test_any_byte_that_is_flipped_is_noticed(tmp_path: Path) -> None:
    token, _ = made(tmp_path, tenant="cafe")
    file = TokenFile(tmp_path)
    whole = file.path.read_bytes()
    for position in range(len(whole)):
        file.path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            read = file.read()
        except StoreCorrupt:
            continue
        assert read == [token], position  # white space
    file.path.write_bytes(whole[:-5])
    with pytest.raises(StoreCorrupt, match="damaged"):
        made(tmp_path)
    file.path.write_bytes(json.dumps({"format": 2}).encode())
    with pytest.raises(StoreCorrupt, match="later version"):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(StoreFault, match="could not read the tokens"):
        file.read()


def test_the_oldest_that_lets_nobody_in_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TOKENS_MAX", 3)
    ids = [made(tmp_path)[0].id for _ in range(3)]
    with pytest.raises(LimitReached, match="revoke"):
        made(tmp_path)
    TokenFile(tmp_path).revoke(lambda token: token.id == ids[1])
    ids = [ids[0], ids[2], made(tmp_path)[0].id]
    assert [token.id for token in TokenFile(tmp_path).read() or ()] == ids


def why(tokens: KnownTokens, secret: str) -> str:
    with pytest.raises(Unauthenticated) as refused:
        tokens.find(secret)
    return refused.value.message


def test_why_a_token_is_no_good_is_known_to_the_server(tmp_path: Path) -> None:
    tokens, file = KnownTokens(), TokenFile(tmp_path)
    tokens.read(file)
    tokens.check_readable()
    token, secret = made(tmp_path)
    _, ended = made(tmp_path, expires=NOW - timedelta(days=9_999))
    assert why(tokens, secret) == "unknown"
    tokens.read(file)
    assert tokens.are_required
    assert tokens.find(secret) == token
    assert why(tokens, secret[:-1]) == "malformed"
    assert why(tokens, secret[:-1] + ("a" if secret[-1] != "a" else "b")) == "wrong secret"
    assert why(tokens, ended) == "expired"
    file.revoke(lambda kept: kept.id == token.id)
    tokens.read(file)
    assert why(tokens, secret) == "revoked"


def test_while_the_tokens_cannot_be_read_nobody_is_let_in(tmp_path: Path) -> None:
    tokens, file = KnownTokens(), TokenFile(tmp_path)
    _, secret = made(tmp_path)
    tokens.read(file)
    whole = file.path.read_bytes()
    for spoil in (lambda: file.path.write_bytes(b"{}"), file.path.unlink):
        spoil()
        with capture_logs() as log:
            tokens.read(file)
        assert [line["log_level"] for line in log] == ["error"]
        with pytest.raises(Unavailable):
            tokens.find(secret)
        with pytest.raises(Unavailable):
            tokens.check_readable()
        file.path.write_bytes(whole)
        tokens.read(file)
        assert tokens.find(secret).tenant is None


def test_tokens_that_vanish_with_their_folder_are_missed(tmp_path: Path) -> None:
    tokens, file = KnownTokens(), TokenFile(tmp_path)
    made(tmp_path)
    tokens.read(file)
    for path in (*file.path.parent.iterdir(), file.path.parent):
        path.unlink() if path.is_file() else path.rmdir()
    tokens.read(file)
    assert tokens.are_required


def test_tokens_that_cannot_be_looked_at_let_nobody_in(tmp_path: Path) -> None:
    file, tokens, watch = TokenFile(tmp_path), KnownTokens(), Watch()
    watch.add([file.path], partial(tokens.read, file))
    tokens.check_readable()
    watch.start()
    try:
        (tmp_path / "access").symlink_to("access")  # leads nowhere, even for root, whom nothing is forbidden
        until(lambda: tokens.are_required)
        with pytest.raises(Unavailable):
            tokens.check_readable()
    finally:
        watch.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files of other owners")
def test_what_root_makes_is_the_data_folders_owners(tmp_path: Path) -> None:
    os.chown(tmp_path, 4_711, 4_712)
    made(tmp_path)
    for path in (tmp_path / "access", *(tmp_path / "access").iterdir()):
        assert (path.stat().st_uid, path.stat().st_gid) == (4_711, 4_712)
