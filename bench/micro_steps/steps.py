"""The steps that are timed, each from what the step before it gave."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from itertools import count
from typing import Any, Final, TypeVar

import numpy as np
from tokenizers import Tokenizer

from likewise.v1.classifier_service_pb2 import ClassifyRequest, ClassifyResponse
from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.chart import TARGET_PRECISION_DEFAULT
from likewise_engine.classify import judge
from likewise_engine.decision import decide
from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.encoder.feeds import StaticFeeder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, read_manifest
from likewise_engine.evidence import evidence_of, surroundings_of
from likewise_engine.ledger.view import UNKNOWN
from likewise_engine.store.base import Change, Entry, NewEntry
from likewise_engine.text import text_and_payee
from likewise_engine.transaction import CATEGORY_DIMENSION, Authority
from likewise_server.service import translate
from micro_steps.prepared import QUESTIONS, Prepared, known_of
from micro_steps.witnesses import WITNESSES

T = TypeVar("T")
Call = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is timed.

    Attributes:
        prepare: gives the call that is timed; what it does before is not.
        times: how often the call does it.
    """

    prepare: Callable[[Prepared], Call]
    times: int = QUESTIONS


def _each(values: Iterable[T], do: Callable[[T], object]) -> Call:
    kept = list(values)

    def call() -> None:
        for value in kept:
            do(value)

    return call


def _text_plain(prepared: Prepared) -> Call:
    """Wordings that are suppliers' names and nothing else."""
    return _each((asked.payee for asked in prepared.transactions), lambda name: text_and_payee(name, ""))


def _text(prepared: Prepared) -> Call:
    """Wordings as a bank prints them: numbers and dates to be masked."""
    printed = [
        f"POS {4000 + number} {asked.payee.upper()} {number % 28 + 1:02}/07 CARD *{number:04}"
        for number, asked in enumerate(prepared.transactions)
    ]
    return _each(printed, lambda wording: text_and_payee(wording, ""))


def _tokens(prepared: Prepared) -> Call:
    with as_file(files("likewise_engine") / "models" / DEFAULT_MODEL) as folder:
        manifest = read_manifest(folder)
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    assert manifest.ngrams is not None
    feeder = StaticFeeder(tokenizer, manifest.tokens_max, manifest.ngrams)
    return _each(([wording.text] for wording in prepared.wordings), feeder.feed)


def _vector_known(prepared: Prepared) -> Call:
    view = prepared.view
    texts = [wording.text for wording in prepared.wordings if wording.text_number != UNKNOWN]
    return _each(texts, lambda text: view.index.vectors_of(np.array([view.text_number(text)])))


def _vector_new(prepared: Prepared) -> Call:
    texts = [wording.text for wording in prepared.wordings if wording.text_number == UNKNOWN]
    return _each(([text] for text in texts), prepared.encoder.encode)


def _search(prepared: Prepared) -> Call:
    search = prepared.view.index.search
    return _each(
        prepared.wordings,
        lambda wording: search(wording.vector, limits.RETRIEVED_TEXTS_MAX, known_of(wording)),
    )


def _search_graph(prepared: Prepared) -> Call:
    search = prepared.large_index.search
    return _each(prepared.wordings, lambda wording: search(wording.vector, limits.RETRIEVED_TEXTS_MAX))


def _search_exact(prepared: Prepared) -> Call:
    search = prepared.large_index.exact
    return _each(prepared.wordings, lambda wording: search(wording.vector, limits.RETRIEVED_TEXTS_MAX))


def _surroundings(prepared: Prepared) -> Call:
    view = prepared.view
    asked = zip(prepared.transactions, prepared.wordings, prepared.near, strict=True)
    return _each(asked, lambda each: surroundings_of(view, *each))


def _evidence(prepared: Prepared) -> Call:
    view = prepared.view
    arounds = (question.around for question in prepared.questions)
    return _each(arounds, lambda around: evidence_of(view, around, CATEGORY_DIMENSION))


def _vote(prepared: Prepared) -> Call:
    evidence = (question.evidence[CATEGORY_DIMENSION] for question in prepared.questions)
    return _each(evidence, prepared.vote.probabilities)


def _judge(prepared: Prepared) -> Call:
    view, vote = prepared.view, prepared.vote
    return _each(prepared.questions, lambda question: judge(view, vote, question, CATEGORY_DIMENSION))


def _decide(prepared: Prepared) -> Call:
    calibration = prepared.view.calibrations[CATEGORY_DIMENSION]
    answers = (answer.answers[0] for answer in prepared.answers)
    return _each(
        answers,
        lambda answer: decide(answer.candidates, None, answer.witness, TARGET_PRECISION_DEFAULT, calibration),
    )


def _classify(prepared: Prepared) -> Call:
    ledger, options = prepared.ledger, ClassifyOptions()
    return _each(prepared.transactions, lambda transaction: ledger.classify(transaction, options))


def _request(prepared: Prepared) -> Call:
    def read(message: bytes) -> None:
        request = ClassifyRequest.FromString(message)
        translate.classify_options(request.options)
        translate.required_transaction(request)

    return _each(prepared.messages, read)


def _response(prepared: Prepared) -> Call:
    def write(answer: Any) -> None:
        response = ClassifyResponse()
        translate.fill_classification(response.classification, answer, 0)
        response.SerializeToString()

    return _each(prepared.answers, write)


def _learn(prepared: Prepared) -> Call:
    ledger, numbers = prepared.copy(), count()

    def call() -> None:
        ledger.learn([prepared.lesson(next(numbers))])

    return call


def _commit(prepared: Prepared) -> Call:
    """As a Learn of a known text commits, without all that comes before and after."""
    store = prepared.copy().store
    snapshot = store.snapshot()
    columns = snapshot.entries
    known = store.entries_by_id([columns.transaction_ids[0]])[columns.transaction_ids[0]]
    text, payee = int(columns.text[0]), int(columns.payee[0])
    categories = [(int(columns.label_categories[0]), Authority.PERSON)]
    seqs, revisions = count(int(columns.seq[-1]) + 1), count(snapshot.record.revision + 1)

    def call() -> None:
        seq, revision = next(seqs), next(revisions)
        transaction = prepared.lesson(seq).transaction
        entry = Entry(seq, transaction, known.labels, known.authorities, revision)
        new = NewEntry(entry, text, payee, int(columns.order_day[0]), categories)
        store.commit(Change(revision, entries=[new]))

    return call


def _load(prepared: Prepared) -> Call:
    return lambda: prepared.load().close()


STEPS: Final[Mapping[str, Step]] = {
    "request-from-protobuf": Step(_request),
    "text": Step(_text),
    "text-plain": Step(_text_plain),
    "tokens": Step(_tokens),
    "vector-known": Step(_vector_known, QUESTIONS // 2),
    "vector-new": Step(_vector_new, QUESTIONS // 2),
    "search": Step(_search),
    "search-graph": Step(_search_graph),
    "search-exact": Step(_search_exact),
    "surroundings": Step(_surroundings),
    "evidence": Step(_evidence),
    **{name: Step(prepare) for name, prepare in WITNESSES.items()},
    "vote": Step(_vote),
    "judge": Step(_judge),
    "decide": Step(_decide),
    "classify": Step(_classify),
    "answer-to-protobuf": Step(_response),
    "commit": Step(_commit, 1),
    "learn": Step(_learn, 1),
    "load": Step(_load, 1),
}
"""By name. ``search`` is by the tenant's index; -graph and -exact by one that is large enough for a graph.
``text`` is of bank strings, -plain of suppliers' names. ``evidence`` includes what the witnesses say,
``judge`` the vote, ``classify`` all from text to decide, ``learn`` the commit."""
