"""The adviser: takes up what would be an ASK, asks a language model aside, and keeps what it says.

On the path of an answer there is :meth:`Adviser.heed` alone, which looks up whether there is a testimony,
puts a question into a bounded queue, and waits for nothing: a full queue, a spent budget or an endpoint that
fails mean that nothing is asked, and that is counted. All else happens in a thread of the adviser's own, in
an event loop: what is asked is worked out anew from the tenant as it is by then, and what is no ASK any more
is let go.

A question lives for twice the timeout at most: once in the queue, once with the endpoint. Its wording is in
memory no longer. What was asked about before something was forgotten is not kept (see
:meth:`likewise_engine.ledger.aside.Aside.testify`). Several worker processes have an adviser each; the id of
a suggestion says until when it may come, so that any of them can tell whether to wait.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions, Decision
from likewise_engine.errors import LikewiseError
from likewise_engine.grounds import Judgement
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.view import View
from likewise_engine.tenants import Tenants
from likewise_engine.testimony import Testimony, expected_of, question_key
from likewise_engine.transaction import Transaction
from likewise_server.language_model.budget import Allowance
from likewise_server.language_model.chat import Chat, ChatFault, Message
from likewise_server.language_model.question import PROMPT_VERSION, Menu, NotOfTheChart, messages_of
from likewise_server.language_model.suggestion_id import suggestion_id
from likewise_server.language_model.waiting import Event, Waiting, Wish

_NEIGHBOURS: Final = 8
"""Past entries that are told of: a thousand tokens."""
_CHARS_PER_TOKEN: Final = 3
"""Of JSON in European languages, rather too few: what is estimated is held back until it is known."""

_log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Conduct:
    """How the adviser behaves.

    Attributes:
        model: name of the model.
        timeout_s: of one question to the endpoint, and of its wait before.
        concurrency: questions that are with the endpoint at once.
        sends_raw_wording: whether payee and description are sent as they came, masked, and not the text.
        is_alone: whether no other process serves the same tenants.
        allowance: what may be spent.
    """

    model: str
    timeout_s: float
    concurrency: int
    sends_raw_wording: bool
    is_alone: bool
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class _Question:
    text: str
    view: View
    menu: Menu
    messages: list[Message]
    judgement: Judgement
    """Of the vote."""

    @property
    def tokens(self) -> int:
        characters = sum(len(message["content"]) for message in self.messages)
        return characters // _CHARS_PER_TOKEN + limits.LANGUAGE_MODEL_ANSWER_TOKENS_MAX


class Adviser:
    """Asks one language model, for all tenants of this process."""

    def __init__(self, tenants: Tenants, chat: Chat, conduct: Conduct) -> None:
        """Start the thread.

        Args:
            tenants: whose transactions are asked about; to be closed after this.
            chat: the endpoint; closed by :meth:`close`.
            conduct: how to behave.
        """
        self.witness: Final = f"{conduct.model}/{PROMPT_VERSION}"
        """Names the model, and the way in which it is asked, in what is kept."""
        self.waiting: Final = Waiting(conduct.allowance, conduct.concurrency, conduct.timeout_s)
        self.is_closing: Final = threading.Event()
        """Set by :meth:`begin_closing`."""
        self._tenants = tenants
        self._chat = chat
        self._conduct = conduct
        self._loop: asyncio.AbstractEventLoop
        self._wake: asyncio.Event
        self._stop: asyncio.Event
        self._is_started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name="adviser", daemon=True)
        self._thread.start()
        self._is_started.wait()

    def heed(
        self, tenant: str, ledger: Ledger, transaction: Transaction, answered: Classification
    ) -> Mapping[str, str]:
        """Take up what was ASKed, on the path of the answer: waits for nothing.

        Args:
            tenant: whose transaction it is.
            ledger: the tenant's.
            transaction: that was asked about. One without an id is not taken up: what was said of it could
                not be forgotten by it.
            answered: what came of it.

        Returns:
            By dimension the id of the suggestion that is there, or may come.
        """
        told = dict[str, str]()
        if not transaction.id:
            return told
        view, now_s = ledger.view, time.time()
        for answer in answered.answers:
            dimension, is_asked = answer.dimension, answer.decision is Decision.ASK
            known = view.testimonies.by_question.get((answered.text, dimension))
            is_open = known is not None and known.label is None
            key = question_key(answered.text, dimension)
            if known is not None and is_open and not (is_asked and self._is_outdated(known, view)):
                told[dimension] = suggestion_id(key, now_s)
            elif is_asked:
                wish = Wish(tenant, transaction, dimension, key, view.revision)
                until_s, is_new = self.waiting.offer(wish, now_s)
                if is_new:
                    self._loop.call_soon_threadsafe(self._wake.set)
                if until_s is not None:
                    told[dimension] = suggestion_id(key, until_s)
        return told

    def may_come_elsewhere(self, until_s: float) -> bool:
        """Whether another process may be asking what this one knows nothing of, until some time."""
        return not self._conduct.is_alone and time.time() < until_s

    def begin_closing(self) -> None:
        """Let those go who wait for suggestions."""
        self.is_closing.set()

    def close(self) -> None:
        """Give up what is under way, and end the thread. What has begun to be kept is kept."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        counts = {event.value: count for event, count in sorted(self.waiting.counts().items())}
        _log.info("language model", model=self._conduct.model, **counts)

    def _is_outdated(self, known: Testimony, view: View) -> bool:
        """Whether it is another model's, or of another chart than today's."""
        return known.witness != self.witness or known.menu != _menu(view, known.dimension).digest

    # --- The thread -----------------------------------------------------------------------------

    async def _live(self) -> None:
        self._loop, self._wake, self._stop = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        self._is_started.set()
        asking = [asyncio.create_task(self._ask_in_turn()) for _ in range(self._conduct.concurrency)]
        await self._stop.wait()
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._chat.close()

    async def _ask_in_turn(self) -> None:
        while True:
            wish = self.waiting.next(time.time())
            if wish is None:
                self._wake.clear()  # Whoever sets it does so in this loop, and so after this.
                await self._wake.wait()
                continue
            event = Event.FAILED
            try:
                event = await self._ask(wish)
            except LikewiseError as error:
                # The tenant is deleted, say, or its store has failed. Messages name no wording.
                _log.warning("question to the language model lost", reason=error.reason)
            finally:
                self.waiting.done(wish, event)
                self._wake.set()

    async def _ask(self, wish: Wish) -> Event:
        question = await asyncio.to_thread(self._question, wish)
        if question is None:
            return Event.OBSOLETE
        self.waiting.begin(wish, question.tokens, time.time())
        try:
            completion = await self._chat.complete(question.messages, question.menu.schema)
        except ChatFault as error:
            if self.waiting.fail(time.time()):
                _log.warning("language model left alone for a while", error=error.message)
            return Event.FAILED
        self.waiting.settle(wish, (completion.tokens or question.tokens) - question.tokens)
        try:
            category = question.menu.chosen(completion.content)
        except NotOfTheChart:
            return Event.INVENTED
        is_kept = await asyncio.to_thread(self._keep, wish, question, category)
        if not is_kept:
            return Event.OBSOLETE
        return Event.NONE_FITS if category is None else Event.ANSWERED

    # --- Threads beside it, for what waits for the disk ---------------------------------------------

    def _question(self, wish: Wish) -> _Question | None:
        """What is to be asked, from the tenant as it is now; None where it is no ASK any more."""
        options = ClassifyOptions(dimensions=(wish.dimension,), neighbours_max=_NEIGHBOURS)
        with self._tenants.use(wish.tenant) as ledger:
            view = ledger.view
            answered = ledger.classify(wish.transaction, options)
        menu = _menu(view, wish.dimension)
        answer = answered.answer(wish.dimension)
        if answer.decision is not Decision.ASK or not menu.numbers:
            return None
        text = answered.text
        if self._conduct.sends_raw_wording:
            text = f"{wish.transaction.payee} {wish.transaction.description}".strip()
        messages = messages_of(menu, wish.dimension, wish.transaction, text, answered.neighbours)
        return _Question(answered.text, view, menu, messages, answered.grounds[0].judgement)

    def _keep(self, wish: Wish, question: _Question, category: int | None) -> bool:
        """Keep what was said; whether it is kept."""
        expected = 0.0
        if category is not None:
            judgement, active = question.judgement, question.view.active_categories(wish.dimension)
            expected = expected_of(category, judgement.candidates, judgement.probabilities, len(active))
        testimony = Testimony(
            transaction_id=wish.transaction.id,
            text=question.text,
            dimension=wish.dimension,
            category=category,
            expected=expected,
            witness=self.witness,
            menu=question.menu.digest,
            revision=wish.revision,
        )
        with self._tenants.use(wish.tenant) as ledger:
            return ledger.testify(testimony)


def _menu(view: View, dimension: str) -> Menu:
    """The active categories of a dimension, or the most used of them, in the order of the chart."""
    active = view.active_categories(dimension)
    by_use = active[view.category_counts[active].argsort(kind="stable")[::-1]]
    return Menu.of(view.chart, sorted(by_use[: limits.LANGUAGE_MODEL_CATEGORIES_MAX].tolist()))
