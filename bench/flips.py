"""Flips bytes of a data folder, one at a time, and asks whether it shows.

The folder is what a server leaves that is killed: two tenants with graph, heads and snapshot, one of them
with its latest lessons in the write-ahead log. For each flip, of a bit of one byte of any file, ``likewise
check`` looks at a copy; another copy is opened, asked the same questions and exported. What comes of it is

    rebuilt     the check reports something that can be made anew, and all answers are as before
    detected    the check reports damage, and the tenant answers with a typed error, or as before
    harmless    nothing is reported, and all answers and exports are as before
    silent      another answer, an error without a type, damage unreported, or the other tenant suffers

    python bench/flips.py [--all [--every 1] | --count 400] [--only PART] [--minutes M]
        [--seed 1] [--processes 1] [--json OUT]

``--all`` flips a bit of every byte; with ``--every N``, of every Nth of the stores and logs, which have
300 KB. They come in a random order; ``--minutes`` ends with those that were done by then. Fails where a
flip is silent.
"""

import argparse
import json
import logging
import random
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from likewise_engine.answers import ClassifyOptions
from likewise_engine.checkup import Layout, Severity, TenantCheckup, broken_trail
from likewise_engine.encoder import HashingEncoder
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.errors import LikewiseError
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction

KILLED: Final = "killed"
"""The tenant whose latest lessons are in the log."""
CLOSED: Final = "closed"
"""The tenant whose store has no log."""
_ENCODER: Final = HashingEncoder(16)
_ENTRIES: Final = 24
_IN_LOG: Final = 3
_COUNT_DEFAULT: Final = 400
_SEED_DEFAULT: Final = 1
_FLIPPED_AT_ONCE: Final = 64


class Flip(NamedTuple):
    """One bit of one byte.

    Attributes:
        name: of the file, relative to the data folder.
        position: of the byte.
        mask: the bit.
    """

    name: str
    position: int
    mask: int


class Verdict(NamedTuple):
    """What came of a flip; ``why`` says what was silent."""

    flip: Flip
    kind: str
    why: str = ""


def make_folder(data: Path) -> None:
    """Make the data folder that is flipped."""
    with TemporaryDirectory() as scratch:
        served = Path(scratch) / "data"
        with Tenants.open_folder(served, _ENCODER) as tenants:
            for tenant in (KILLED, CLOSED):
                tenants.create(tenant)
                with tenants.use(tenant) as ledger:
                    ledger.learn([_item(number) for number in range(_ENTRIES)], "first")
                    ledger.build_graph()
                    ledger.train_heads()
                    ledger.save_snapshot()
        with Tenants.open_folder(served, _ENCODER) as tenants, tenants.use(KILLED) as ledger:
            for number in range(_ENTRIES, _ENTRIES + _IN_LOG):
                ledger.learn([_item(number)], f"r{number}")
            shutil.copytree(served, data)


def _item(number: int) -> LabelledTransaction:
    payee = ("Corner Bakery", "City Energy", "Nord Rail", "Harbour Timber", "Stone Hotel")[number % 5]
    transaction = Transaction(
        id=f"t{number}",
        date=date(2026, 3, 1) + timedelta(days=number),
        amount=Decimal(100 + 7 * number) / 4,
        currency="EUR",
        payee=payee,
        description="invoice" if number % 3 else "",
        fields={"voucher": f"v{number}"} if number % 8 == 0 else {},
    )
    predicted = {"category": "other"} if number % 7 == 0 else {}
    return LabelledTransaction(
        transaction, {"category": payee.split()[1].lower(), "tax": "t1"}, predicted=predicted
    )


def every_flip(data: Path, every: int, seed: int) -> list[Flip]:
    """A flip of each byte of a tenant's files; of the store and its log, of every so many."""
    rng = random.Random(seed)
    flips = []
    for path in _files(data):
        step = every if path.name.startswith(STORE_NAME) else 1
        positions = range(rng.randrange(step), path.stat().st_size, step)
        name = path.relative_to(data).as_posix()
        flips += [Flip(name, position, 1 << rng.randrange(8)) for position in positions]
    return flips


def some_flips(data: Path, count: int, seed: int) -> list[Flip]:
    """Flips of some bytes of a tenant's files: of each file by its share, and of four at least."""
    rng = random.Random(seed)
    sizes = {path: path.stat().st_size for path in _files(data)}
    flips = []
    for path, size in sizes.items():
        wanted = min(size, max(4, count * size // sum(sizes.values())))
        name = path.relative_to(data).as_posix()
        flips += [Flip(name, at, 1 << rng.randrange(8)) for at in sorted(rng.sample(range(size), wanted))]
    return flips


def _files(data: Path) -> list[Path]:
    """All files that are not empty."""
    return [path for path in sorted(data.rglob("*")) if path.is_file() and path.stat().st_size]


def all_answers(data: Path) -> dict[str, Any]:
    """What each tenant of a folder answers and exports; the error, where that is all."""
    with Tenants.open_folder(data, _ENCODER) as tenants:
        return {tenant: _answers(tenants, tenant) for tenant in (KILLED, CLOSED)}


def _answers(tenants: Tenants, tenant: str) -> Any:
    try:
        with tenants.use(tenant) as ledger:
            asked = [
                ledger.classify(_item(number).transaction, ClassifyOptions()) for number in range(0, 12, 2)
            ]
            store = ledger.store
            return (
                [(answer.answers, answer.neighbours, answer.text, answer.revision) for answer in asked],
                [list(batch) for _, batch in store.export(1_000)],
                [store.chart(), store.record(), store.statistics().corrections],
                [store.request(name) for name in ("first", f"r{_ENTRIES}")],
            )
    except LikewiseError as error:
        return error


def judge(original: Path, expected: dict[str, Any], flip: Flip) -> Verdict:
    """What comes of a flip of a folder, whose answers are expected to be these."""
    with TemporaryDirectory() as scratch:
        try:
            found = severities(_flipped(original, Path(scratch) / "checked", flip))
            answers = all_answers(_flipped(original, Path(scratch) / "asked", flip))
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            return Verdict(flip, "silent", f"{type(error).__name__}: {error}")
    for tenant, answer in answers.items():
        if answer == expected[tenant]:
            continue
        if f"/{tenant}/" not in flip.name:
            return Verdict(flip, "silent", f"{tenant!r}, of whom nothing was flipped, has another answer")
        if not isinstance(answer, LikewiseError):
            return Verdict(flip, "silent", "another answer")
        if Severity.DAMAGE not in found:
            return Verdict(flip, "silent", f"an error, and no finding: {answer}")
    if Severity.DAMAGE in found:
        return Verdict(flip, "detected")
    return Verdict(flip, "rebuilt" if Severity.DERIVED in found else "harmless")


def _flipped(original: Path, copy: Path, flip: Flip) -> Path:
    shutil.copytree(original, copy)
    with (copy / flip.name).open("r+b") as file:
        file.seek(flip.position)
        byte = file.read(1)[0]
        file.seek(flip.position)
        file.write(bytes([byte ^ flip.mask]))
    return copy


def severities(data: Path) -> set[Severity]:
    """How bad the findings are that ``likewise check`` has of a folder."""
    layout = Layout(data)
    findings = list(layout.findings)
    with closing(DataFolder(data)) as folder:
        findings += broken_trail(folder)
        for place in layout.places:
            findings += TenantCheckup(folder, place, Encoders(_ENCODER), is_deep=True).findings()
    return {finding.severity for finding in findings if finding.is_fault}


def run(
    flips: Sequence[Flip], original: Path, processes: int, minutes: float = float("inf")
) -> Iterator[Verdict]:
    """The verdicts of all flips, or of those that there is time for."""
    with TemporaryDirectory() as scratch:
        untouched = Path(shutil.copytree(original, Path(scratch) / "data"))
        if severities(untouched):
            raise SystemExit("flips: the folder is not sound before anything is flipped")
        expected = all_answers(untouched)
    end_s = time.monotonic() + 60 * minutes
    with ExitStack() as stack:
        judged = map if processes == 1 else stack.enter_context(ProcessPoolExecutor(processes)).map
        for start in range(0, len(flips), _FLIPPED_AT_ONCE):
            if time.monotonic() > end_s:
                return
            yield from judged(partial(judge, original, expected), flips[start : start + _FLIPPED_AT_ONCE])


def main(arguments: Sequence[str] | None = None) -> int:
    """Flip, count and tell; 1 where something was silent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--all", action="store_true", help="a bit of every byte")
    parser.add_argument("--every", type=int, default=1, help="of the store and its log, every so many")
    parser.add_argument("--count", type=int, default=_COUNT_DEFAULT)
    parser.add_argument("--only", default="", help="of files whose path has this in it")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=_SEED_DEFAULT)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    of_file: dict[str, Counter[str]] = {}
    silent = []
    with TemporaryDirectory() as scratch:
        original = Path(scratch) / "data"
        make_folder(original)
        if options.all:
            flips = every_flip(original, options.every, options.seed)
        else:
            flips = some_flips(original, options.count, options.seed)
        flips = [flip for flip in flips if options.only in flip.name]
        random.Random(options.seed).shuffle(flips)
        for verdict in run(flips, original, options.processes, options.minutes):
            counts[verdict.kind] += 1
            name = re.sub(r"^tenants/../", "", verdict.flip.name)
            of_file.setdefault(name, Counter())[verdict.kind] += 1
            if verdict.kind == "silent":
                silent.append({**verdict.flip._asdict(), "why": verdict.why})
                print(f"silent: {verdict.flip}: {verdict.why}", file=sys.stderr)
    totals = {kind: counts[kind] for kind in ("detected", "rebuilt", "harmless", "silent")}
    result = {
        "flips": sum(counts.values()),
        "chosen": len(flips),
        **totals,
        "seed": options.seed,
        "of_file": of_file,
        "silent_flips": silent,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if silent else 0


if __name__ == "__main__":
    logging.getLogger("likewise_engine").setLevel(logging.CRITICAL)  # Else a line for each that shows.
    sys.exit(main())
