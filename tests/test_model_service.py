"""ModelService: which models serve, and their cards; by both clients."""

import asyncio
import json
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import pytest

import likewise
from encoder_world import other_model
from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.model_folder import CARD_FILE
from likewise_engine.vote import DEFAULT_VOTE, load_vote
from likewise_indexer.cards import RECORD_FILE, markdown_of, write_card
from likewise_server.lifecycle import Server, open_tenants
from likewise_server.settings import Settings
from test_cards import record_of

MODELS = Path(str(files("likewise_engine") / "models"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Another encoder, with a card."""
    copy = tmp_path / "encoder"
    shutil.copytree(MODELS / DEFAULT_MODEL, copy)
    write_card(copy, record_of(fingerprint=read_manifest(copy).fingerprint, licence="GPL-3.0"))
    return copy


def test_what_serves_is_listed_by_its_fingerprints(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0")
    with Server(open_tenants(settings), settings) as server, likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="cafe"))
        encoder, vote = client.models.list()
        assert encoder.fingerprint == client.get_tenant("cafe").statistics.encoder_fingerprint
    assert encoder.fingerprint == load_encoder().fingerprint
    assert vote.fingerprint == load_vote().fingerprint
    assert (encoder.kind, encoder.name) == (likewise.ModelKind.MODEL_KIND_ENCODER, DEFAULT_MODEL)
    assert (vote.kind, vote.form) == (likewise.ModelKind.MODEL_KIND_VOTE, "trees")
    assert encoder.size_bytes > vote.size_bytes > 0


def test_a_card_is_had_by_either_fingerprint(folder: Path, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", model=folder)
    with (
        Server(open_tenants(settings), settings) as server,
        likewise.Client(server.address) as client,
    ):
        encoder, vote = client.models.list()
        assert encoder.licence == "GPL-3.0"
        shown = client.models.get(encoder.fingerprint)
        assert shown.model == encoder
        record = record_of(fingerprint=read_manifest(folder).fingerprint, licence="GPL-3.0")
        assert shown.markdown == markdown_of(record)
        assert json.loads(shown.record_json) == record.model_dump(mode="json")
        assert client.models.get(record.fingerprint) == shown
        assert client.models.get(vote.fingerprint).model == vote
        with pytest.raises(likewise.NotFound, match="serves here"):
            client.models.get("other@0123456789abcdef")
        for wrong in ("", "x" * 300):
            with pytest.raises(likewise.InvalidRequest, match="fingerprint"):
                client.models.get(wrong)


def test_a_model_without_a_card_serves_and_has_an_empty_one(folder: Path, tmp_path: Path) -> None:
    (folder / CARD_FILE).unlink()
    (folder / RECORD_FILE).unlink()
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", model=folder)
    with Server(open_tenants(settings), settings) as server, likewise.Client(server.address) as client:
        encoder, _ = client.models.list()
        shown = client.models.get(encoder.fingerprint)
        assert (shown.markdown, shown.record_json, encoder.licence) == ("", "", "")


def test_a_broken_folder_hides_no_other_model_and_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    write_card(folder, record_of(fingerprint="other@0123456789abcdef"))
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", model=folder)
    with Server(open_tenants(settings), settings) as server, likewise.Client(server.address) as client:
        encoder, vote = client.models.list()
        assert encoder.fingerprint == load_encoder(folder).fingerprint
        assert encoder.fault.startswith(f"{RECORD_FILE} is of other@0123456789abcdef")
        assert (encoder.licence, vote.fault, vote.name) == ("", "", DEFAULT_VOTE)
        with pytest.raises(likewise.PreconditionFailed, match=r"is of other@0123456789abcdef"):
            client.models.get(encoder.fingerprint)
        assert client.models.get(vote.fingerprint).model == vote
        (folder / RECORD_FILE).write_text("{", encoding="utf-8")
        assert "no card's record" in client.models.list()[0].fault
        assert str(tmp_path) not in client.models.list()[0].fault
        (folder / RECORD_FILE).unlink()
        assert client.models.list()[0].fault == ""  # looked at again while something is wrong


def test_a_model_whose_folder_is_gone_is_listed_as_it_was_loaded(tmp_path: Path) -> None:
    folder = other_model(tmp_path / "other")
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", model=folder)
    with Server(open_tenants(settings), settings) as server, likewise.Client(server.address) as client:
        fingerprint = load_encoder(folder).fingerprint
        shutil.rmtree(folder)
        encoder, vote = client.models.list()
        assert (encoder.kind, encoder.fingerprint) == (likewise.ModelKind.MODEL_KIND_ENCODER, fingerprint)
        assert "its folder holds it no more" in encoder.fault
        assert encoder.name == ""
        assert vote.fault == ""
        with pytest.raises(likewise.PreconditionFailed, match="cannot be shown"):
            client.models.get(fingerprint)


def test_what_serves_after_a_change_of_the_encoder_is_listed(tmp_path: Path) -> None:
    model = other_model(tmp_path / "shelf" / "other")
    (model / RECORD_FILE).unlink()  # it is the shipped model's
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", encoders=tmp_path / "shelf")
    tenants = open_tenants(settings)
    with Server(tenants, settings) as server, likewise.Client(server.address) as client:
        assert client.models.list()[0].name == DEFAULT_MODEL
        (fingerprint,) = (each for each in tenants.encoders.names() if each.startswith("other@"))
        other = tenants.encoders.of(fingerprint)
        assert other is not None
        tenants.encoders.wanted = other
        encoder, _ = client.models.list()
        assert (encoder.name, encoder.fingerprint) == ("other", fingerprint)
        assert client.models.get(fingerprint).model == encoder


def test_asyncio_has_the_same_models(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0")

    async def work() -> tuple[Sequence[likewise.Model], likewise.GetModelCardResponse]:
        async with likewise.AsyncClient(server.address) as other:
            models = await other.models.list()
            return models, await other.models.get(models[1].fingerprint)

    with Server(open_tenants(settings), settings) as server, likewise.Client(server.address) as client:
        models, shown = asyncio.run(work())
        assert list(models) == list(client.models.list())
        assert shown == client.models.get(models[1].fingerprint)
    assert [model.name for model in models] == [DEFAULT_MODEL, DEFAULT_VOTE]


def test_what_serves_from_no_folder_is_not_taken_for_what_is_shipped(
    server: Server, client: likewise.Client
) -> None:
    for model in client.models.list():
        assert model.fingerprint not in (load_encoder().fingerprint, load_vote().fingerprint)
        assert "its folder holds it no more" in model.fault
