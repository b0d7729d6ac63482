"""One data folder through many lives: each begins with a check of all that is there, and ends by a kill."""

import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from crash_side import verdict, wordings
from crash_side.calls import Calls, DataLost, Gone, Refused, ServerFailed
from crash_side.cut import cut_power
from crash_side.deeds import Book, Deed, Fate, Finding, Kind
from crash_side.load import KEPT_CATEGORIES, Hand, Load, Turn, ask, keep, learn_request, teach
from crash_side.lodger import Lodger
from crash_side.old_store import write_old_store
from crash_side.plan import OLD_TENANT, Plan, place_of
from crash_side.shim import Control, Shim
from crash_side.zygote import Life, Living, NotServing, Zygote
from likewise.v1.tenant_service_pb2 import Category, CreateTenantRequest, Tenant
from likewise_engine.folder import DataFolder

LIVES_MAX: Final = 20
"""Of one era. Tenants are small by then still, and so checked quickly."""
_REPEATED: Final = 3
_SYNC_DELAY_US_MAX: Final = 1_500
"""So that callers wait for a commit together, as they do on a disk."""


@dataclass(slots=True)
class Tally:
    """What lives have come to.

    Attributes:
        kills: lives that were ended.
        power_cuts: those of them by a power cut.
        at_risk: changes that were not durable at those cuts.
        acknowledged: changes that were answered with success.
        unanswered: changes that had happened and were not answered.
        repeated: requests that were asked for once more after a crash.
        checks: lives at whose beginning all was found as it should be, or not.
        places: kills by their place.
        findings: what must not be.
    """

    kills: int = 0
    power_cuts: int = 0
    at_risk: int = 0
    acknowledged: int = 0
    unanswered: int = 0
    repeated: int = 0
    checks: int = 0
    places: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add what others have come to."""
        for name in ("kills", "power_cuts", "at_risk", "acknowledged", "unanswered", "repeated", "checks"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.places.update(other.places)
        self.findings += other.findings


class Era:
    """A data folder, its journal, and its oracle."""

    def __init__(
        self, folder: Path, seed: str, shim: Shim, zygote: Zygote, *, cuts: float, drops_syncs: bool = False
    ) -> None:
        """Begin an era.

        Args:
            folder: of all its files, which is made.
            seed: of all that is drawn.
            shim: compiled.
            zygote: of its servers, which have the shim.
            cuts: share of lives that end by a power cut.
            drops_syncs: whether the disk lies about what is durable. Losses are to be found then.
        """
        self.folder, self.seed, self.tally = folder, seed, Tally()
        self._random = Random(seed)
        self._shim, self._zygote, self._cuts, self._drops_syncs = shim, zygote, cuts, drops_syncs
        self._has_upkeep = self._random.random() < 0.5
        self._data, self._oracle_data = folder / "data", folder / "oracle"
        self._log, self._grave = folder / "log", folder / "grave"
        for made in (self._data, self._oracle_data, self._grave):
            made.mkdir(parents=True)
        self._books = [Book("acme"), Book("büro 12")]
        self._lodgers = [Lodger("lodger 1"), Lodger("lodger/2")]
        self._lessons: dict[str, list[Deed]] = {}
        self._created: set[str] = set()
        if self._random.random() < 0.5:
            self._bring_old()
        self._lives = self._logged = 0
        self._oracle_life = zygote.begin(Life(str(self._oracle_data)))
        self._oracle = Calls(self._oracle_life.address)

    def close(self) -> None:
        """End the oracle."""
        self._oracle.close()
        self._oracle_life.kill()

    def live(self) -> None:
        """One life: it begins, is checked, is taught, and ends."""
        self._lives += 1
        plan = Plan.drawn(self._random, self._cuts, self._lives)
        with Control(self.folder / f"control-{self._lives}", self._data) as control:
            self._set_up(control, plan)
            living = self._zygote.begin(
                Life(
                    str(self._data),
                    str(control.path),
                    workers=plan.workers,
                    memory_mib_max=plan.memory_mib_max,
                    is_hasty=self._has_upkeep,
                    has_background=plan.has_background,
                    log=str(self.folder / "server.log"),
                )
            )
            control.block.group = living.group
            try:
                self._live(control, living, plan)
            except (Gone, NotServing, Refused, ServerFailed) as error:
                if not control.block.is_killed:
                    what = "lost" if isinstance(error, DataLost) else "failed"
                    self._find(f"{type(error).__name__}: {error}", what=what)
            finally:
                self._shim.kill(control.block)
                living.kill()
            self._end(control, plan)

    def _set_up(self, control: Control, plan: Plan) -> None:
        block = control.block
        if plan.is_early:
            plan.arm(block)
        if self._cuts:
            block.is_logging, block.logged, block.drops_syncs = True, self._logged, self._drops_syncs
            block.log, block.grave = str(self._log).encode(), str(self._grave).encode()
            block.sync_delay_us = self._random.randrange(_SYNC_DELAY_US_MAX)

    def _live(self, control: Control, living: Living, plan: Plan) -> None:
        calls = Calls(living.address, connections=2 * plan.workers)
        try:
            self._check(calls)
            self._load(control, living, calls, plan)
        finally:
            calls.close()

    def _load(self, control: Control, living: Living, calls: Calls, plan: Plan) -> None:
        hands = self._hands(calls)
        if not plan.is_early:
            plan.arm(control.block)
        load = Load(hands)
        try:
            living.is_gone(plan.seconds)
            is_by_itself = living.is_gone(0) and not control.block.is_killed
        finally:
            self._shim.kill(control.block)
            load.end()
        for hand, _ in hands:
            self.tally.findings += hand.findings
        if is_by_itself:
            self._find("the server ended by itself")

    def _end(self, control: Control, plan: Plan) -> None:
        self.tally.kills += 1
        self.tally.places[place_of(control.block)] += 1
        self._logged = control.block.logged
        if plan.is_cut:
            self.tally.power_cuts += 1
            self.tally.at_risk += cut_power(self._data, self._log, self._grave, self._random)
        control.path.unlink()

    # --- What is checked ---

    def _check(self, calls: Calls) -> None:
        """Find what must not be. Raises Gone where the server ends meanwhile: the next life does it again."""
        listed = calls.tenants()
        for lodger in self._lodgers:
            self.tally.findings += lodger.check(calls, lodger.tenant in listed)
        for book in self._books:
            if book.tenant not in self._created:
                self._create(calls, book.tenant, listed)
            elif book.tenant not in listed:
                self._find("the tenant is not there", book.tenant, "lost")
                continue
            self._check_book(calls, book)
        known = {book.tenant for book in self._books} | {lodger.tenant for lodger in self._lodgers}
        for name in set(listed) - known:
            self._find("nobody created the tenant", name, "phantom")
        self.tally.checks += 1

    def _check_book(self, calls: Calls, book: Book) -> None:
        def find(what: str, message: str) -> None:
            self._find(message, book.tenant, what)

        # As a caller does who was not answered. What had happened has to be durable by the answer.
        for deed in verdict.repeatable(book.deeds):
            if deed.fate is Fate.OPEN:
                with suppress(Refused):
                    calls.do(deed)
        # An acknowledgement after which all that is there is durable: it may be what nobody was told of.
        seal = self._hand(f"seal-{self._lives}", book, calls)
        anchor = seal.anchor()
        calls.do(book.begin(Kind.LEARN, learn_request(seal, anchor), anchor))
        entries = calls.entries(book.tenant)
        revision = calls.tenant(book.tenant).statistics.revision
        order = book.order(revision, {name: entry.revision for name, entry in entries.items()})
        self.tally.findings += order.findings + book.check_presence(order, entries)
        happened = book.settle(order, revision)
        verdict.replay(self._oracle, happened, find)
        verdict.compare(calls, self._oracle, book.tenant, self._random, find, has_upkeep=self._has_upkeep)
        self._note(book, happened, find)
        repeated = self._lessons[book.tenant][-_REPEATED:]
        self.tally.repeated += verdict.repeat(calls, repeated, find)

    def _note(self, book: Book, happened: list[Deed], find: verdict.Find) -> None:
        """Count what happened, and look for what was forgotten."""
        told = sum(deed.fate is Fate.ACKNOWLEDGED for deed in happened)
        self.tally.acknowledged += told
        self.tally.unanswered += len(happened) - told
        self._lessons.setdefault(book.tenant, []).extend(verdict.repeatable(happened))
        forgotten = {
            name: mark
            for deed in happened
            if verdict.was_forgotten(deed)
            for name in deed.forgotten_ids
            if name not in book.present and (mark := book.marks.get(name))
        }
        if forgotten:
            for name in verdict.remains(self._data, forgotten):
                find("phantom", f"{name} was forgotten, and its words are in the data folder")

    def _create(self, calls: Calls, tenant: str, listed: list[str]) -> None:
        chart = [Category(dimension="category", id=name) for name in wordings.CATEGORIES + KEPT_CATEGORIES]
        request = CreateTenantRequest(tenant=Tenant(id=tenant, chart=chart))
        if tenant not in listed:
            calls.call("TenantService.CreateTenant", request)
        if tenant not in self._oracle.tenants():
            self._oracle.call("TenantService.CreateTenant", request)
        self._created.add(tenant)

    # --- Who does what ---

    def _hands(self, calls: Calls) -> list[tuple[Hand, Turn]]:
        """Who works in this life: at each tenant two who teach and one who keeps it in order."""
        hands: list[tuple[Hand, Turn]] = []
        for book in self._books:
            for turn, name in ((teach, "a"), (teach, "b"), (keep, "k")):
                hands.append((self._hand(f"{name}-{self._lives}", book, calls), turn))
        hands.append((self._hand("asker", self._random.choice(self._books), calls), ask))
        return hands + [
            (self._hand("lodger", Book(lodger.tenant), calls), lodger.turn) for lodger in self._lodgers
        ]

    def _hand(self, name: str, book: Book, calls: Calls) -> Hand:
        return Hand(name, book, calls, Random(self._random.random()), sorted(book.present))

    def _bring_old(self) -> None:
        """Put a tenant into both folders as an earlier Likewise left it."""
        seed = self._random.random()
        for root in (self._data, self._oracle_data):
            folder = DataFolder(root)
            folder.create(
                OLD_TENANT,
                lambda path, _: write_old_store(
                    path, OLD_TENANT, wordings.CATEGORIES + KEPT_CATEGORIES, Random(seed)
                ),
            )
            folder.close()
        book = Book(OLD_TENANT)
        book.revision, book.present = 12, {f"old-{number}" for number in range(1, 13)}
        self._books.append(book)
        self._created.add(OLD_TENANT)

    def _find(self, message: str, tenant: str = "", what: str = "failed") -> None:
        self.tally.findings.append(Finding(what, tenant, message))


def discard(era: Era) -> None:
    """Delete the files of an era in which nothing was found."""
    shutil.rmtree(era.folder)
