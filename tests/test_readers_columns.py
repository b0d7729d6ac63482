"""Columns are recognised by the names that banks and ledgers give them, or mapped, or asked about."""

from collections.abc import Sequence
from typing import Any

import pytest

from likewise_indexer.readers import ColumnPlan, ColumnsUnclear, ColumnWishes, recognise


def plan_of(
    header: str | Sequence[str], *, labelled: bool = True, tenants: bool = False, **wishes: Any
) -> ColumnPlan:
    """The plan for a header, given as a list or with its names parted by ``|``."""
    names = header.split("|") if isinstance(header, str) else header
    return recognise(names, ColumnWishes(**wishes), labelled=labelled, tenants=tenants)


@pytest.mark.parametrize(
    ("header", "columns", "descriptions"),
    [
        (
            "Date|Payee|Description|Amount|Currency|Category",
            {"date": "Date", "payee": "Payee", "amount": "Amount", "currency": "Currency"},
            ("Description",),
        ),
        (
            "TRANSACTION_DATE|merchant name|Memo|Value (GBP)|category",
            {"date": "TRANSACTION_DATE", "payee": "merchant name", "amount": "Value (GBP)"},
            ("Memo",),
        ),
        (
            "Buchungstag|Valutadatum|Auftraggeber/Empfänger|Verwendungszweck|Betrag|Währung|Kategorie",
            {
                "date": "Buchungstag",
                "payee": "Auftraggeber/Empfänger",
                "amount": "Betrag",
                "currency": "Währung",
            },
            ("Verwendungszweck",),
        ),
        (
            "Date|Libellé|Débit|Crédit|Solde|Catégorie",
            {"date": "Date", "debit": "Débit", "credit": "Crédit"},
            ("Libellé",),
        ),
        (
            "Fecha operación|Concepto|Importe|Divisa|Categoría",
            {"date": "Fecha operación", "amount": "Importe", "currency": "Divisa"},
            ("Concepto",),
        ),
        (
            "Account|Posted|Narrative|Paid out (£)|Paid in (£)|Balance|Nominal code",
            {"account": "Account", "date": "Posted", "debit": "Paid out (£)", "credit": "Paid in (£)"},
            ("Narrative",),
        ),
        (
            "Datum|Naam tegenpartij|Af Bij|Bedrag (EUR)|Mededelingen|Categorie",
            {
                "date": "Datum",
                "payee": "Naam tegenpartij",
                "direction": "Af Bij",
                "amount": "Bedrag (EUR)",
            },
            ("Mededelingen",),
        ),
    ],
)
def test_headers_of_real_exports(header: str, columns: dict[str, str], descriptions: tuple[str, ...]) -> None:
    plan = plan_of(header)
    assert dict(plan.columns) == columns
    assert plan.descriptions == descriptions
    assert list(plan.labels) == ["category"]


def test_the_first_rank_is_meant_where_a_file_has_several() -> None:
    plan = plan_of("Value date|Booking date|Date|Payee|Details|Notes|Category")
    assert plan.columns["date"] == "Date"
    assert plan.descriptions == ("Details",)
    assert plan.unused == ("Value date", "Booking date", "Notes")


def test_two_of_one_rank_are_asked_about_with_the_options_to_give() -> None:
    with pytest.raises(ColumnsUnclear, match=r"--map payee=Merchant or --map payee=Supplier"):
        plan_of("Merchant|Supplier|Amount|Category")
    with pytest.raises(ColumnsUnclear, match=r'--label tax_code="Tax code" or --label tax_code="VAT code"'):
        plan_of("Payee|Tax code|VAT code|Category")
    assert plan_of("Merchant|Supplier|Category", columns={"payee": ("Supplier",)}).unused == ("Merchant",)
    assert plan_of("Merchant|Supplier|Category", ignored=("Supplier",)).columns["payee"] == "Merchant"


def test_what_is_missing_is_said_with_what_was_found() -> None:
    with pytest.raises(ColumnsUnclear) as unclear:
        plan_of("Date|Wer|Betrag")
    message = str(unclear.value)
    assert "a payee or a description (--map payee=COLUMN)" in message
    assert "a category (--map category=COLUMN" in message
    assert "'Wer'" in message
    assert "amount=Betrag" in message


def test_only_history_needs_labels_and_only_many_tenants_a_tenant() -> None:
    assert not plan_of("Payee", labelled=False).labels
    with pytest.raises(ColumnsUnclear, match="--tenant-column"):
        plan_of("Payee|Category", tenants=True)
    plan = plan_of("Payee|Category|Client", tenants=True, columns={"tenant": ("Client",)})
    assert plan.columns["tenant"] == "Client"


def test_a_mapping_that_cannot_be_is_refused() -> None:
    with pytest.raises(
        ColumnsUnclear, match="there is no column 'Shop'; the columns are 'Payee', 'Category'"
    ):
        plan_of("Payee|Category", columns={"payee": ("Shop",)})
    with pytest.raises(ColumnsUnclear, match="there is no 'price'; choose from tenant, id, date"):
        plan_of("Payee|Category", columns={"price": ("Payee",)})
    with pytest.raises(ColumnsUnclear, match="given 2 times"):
        plan_of("A|B|Category", columns={"payee": ("A", "B")})


def test_several_columns_make_one_description() -> None:
    plan = plan_of("Text 1|Text 2|Category", columns={"description": ("Text 2", "Text 1")})
    assert plan.descriptions == ("Text 2", "Text 1")
    assert plan.column_of("transaction.description") == "Text 2 + Text 1"


def test_labels_in_further_dimensions() -> None:
    plan = plan_of("Payee|Account code|Cost Centre|VAT code|Projekt|Fund", labels={"fund": "Fund"})
    assert dict(plan.labels) == {
        "category": "Account code",
        "fund": "Fund",
        "tax_code": "VAT code",
        "cost_centre": "Cost Centre",
        "project": "Projekt",
    }


def test_debit_and_credit_go_before_an_amount_that_does_not_tell_the_sign() -> None:
    both = plan_of("Payee|Amount|Debit|Credit|Category")
    assert {"debit", "credit"} <= set(both.columns)
    assert "amount" not in both.columns
    asked = plan_of("Payee|Amount|Debit|Credit|Category", columns={"amount": ("Amount",)})
    assert set(asked.columns) == {"payee", "amount"}
    lone = plan_of("Payee|Amount|Credit|Category")
    assert set(lone.columns) == {"payee", "amount"}
    with pytest.raises(ColumnsUnclear, match="either the amount or debit and credit"):
        plan_of("Payee|A|D|Category", columns={"amount": ("A",), "debit": ("D",)})


def test_a_reference_number_is_no_id() -> None:
    # The lines of one invoice share it, and would replace each other.
    assert "id" not in plan_of("Payee|Reference number|Category").columns
    assert plan_of("Payee|Transaction ID|Category").columns["id"] == "Transaction ID"


def test_the_currency_of_the_header() -> None:
    assert plan_of("Payee|Amount (EUR)|Category").currency == "EUR"
    assert plan_of("Payee|Amount (EUR)|Category", currency="CHF").currency == "CHF"
    assert plan_of("Payee|Amount (net)|Category").currency == ""


def test_columns_without_a_meaning_are_kept_on_demand_and_bounded() -> None:
    assert plan_of("Payee|Branch|Category").fields == ()
    assert plan_of("Payee|Branch|Floor|Category", keep_fields=True, ignored=("Floor",)).fields == ("Branch",)
    many = ["Payee", "Category", *(f"x{n}" for n in range(33))]
    with pytest.raises(ColumnsUnclear, match="at most 32"):
        plan_of(many, keep_fields=True)


def test_a_violation_leads_back_to_the_column() -> None:
    plan = plan_of(
        "No|When|Text|Debit|Credit|Ccy|Category|Tax code|Branch",
        keep_fields=True,
        columns={"id": ("No",), "description": ("Text",)},
    )
    assert plan.column_of("transaction.id") == "No"
    assert plan.column_of("transaction.date") == "When"
    assert plan.column_of("transaction.payee") == "Text"  # there is no payee, the description must do
    assert plan.column_of("transaction.amount") == "Debit / Credit"
    assert plan.column_of("transaction.currency") == "Ccy"
    assert plan.column_of("labels['tax_code']") == "Tax code"
    assert plan.column_of("transaction.fields['Branch']") == "Branch"
    assert plan.column_of("transaction.account") == ""
