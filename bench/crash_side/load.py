"""What callers do to a server until it dies: teach, import, forget, reshape, come and go; and ask.

Each caller is a thread of its own. What they do is drawn from the seed; in which order the server does it is
not, and need not be known: see ``deeds.py``.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, TypeAlias

from google.protobuf.field_mask_pb2 import FieldMask

import likewise
from crash_side import wordings
from crash_side.calls import Calls, Gone, Refused, ServerFailed
from crash_side.deeds import REJECTED, Book, Deed, Fate, Finding, Kind
from likewise.v1.classifier_service_pb2 import ClassifyOptions, ClassifyRequest
from likewise.v1.ledger_service_pb2 import (
    ForgetTransactionsRequest,
    ImportTransactionsRequest,
    LearnRequest,
)
from likewise.v1.tenant_service_pb2 import (
    Category,
    DeactivateCategoryRequest,
    MergeCategoriesRequest,
    Policy,
    RenameCategoryRequest,
    Tenant,
    UpdateTenantRequest,
)
from likewise.v1.transaction_pb2 import LabelledTransaction

KEPT_CATEGORIES: Final = tuple(f"k{n}" for n in range(6))
"""Those that are renamed, merged and deactivated."""
_PIECES_MAX: Final = 3
_ITEMS_MAX: Final = 5


@dataclass(slots=True)
class Hand:
    """One caller of one tenant.

    Attributes:
        name: of it and of all that it makes.
        book: of the tenant.
        calls: to the server.
        random: what it does.
        touchable: ids of entries that it may write anew, or forget.
        findings: what must not be.
        made: how many deeds it has begun.
        learned: lessons that may be repeated.
        categories: those that it may reshape.
    """

    name: str
    book: Book
    calls: Calls
    random: Random
    touchable: Sequence[str]
    findings: list[Finding] = field(default_factory=list)
    made: int = 0
    learned: list[Deed] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)

    def anchor(self) -> str:
        """An id that nothing else has."""
        self.made += 1
        return f"{self.name}.{self.made}"

    def find(self, what: str, message: str) -> None:
        """Note what must not be."""
        self.findings.append(Finding(what, self.book.tenant, message))


Turn: TypeAlias = Callable[[Hand], None]
"""What a hand does again and again. Raises Gone, Refused, ServerFailed."""


class Load:
    """Hands at work, each in a thread of its own, until the server is gone or :meth:`end`."""

    def __init__(self, hands: Sequence[tuple[Hand, Turn]]) -> None:
        """Set them to work, each with what it does again and again."""
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=each) for each in hands]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait until all have finished what they were at."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _work(self, hand: Hand, do: Turn) -> None:
        while not self._is_over.is_set():
            try:
                do(hand)
            except Refused:
                continue
            except Gone:
                return
            except ServerFailed as error:
                hand.find("failed", str(error))
                return


def learn_request(hand: Hand, anchor: str) -> LearnRequest:
    """A lesson: an entry of this id, others that are new, and some that are not."""
    random = hand.random
    items = [_anchored(hand, anchor)]
    items += _more_items(hand, anchor, wordings.CATEGORIES + KEPT_CATEGORIES)
    request_id = anchor if random.random() < 0.7 else ""
    return LearnRequest(tenant=hand.book.tenant, transactions=items, request_id=request_id)


def teach(hand: Hand) -> None:
    """Do what somebody does who teaches."""
    draw = hand.random.random()
    if draw < 0.62:
        _learn(hand)
    elif draw < 0.8:
        _import(hand)
    elif draw < 0.9:
        _learn_wrong(hand)
    elif hand.learned:
        _repeat(hand, hand.random.choice(hand.learned))


def keep(hand: Hand) -> None:
    """Do what somebody does who keeps the books in order: the only one who changes more than entries."""
    random = hand.random
    tenant = hand.book.tenant
    draw = random.random()
    if draw < 0.35:
        ids = random.sample(hand.touchable, min(len(hand.touchable), random.randint(1, 3)))
        if ids:
            request = ForgetTransactionsRequest(tenant=tenant, transaction_ids=ids)
            hand.calls.do(hand.book.begin(Kind.FORGET, request))
    elif draw < 0.6:
        hand.calls.do(hand.book.begin(Kind.UPDATE, _update(hand)))
    elif hand.categories and draw < 0.8:
        old = hand.categories.pop(random.randrange(len(hand.categories)))
        new = "k" + wordings.marker(random)[:6]
        rename = RenameCategoryRequest(tenant=tenant, dimension="category", category=old, new_id=new)
        hand.calls.do(hand.book.begin(Kind.RENAME, rename))
        hand.categories.append(new)
    elif len(hand.categories) > 1 and draw < 0.95:
        doomed = hand.categories.pop()
        merge = MergeCategoriesRequest(
            tenant=tenant, dimension="category", categories=[doomed], into=hand.categories[0]
        )
        hand.calls.do(hand.book.begin(Kind.MERGE, merge))
    elif len(hand.categories) > 1:
        doomed = hand.categories.pop()
        off = DeactivateCategoryRequest(tenant=tenant, dimension="category", category=doomed)
        hand.calls.do(hand.book.begin(Kind.DEACTIVATE, off))


def ask(hand: Hand) -> None:
    """Ask, so that there is somebody who reads all the while."""
    hand.calls.classify(ClassifyRequest(tenant=hand.book.tenant, transaction=wordings.question(hand.random)))


def _learn(hand: Hand) -> None:
    anchor = hand.anchor()
    request = learn_request(hand, anchor)
    deed = hand.book.begin(Kind.LEARN, request, anchor)
    hand.calls.do(deed)
    if deed.fate is not Fate.ACKNOWLEDGED:
        hand.find("divergent", f"{anchor} is new, and changed nothing")
        return
    if request.request_id:
        hand.learned.append(deed)
    _check_used(hand, deed)


def _check_used(hand: Hand, deed: Deed) -> None:
    """What was acknowledged is used by the next call."""
    item = deed.request.transactions[0].transaction  # type: ignore[attr-defined]
    asked = likewise.Transaction(payee=item.payee, description=item.description)
    options = ClassifyOptions(min_revision=deed.revision, max_neighbours=64)
    request = ClassifyRequest(tenant=hand.book.tenant, transaction=asked, options=options)
    answer = hand.calls.classify(request).classification
    if deed.anchor not in [neighbour.transaction_id for neighbour in answer.neighbours]:
        hand.find("lost", f"{deed.anchor} was acknowledged, and is not used by the next call")


def _learn_wrong(hand: Hand) -> None:
    """A lesson with one item that is wrong: none of it may be there."""
    anchor = hand.anchor()
    request = learn_request(hand, anchor)
    wrong = hand.random.choice((_WITHOUT_WORDS, _WITH_ODD_AMOUNT))
    request.transactions.append(wrong)
    request.transactions[-1].transaction.id = f"{REJECTED}{anchor}"
    deed = hand.book.begin(Kind.LEARN, request, anchor)
    hand.calls.do(deed)
    hand.find("phantom", f"{anchor} holds what is wrong, and was acknowledged")


def _import(hand: Hand) -> None:
    """An import in pieces; an item that is wrong is rejected alone."""
    name, pieces = hand.anchor(), []
    for number in range(hand.random.randint(1, _PIECES_MAX)):
        anchor = f"{name}#{number}"
        items = [_anchored(hand, anchor)]
        items += _more_items(hand, anchor, wordings.CATEGORIES)
        if hand.random.random() < 0.3:
            items.append(LabelledTransaction())
            items[-1].CopyFrom(_WITHOUT_WORDS)
            items[-1].transaction.id = f"{REJECTED}{anchor}"
        request = ImportTransactionsRequest(tenant=hand.book.tenant, transactions=items)
        pieces.append(hand.book.begin(Kind.PIECE, request, anchor))
    hand.calls.do_import(pieces)


def _repeat(hand: Hand, deed: Deed) -> None:
    """The same request once more: the first outcome, to the letter."""
    again = Deed(deed.kind, deed.request)
    if hand.calls.do(again) != deed.response:
        hand.find("divergent", f"{deed.anchor} was repeated, and answered otherwise")


def _anchored(hand: Hand, anchor: str) -> LabelledTransaction:
    """An entry that nothing else has, of words that nothing else has."""
    mark = hand.book.marks[anchor] = wordings.marker(hand.random)
    return _item(hand, anchor, mark, wordings.CATEGORIES)


def _item(hand: Hand, name: str, mark: str, categories: tuple[str, ...]) -> LabelledTransaction:
    return wordings.labelled(hand.random, wordings.transaction(hand.random, name, mark), categories)


def _more_items(hand: Hand, anchor: str, categories: tuple[str, ...]) -> list[LabelledTransaction]:
    """New entries beside an anchor, and known ones that are labelled anew."""
    random = hand.random
    names = [f"{anchor}+{number}" for number in range(random.randrange(_ITEMS_MAX))]
    if hand.touchable and random.random() < 0.4:
        names.append(random.choice(hand.touchable))
    return [_item(hand, name, "", categories) for name in names]


def _update(hand: Hand) -> UpdateTenantRequest:
    random = hand.random
    asked = Tenant(id=hand.book.tenant)
    path = random.choice(("display_name", "policy.target_precision", "policy.closed_chart", "chart"))
    if path == "display_name":
        asked.display_name = wordings.marker(random)
    elif path == "chart":
        asked.chart.append(Category(dimension="category", id="n" + wordings.marker(random)[:6], name="New"))
    else:
        asked.policy.CopyFrom(
            Policy(target_precision=round(random.uniform(0.8, 0.99), 3), closed_chart=random.random() < 0.5)
        )
    return UpdateTenantRequest(tenant=asked, update_mask=FieldMask(paths=[path]))


_WITHOUT_WORDS: Final = likewise.labelled(likewise.Transaction(id="w"), "c0")
_WITH_ODD_AMOUNT: Final[Any] = likewise.labelled(likewise.Transaction(id="w", payee="x"), "c0")
_WITH_ODD_AMOUNT.transaction.amount.units = 1
_WITH_ODD_AMOUNT.transaction.amount.nanos = -1
