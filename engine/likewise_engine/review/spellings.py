"""One payee under several spellings: names that are alike, and whose entries are filed alike."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.encoder.base import Encoder
from likewise_engine.review.finding import Finding, FindingKind
from likewise_engine.review.history import History

_COSINE_MIN: Final = 0.6
"""Of the names' vectors: less is not looked at more closely."""
_RATIO_MIN: Final = 0.85
"""Of the characters that two names share in order (Ratcliff and Obershelp 1988), spaces left out."""
_PREFIX_CHARS_MIN: Final = 8
"""A name that begins another one and is so long was cut, or has a place or a legal form behind it."""
_LABELS_ALIKE_MIN: Final = 0.8
"""Cosine of the two distributions of labels."""
_PAIRS_MAX: Final = 20_000
"""Pairs of names that are looked at more closely, the nearest first: .1 ms each."""
_AT_ONCE: Final = 256


def spellings(history: History, encoder: Encoder) -> Iterator[Finding]:
    """Payees that are probably one, as groups. Raises ModelFault."""
    used = Counter(history.view.payee[history.rows].tolist())
    names = {number: history.payees.get(number, "") for number, _ in used.most_common()}
    numbers = [number for number, name in names.items() if len(name) > 3][: limits.REVIEW_PAYEES_MAX]
    if len(numbers) < 2:
        return
    labels = {
        int(history.view.payee[history.rows[positions[0]]]): positions
        for positions in history.groups(history.view.payee[history.rows].astype(np.int64), 1)
    }
    group = list(range(len(numbers)))

    def root(position: int) -> int:
        while group[position] != position:
            group[position] = group[group[position]]
            position = group[position]
        return position

    for left, right in _near(encoder.encode([names[number] for number in numbers])):
        a, b = numbers[left], numbers[right]
        if _are_one(names[a], names[b]) and _filed_alike(history, labels[a], labels[b]):
            group[root(right)] = root(left)
    members: dict[int, list[int]] = {}
    for position in range(len(numbers)):
        members.setdefault(root(position), []).append(numbers[position])
    for of_one in members.values():
        if len(of_one) > 1:
            yield _finding(
                history, [names[number] for number in of_one], [labels[number] for number in of_one]
            )


def _near(vectors: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Pairs of names whose vectors are near, the nearest first, PAIRS_MAX at most."""
    kept = np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        cosines = vectors[start : start + _AT_ONCE] @ vectors[start:].T
        near = np.argwhere(np.triu(cosines, 1) >= _COSINE_MIN)
        # Of names that are nearly all alike there are tens of millions of pairs: never all at once.
        pairs = np.concatenate((kept[0], near + start))
        nearness = np.concatenate((kept[1], cosines[near[:, 0], near[:, 1]]))
        nearest = np.argsort(-nearness, kind="stable")[:_PAIRS_MAX]
        kept = pairs[nearest], nearness[nearest]
    return iter([(left, right) for left, right in kept[0].tolist()])


def _are_one(one: str, other: str) -> bool:
    """Whether two names are spellings of one: but for a number, which tells two things apart."""
    if [word for word in one.split() if word.isdigit()] != [word for word in other.split() if word.isdigit()]:
        return False
    short, long = sorted((one.replace(" ", ""), other.replace(" ", "")), key=len)
    if len(short) >= _PREFIX_CHARS_MIN and long.startswith(short):
        return True
    return SequenceMatcher(None, short, long, autojunk=False).ratio() >= _RATIO_MIN


def _filed_alike(history: History, one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    counts = (Counter(history.labels[positions].tolist()) for positions in (one, other))
    a, b = (dict(count) for count in counts)
    dot = sum(n * b.get(category, 0) for category, n in a.items())
    norm = float(np.sqrt(sum(n * n for n in a.values()) * sum(n * n for n in b.values())))
    return dot >= _LABELS_ALIKE_MIN * norm


def _finding(history: History, names: Sequence[str], positions: Sequence[NDArray[np.int64]]) -> Finding:
    total = sum(map(len, positions))
    shown = ", ".join(f"{name!r} ({len(of)})" for name, of in zip(names[:6], positions, strict=False))
    category, count = Counter(history.labels[np.concatenate(positions)].tolist()).most_common(1)[0]
    return Finding(
        kind=FindingKind.PAYEE_SPELLINGS,
        dimension=history.dimension,
        score=SequenceMatcher(None, names[0], names[1], autojunk=False).ratio(),
        message=(
            f"These may be one payee: {shown}{', …' if len(names) > 6 else ''}; {count} of {total} entries"
            f" are {history.name(category)}."
        ),
        action="Nothing has to be done for Likewise, which sees the likeness; tidy them up at the source.",
        categories=history.ids(category),
        payees=tuple(names[: limits.REVIEW_ENTRIES_SHOWN_MAX]),
        statistics={"spellings": float(len(names)), "entries": float(total)},
        # One entry of each spelling shows more than many of one.
        entries=history.entries([int(of[-1]) for of in positions]),
        entries_total=total,
    )
