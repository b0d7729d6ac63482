"""The demo, ``python -m likewise_server.demo``: the whole way once, on the sample books.

It indexes the books by ``likewise index``, serves them by ``likewise serve`` in a process of its own, and
asks over real gRPC as an accounting application would. What Likewise promises is checked on the way; where a
promise does not hold the demo ends, with exit status 1.
"""

import csv
import datetime
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

import likewise
from likewise_server.cli.common import console, fail

BOOKS: Final = Path(__file__).parents[2] / "data" / "books"
"""The sample books of a checkout. A wheel does not have them."""

SHOWN: Final = ("hazel-and-rye", "foldline-studio", "marsh-building")
SHOWN_ROWS: Final = 4
SHARED_PAYEES: Final = ("AMAZON.CO.UK MARKETPLACE", "ADOBE CREATIVE CLOUD", "TESCO STORES")
CORRECTED: Final = "hazel-and-rye"
RIGHT_LABELS: Final = ("Coffee & tea", "Food ingredients")
"""What the correction says: the first of them that is not guessed."""
LATENCY_CALLS: Final = 300
RIGHT_MIN: Final = 0.9
"""Of all new transactions; 96 % are. Less means that something is broken."""

_COMMAND: Final = (sys.executable, "-m", "likewise_server")
_READY: Final = "Likewise serves "
_STOP_TIMEOUT_S: Final = 30
_BECAUSE: Final = "because of (share of the evidence)"
_DECISIONS: Final = {
    likewise.Decision.DECISION_FILE: ("FILE", "green"),
    likewise.Decision.DECISION_SUGGEST: ("SUGGEST", "yellow"),
    likewise.Decision.DECISION_ASK: ("ASK", "red"),
}


class PromiseBroken(Exception):
    """Something that Likewise promises did not hold."""


def demo(
    books: Annotated[Path, typer.Option(help="Folder of the sample books.")] = BOOKS,
    data: Annotated[
        Path | None, typer.Option(help="Folder to keep the tenants in; a temporary one if not given.")
    ] = None,
) -> None:
    """Index the sample books, serve them, ask, teach a correction, ask again, and stop."""
    if not (books / "charts").is_dir():
        fail(
            f"there are no sample books in {books}. They come with the source, not with the installed"
            " package: run 'make demo' in a checkout, or name its folder data/books with --books"
        )
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without arrows and ticks gets question marks
    try:
        with TemporaryDirectory(prefix="likewise-demo-") as temporary:
            _run(books, data or Path(temporary))
    except (PromiseBroken, likewise.Error, subprocess.SubprocessError, OSError) as error:
        fail(f"the demo failed. {error}")


def _run(books: Path, data: Path) -> None:
    tenants = sorted(path.stem for path in (books / "charts").glob("*.json"))
    _heading("1. The history of each business is indexed, in bulk")
    for tenant in tenants:
        _index(books, data, tenant)
    _heading("2. The server starts")
    with _served(data) as address, likewise.Client(address) as client:
        _heading("3. New transactions are filed as each bookkeeper filed the ones like them")
        for tenant in SHOWN:
            _show_answers(client, tenant, _new_transactions(books, tenant)[:SHOWN_ROWS])
        _check_all_answers(client, books, tenants)
        _heading("4. The same payee is filed differently in different books")
        _compare(client, tenants)
        _heading("5. A correction is used by the very next call")
        _teach(client, CORRECTED)
        _heading("6. How long an answer takes")
        _time(client, SHOWN[0], _new_transactions(books, SHOWN[0]))
        _heading("7. The server stops")
    console.print()
    console.print("All promises held.", style="bold green")


# --- Indexing and serving ----------------------------------------------------------------------


def _index(books: Path, data: Path, tenant: str) -> None:
    [file] = [path for path in books.glob(f"{tenant}.*") if path.is_file()]
    chart = books / "charts" / f"{tenant}.json"
    command = [*_COMMAND, "index", tenant, str(file), "--chart", str(chart), "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise PromiseBroken(
            f"Indexing {file.name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    console.print(f"  {file.name:<26}{done.stdout.strip().splitlines()[-1]}")


@contextmanager
def _served(data: Path) -> Iterator[str]:
    """Run ``likewise serve``; at the end ask it to stop, and see that it stops well."""
    log_path = data / "server.log"
    command = [*_COMMAND, "serve", "--data", str(data), "--listen", "127.0.0.1:0"]
    with (
        log_path.open("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as server,  # noqa: S603 - our own
    ):
        try:
            line = server.stdout.readline() if server.stdout else ""
            if not line.startswith(_READY):
                raise PromiseBroken(f"The server did not start:\n{log_path.read_text()}")
            console.print(f"  {line.strip()} (process {server.pid})")
            yield line.removeprefix(_READY).strip()
            server.terminate()
            status = server.wait(_STOP_TIMEOUT_S)
            _promise(status == 0, f"asked by SIGTERM, the server ended with exit status {status}")
        finally:
            server.kill()


# --- Asking ------------------------------------------------------------------------------------


def _new_transactions(books: Path, tenant: str) -> list[likewise.Transaction]:
    with (books / "new" / f"{tenant}.csv").open(encoding="utf-8", newline="") as file:
        return [
            likewise.transaction(
                id=row["id"],
                date=datetime.date.fromisoformat(row["date"]),
                amount=row["amount"],
                currency=row["currency"],
                payee=row["payee"],
                description=row["description"],
            )
            for row in csv.DictReader(file)
        ]


def _right_categories(books: Path, tenant: str) -> dict[str, str]:
    with (books / "answers" / f"{tenant}.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["category"] for row in csv.DictReader(file)}


def _show_answers(client: likewise.Client, tenant: str, asked: Sequence[likewise.Transaction]) -> None:
    known = client.get_tenant(tenant)
    names = _category_names(known)
    table = _table(known.display_name, "transaction", "answer", _BECAUSE)
    for transaction in asked:
        classification = client.classify(tenant, transaction)
        table.add_row(_wording(transaction), _answer(classification), _neighbours(classification, names))
    console.print(table)


def _check_all_answers(client: likewise.Client, books: Path, tenants: Sequence[str]) -> None:
    """Classify all new transactions, a stream a tenant, and compare with how they are rightly filed."""
    asked = right = filed = filed_right = 0
    for tenant in tenants:
        truth = _right_categories(books, tenant)
        for outcome in client.classify_many(tenant, _new_transactions(books, tenant)):
            if outcome.classification is None:
                raise PromiseBroken(f"A transaction of {tenant} was refused: {outcome.error}")
            answer = _category_answer(outcome.classification)
            is_right = (
                bool(answer.candidates) and answer.candidates[0].category == truth[outcome.transaction_id]
            )
            is_filed = answer.decision == likewise.Decision.DECISION_FILE
            asked, right = asked + 1, right + is_right
            filed, filed_right = filed + is_filed, filed_right + (is_filed and is_right)
    console.print(
        f"  Of {asked} new transactions the first candidate is right for {right} ({right / asked:.0%});"
        f" {filed} are filed without asking, {filed_right} of them rightly."
    )
    _promise(
        right / asked >= RIGHT_MIN, f"at least {RIGHT_MIN:.0%} of the new transactions are answered rightly"
    )


def _compare(client: likewise.Client, tenants: Sequence[str]) -> None:
    table = _table("", "whose books", *SHARED_PAYEES)
    found: dict[str, set[str]] = {payee: set() for payee in SHARED_PAYEES}
    for tenant in tenants:
        known = client.get_tenant(tenant)
        cells = []
        for payee in SHARED_PAYEES:
            asked = likewise.transaction(payee=payee, amount="-24.99", currency="GBP")
            candidates = _category_answer(client.classify(tenant, asked)).candidates
            cells.append("\n".join(_candidates(candidates[:1])))
            found[payee] |= {candidate.category_name for candidate in candidates[:1]}
        table.add_row(known.display_name, *cells)
    console.print(table)
    for payee, names in found.items():
        _promise(len(names) > 1, f"{payee} has {len(names)} different answers")


# --- Teaching ----------------------------------------------------------------------------------


def _teach(client: likewise.Client, tenant: str) -> None:
    transaction = likewise.transaction(
        id="demo-1",
        date=datetime.date(2026, 7, 31),
        amount="-46.80",
        currency="GBP",
        payee="AIREDALE KOMBUCHA WORKS",
        description="CARD PAYMENT 2716",
    )
    before = client.classify(tenant, transaction)
    guessed = [candidate.category for candidate in _category_answer(before).candidates[:1]]
    names = _category_names(client.get_tenant(tenant))
    label = next(category for category in RIGHT_LABELS if category not in guessed)
    lesson = likewise.labelled(transaction, label, predicted=likewise.predictions(before))
    learned = client.learn(tenant, [lesson])
    # The same wording on another day and for another amount, so that nothing but the lesson can tell.
    asked = likewise.Transaction()
    asked.CopyFrom(transaction)
    asked.id = ""
    asked.amount.units = -52
    after = client.classify(tenant, asked, options=likewise.ClassifyOptions(min_revision=learned.revision))
    table = _table(_wording(transaction), "", "answer", _BECAUSE)
    table.add_row("before", _answer(before), _neighbours(before, names))
    table.add_row(f"taught: {names[label]}", f"revision {learned.revision}", "on disk when Learn returned")
    table.add_row("the next call", _answer(after), _neighbours(after, names))
    console.print(table)
    _promise(after.revision >= learned.revision, f"the next call saw revision {after.revision}")
    _promise(_category_answer(after).candidates[0].category == label, f"and answered {names[label]!r}")
    shown = [neighbour.transaction_id for neighbour in after.neighbours]
    _promise("demo-1" in shown, "and showed the lesson among what it rests on")
    corrections = client.get_tenant(tenant).statistics.corrections
    _promise(corrections == len(guessed), "the correction is kept as one")


def _time(client: likewise.Client, tenant: str, asked: Sequence[likewise.Transaction]) -> None:
    whole_ms, inside_ms = [], []
    for number in range(LATENCY_CALLS):
        started = time.perf_counter()
        spent = client.classify(tenant, asked[number % len(asked)]).time_spent
        whole_ms.append((time.perf_counter() - started) * 1e3)
        inside_ms.append(sum(s.ToNanoseconds() for s in (spent.encode, spent.search, spent.vote)) / 1e6)
    p99 = statistics.quantiles(whole_ms, n=100)[98]
    console.print(
        f"  {LATENCY_CALLS} calls, one after the other: p50 {statistics.median(whole_ms):.2f} ms,"
        f" p99 {p99:.2f} ms, of which {statistics.median(inside_ms):.2f} ms is finding the answer."
    )


# --- Showing -----------------------------------------------------------------------------------


def _heading(text: str) -> None:
    console.print()
    console.print(Rule(text, align="left", style="bold"))


def _promise(holds: bool, what: str) -> None:
    if not holds:
        raise PromiseBroken(f"This does not hold: {what}")
    console.print(f"  ✓ {what}", style="green")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_lines=True, expand=True)
    for column in columns:
        table.add_column(column, overflow="fold", ratio=2 if column == _BECAUSE else 1)
    return table


def _category_names(tenant: likewise.Tenant) -> dict[str, str]:
    return {c.id: c.name for c in tenant.chart if c.dimension == likewise.CATEGORY_DIMENSION}


def _category_answer(classification: likewise.Classification) -> likewise.DimensionAnswer:
    return next(a for a in classification.answers if a.dimension == likewise.CATEGORY_DIMENSION)


def _wording(transaction: likewise.Transaction) -> str:
    words = " ".join(filter(None, (transaction.payee, transaction.description)))
    return f"{words}\n{likewise.money_value(transaction.amount):,.2f} {transaction.amount.currency_code}"


def _answer(classification: likewise.Classification) -> Text:
    answer = _category_answer(classification)
    return Text.assemble(
        _DECISIONS[answer.decision], *(f"\n{line}" for line in _candidates(answer.candidates[:2]))
    )


def _candidates(candidates: Iterable[likewise.Candidate]) -> list[str]:
    return [f"{candidate.probability:.0%} {candidate.category_name}" for candidate in candidates]


def _neighbours(classification: likewise.Classification, names: Mapping[str, str]) -> str:
    """The weightiest neighbours, those alike put together: share of the evidence, text, category."""
    share: defaultdict[tuple[str, str], float] = defaultdict(float)
    alike: Counter[tuple[str, str]] = Counter()
    for neighbour in classification.neighbours:
        category = neighbour.labels.get(likewise.CATEGORY_DIMENSION, "")
        key = neighbour.text, names.get(category, category)
        share[key] += neighbour.weight
        alike[key] += 1
    return "\n".join(
        f"{weight:.0%}: {alike[text, name]} × {text} → {name}"
        for (text, name), weight in sorted(share.items(), key=lambda item: -item[1])[:2]
    )


if __name__ == "__main__":
    typer.run(demo)
