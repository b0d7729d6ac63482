"""What is fuzzed: something that makes inputs out of chance, and takes them."""

from dataclasses import dataclass, replace
from typing import Protocol

from fuzz_side.chance import Chance


@dataclass(frozen=True, slots=True)
class Input:
    """A bad input.

    Attributes:
        kind: what of the target it is for: a method, a format.
        content: the bytes of it, which may be cut down to find what matters.
        metadata: of a call.
    """

    kind: str
    content: bytes
    metadata: tuple[tuple[str, str | bytes], ...] = ()

    def with_content(self, content: bytes) -> "Input":
        """The same with other bytes."""
        return replace(self, content=content)


class Target(Protocol):
    """Takes any input, and comes to a typed outcome."""

    name: str

    def make(self, chance: Chance) -> Input:
        """An input."""

    def feed(self, made: Input) -> str:
        """Take the input.

        Returns:
            A word for what came of it; it was one of the outcomes that are meant.

        Raises:
            Exception: it was not.
        """

    def close(self) -> None:
        """Let go of what it holds."""


class UntypedOutcome(Exception):
    """An input came to something that no caller should see."""


def smallest(target: Target, failing: Input, trials_max: int = 400) -> Input:
    """Cut an input down, for as long as the target fails in the same way (delta debugging, Zeller 2002)."""
    kind = _failure_of(target, failing)
    best, trials, parts = failing, 0, 2
    while kind is not None and len(best.content) > 1 and trials < trials_max:
        size = max(1, len(best.content) // parts)
        for start in range(0, len(best.content), size):
            trials += 1
            shorter = best.with_content(best.content[:start] + best.content[start + size :])
            if _failure_of(target, shorter) is kind:
                best, parts = shorter, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(best.content), 2 * parts)
    return best


def _failure_of(target: Target, made: Input) -> type[BaseException] | None:
    try:
        target.feed(made)
    except Exception as error:  # noqa: BLE001 - whatever it is, its type is told
        return type(error)
    return None
