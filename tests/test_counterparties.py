"""Counterparties' identifiers: checked, found in wordings, matched exactly, kept as payees are."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import likewise
from engine_world import ENCODER, ask, bytes_on_disk, labelled, open_ledger
from likewise_engine.answers import Classification, Witness
from likewise_engine.counterparty import identifiers_in, party_of, payee_of
from likewise_engine.encoder import HashingEncoder
from likewise_engine.evidence import surroundings
from likewise_engine.ledger.counterparties import Counterparties
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from likewise_engine.wording.identifiers import KIND_OF_FIELD, NUMBER_CHARS_MAX, identifiers_of
from likewise_indexer.portable import archived, read_archive
from likewise_indexer.readers import ColumnWishes, recognise

NORTHWIND = "DE89370400440532013000"
HARBOUR = "NL91ABNA0417164300"
UNKNOWN_TO_ALL = "GB33BUKB20201555555555"


def fields(**identifiers: str) -> dict[str, str]:
    """Fields by the kinds of their identifiers."""
    names = {kind.value: name for name, kind in KIND_OF_FIELD.items()}
    return {names[kind]: number for kind, number in identifiers.items()}


@pytest.mark.parametrize(
    ("given_fields", "expected"),
    [
        (fields(iban="DE89 3704 0044 0532 0130 00"), ["iban:DE89370400440532013000"]),
        (fields(iban="de89370400440532013000"), ["iban:DE89370400440532013000"]),
        (fields(iban="DE88370400440532013000"), []),
        (fields(iban="1234567"), []),
        (fields(vat="GB 980 7806 84"), ["vat:GB980780684"]),
        (fields(vat="ATU13585627"), ["vat:ATU13585627"]),
        (fields(vat="EL094259216"), ["vat:EL094259216"]),
        (fields(vat="CHE-100.155.212 MWST"), ["vat:CHE100155212"]),
        (fields(vat="CHE-100.155.212 TVA"), ["vat:CHE100155212"]),
        (fields(vat="GB980780685"), []),
        (fields(vat="980780684"), []),
        (fields(vat="!?"), []),
        (fields(creditor="DE98 ZZZ 0999 9999 999"), ["creditor:DE98ZZZ09999999999"]),
        (fields(creditor="DE97ZZZ09999999999"), []),
        (fields(iban=NORTHWIND, vat="ATU13585627"), [f"iban:{NORTHWIND}", "vat:ATU13585627"]),
        ({"iban": NORTHWIND, "note": "GB980780684"}, []),
        (fields(iban="9" * (NUMBER_CHARS_MAX + 1)), []),
    ],
)
def test_what_is_given_is_checked_and_written_in_one_way(
    given_fields: dict[str, str], expected: list[str]
) -> None:
    assert list(identifiers_of(Transaction(payee="Shop", fields=given_fields))) == expected


@pytest.mark.parametrize(
    ("wording", "expected"),
    [
        ("Naam: Shop IBAN: NL91ABNA0417164300 Kenmerk: 1", ["iban:NL91ABNA0417164300"]),
        ("IBAN NL91 ABNA 0417 1643 00 HUUR MEI 2026", ["iban:NL91ABNA0417164300"]),
        ("?31DE89370400440532013000?32Shop", ["iban:DE89370400440532013000"]),
        ("EREF+1 CRED+DE98ZZZ09999999999 SVWZ+x", ["creditor:DE98ZZZ09999999999"]),
        ("PRLV SEPA EDF ID EMETTEUR/FR47EDF001007 MDT/1", ["creditor:FR47EDF001007"]),
        ("FR47EDF001007", []),
        ("NL90ABNA0417164300", []),
        ("travelodge gb0000", []),
        ("GB0000 CARD AB12345678901234567890", []),
        ("XNL91ABNA0417164300", []),
        ("NL91ABNA04171643001", []),
    ],
)
def test_what_a_wording_prints_is_found(wording: str, expected: list[str]) -> None:
    assert list(identifiers_of(Transaction(description=wording))) == expected
    assert list(identifiers_of(Transaction(payee=wording))) == expected


def test_the_tenants_own_account_identifies_nobody() -> None:
    wording = f"From {HARBOUR} to {NORTHWIND}"
    transaction = Transaction(description=wording, account="NL91 ABNA 0417 1643 00")
    assert identifiers_of(transaction) == (f"iban:{NORTHWIND}",)


@given(st.text(max_size=80), st.text(max_size=80))
def test_nothing_makes_identifiers_raise(wording: str, number: str) -> None:
    given_fields = dict.fromkeys(KIND_OF_FIELD, number)
    identifiers_of(Transaction(payee=wording, description=f"CRED+{number}", fields=given_fields))


@pytest.mark.parametrize("pattern", ["DE89", "DE89 ", "DE89ZZZ", "DE", "A1", "NL91ABNA0417164300 "])
def test_hostile_wordings_pass(pattern: str) -> None:
    identifiers_of(Transaction(description=(pattern * 30_000)[:20_480]))


def test_a_party_is_a_payee_with_identifiers() -> None:
    party = party_of("northwind", ("iban:A", "vat:B"))
    assert (payee_of(party), identifiers_in(party)) == ("northwind", ("iban:A", "vat:B"))
    assert party_of("northwind", ()) == payee_of("northwind") == "northwind"
    assert payee_of(party_of("#", ("iban:A",))) == ""


def test_identifiers_tell_parties_apart_by_kind() -> None:
    known = Counterparties()
    assert not known
    for number, identifiers in enumerate([("iban:A",), ("iban:B",), ("vat:C",), ("iban:A", "vat:D")]):
        known.add(number, party_of("j smith", identifiers))
    assert known.identified_by(["iban:A"]) == [0, 3]
    assert known.worded_as("j smith") == [0, 1, 2, 3]
    assert known.told_apart("j smith", ("iban:A",)) == [0, 1, 3]
    assert known.told_apart("j smith", ("vat:C",)) == [2, 3]


def taught(ledger: Ledger, *parties: tuple[str, str, str]) -> None:
    """Ten entries of each (payee, IBAN, category), in turn."""
    ledger.learn([
        labelled(f"{number}-{position}", payee, category, fields=fields(iban=iban) if iban else {})
        for number in range(10)
        for position, (payee, iban, category) in enumerate(parties)
    ])  # fmt: skip


def first_of(answer: Classification) -> tuple[str, Witness]:
    return answer.answers[0].candidates[0].category, answer.answers[0].witness


def test_the_same_identifier_is_the_same_payee_however_it_is_worded(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", NORTHWIND, "goods"), ("Harbour Cafe", HARBOUR, "meals"))
        asked = "Zzz Handelsgesellschaft"
        assert first_of(ask(ledger, asked, fields=fields(iban=NORTHWIND))) == (
            "goods",
            Witness.SAME_COUNTERPARTY,
        )
        assert first_of(ask(ledger, asked, fields=fields(iban=HARBOUR))) == (
            "meals",
            Witness.SAME_COUNTERPARTY,
        )
        printed = ask(ledger, asked, description=f"IBAN: {HARBOUR}")
        assert first_of(printed) == ("meals", Witness.SAME_COUNTERPARTY)
        assert ask(ledger, asked).answers[0].witness is not Witness.SAME_COUNTERPARTY


def test_payees_of_one_wording_are_told_apart_by_their_identifiers(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("J Smith", NORTHWIND, "rent"), ("J Smith", HARBOUR, "wages"))
        for iban, category in ((NORTHWIND, "rent"), (HARBOUR, "wages")):
            answer = ask(ledger, "J Smith", fields=fields(iban=iban))
            assert answer.answers[0].candidates[0].category == category
            assert answer.answers[0].candidates[0].probability > 0.8
            assert answer.answers[0].witness is Witness.SAME_TEXT
        [either] = ask(ledger, "J Smith").answers
        assert either.candidates[0].probability < 0.6


def test_an_identifier_that_is_not_known_leaves_it_to_the_wording(tmp_path: Path) -> None:
    """A supplier that changes banks is still the same."""
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", NORTHWIND, "goods"), ("Harbour Cafe", "", "meals"))
        plain = ask(ledger, "Northwind Traders")
        changed = ask(ledger, "Northwind Traders", fields=fields(iban=UNKNOWN_TO_ALL))
        assert plain.answers == changed.answers
        assert plain.answers[0].candidates[0].category == "goods"
        cafe = ask(ledger, "Harbour Cafe", fields=fields(iban=UNKNOWN_TO_ALL))
        assert first_of(cafe) == ("meals", Witness.SAME_TEXT)


def test_a_tenant_without_identifiers_walks_the_road_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", "", "goods"))
        assert not ledger.view.counterparties
        monkeypatch.delattr(surroundings, "_identified")
        assert first_of(ask(ledger, "Northwind", fields=fields(iban=NORTHWIND)))[0] == "goods"


def test_identifiers_outlive_a_restart_and_another_encoder(tmp_path: Path) -> None:
    expected = "goods", Witness.SAME_COUNTERPARTY
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", NORTHWIND, "goods"))
    with open_ledger(tmp_path) as ledger:
        assert first_of(ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))) == expected
    with open_ledger(tmp_path, HashingEncoder(32)) as ledger:
        assert first_of(ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))) == expected


def test_a_forgotten_identifier_is_in_no_file_and_matches_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", NORTHWIND, "goods"), ("Harbour Cafe", HARBOUR, "meals"))
        assert NORTHWIND.encode() in bytes_on_disk(tmp_path)
        ledger.forget([f"{number}-0" for number in range(10)])
        content = bytes_on_disk(tmp_path)
        assert NORTHWIND.encode() not in content
        assert HARBOUR.encode() in content
        again = ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))
        assert again.answers[0].witness is not Witness.SAME_COUNTERPARTY


def test_an_entry_that_is_corrected_counts_for_its_new_identifier(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", "Northwind", "goods", fields=fields(iban=NORTHWIND))])
        ledger.learn([labelled("a", "Northwind", "goods", fields=fields(iban=HARBOUR))])
        assert first_of(ask(ledger, "Zzz", fields=fields(iban=HARBOUR)))[1] is Witness.SAME_COUNTERPARTY
        old = ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))
        assert old.answers[0].witness is not Witness.SAME_COUNTERPARTY


def test_identifiers_are_carried_elsewhere(tmp_path: Path) -> None:
    with (
        Tenants.open_folder(tmp_path / "here", ENCODER) as here,
        Tenants.open_folder(tmp_path / "there", ENCODER) as there,
    ):
        here.create("acme")
        with here.use("acme") as ledger:
            taught(ledger, ("Northwind Traders", NORTHWIND, "goods"))
            with ledger.store.everything(7) as everything:
                archive = b"".join(archived(everything))
        with read_archive(io.BytesIO(archive), "acme") as arriving:
            there.admit(arriving)
        with there.use("acme") as ledger:
            answer = ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))
    assert first_of(answer) == ("goods", Witness.SAME_COUNTERPARTY)


def test_texts_that_an_identifier_brings_are_shown_with_their_own_similarity(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, ("Northwind Traders", NORTHWIND, "goods"))
        answer = ask(ledger, "Zzz", fields=fields(iban=NORTHWIND))
        vectors = ENCODER.encode(["zzz", "northwind traders"])
        cosine = float(np.dot(*vectors.astype(np.float16).astype(np.float32)))
        assert answer.neighbours[0].similarity == pytest.approx(cosine, abs=1e-3)


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Kontonummer/IBAN", "counterparty_iban"),
        ("Tegenrekening", "counterparty_iban"),
        ("Supplier VAT Registration Number", "counterparty_vat"),
        ("Gläubiger-ID", "counterparty_creditor_id"),
    ],
)
def test_columns_of_identifiers_are_recognised(header: str, field: str) -> None:
    plan = recognise(
        ["Date", "Payee", "Amount", "Category", header], ColumnWishes(), labelled=True, tenants=False
    )
    assert plan.column_of_field == {field: header}
    assert plan.unused == ()


def test_a_column_called_iban_is_nobodys_until_it_is_mapped() -> None:
    names = ["Date", "Payee", "Amount", "Category", "IBAN"]
    assert recognise(names, ColumnWishes(), labelled=True, tenants=False).unused == ("IBAN",)
    wishes = ColumnWishes(columns={"counterparty_iban": ("IBAN",)})
    plan = recognise(names, wishes, labelled=True, tenants=False)
    assert plan.column_of_field == {"counterparty_iban": "IBAN"}


def test_over_grpc(client: likewise.Client, cafe: str) -> None:
    given_fields = fields(iban=NORTHWIND)
    taught_before = likewise.transaction(id="n1", payee="Northwind Traders", fields=given_fields)
    client.learn(cafe, [likewise.labelled(taught_before, "goods")])
    [answer] = client.classify(cafe, likewise.transaction(payee="Zzz", fields=given_fields)).answers
    assert answer.candidates[0].category == "goods"
    assert answer.witness == likewise.Witness.WITNESS_SAME_COUNTERPARTY
