"""Who is compared: a model folder, by the name that it goes by in the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from likewise_engine.errors import InvalidInput
from likewise_indexer.cards.record import CardKind
from likewise_indexer.cards.shelf import Model, model_in


@dataclass(frozen=True, slots=True)
class Contender:
    """An encoder that is compared.

    Attributes:
        name: of its folder; unique among those compared.
        model: what lies there.
    """

    name: str
    model: Model

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.model.folder


def contenders_of(folders: Sequence[Path]) -> list[Contender]:
    """The encoders of these folders, in their order.

    Raises:
        InvalidInput: there is none, two have one name, or one holds a vote.
        ModelFault: a folder holds no model.
    """
    found = [Contender(folder.resolve().name, model_in(folder)) for folder in folders]
    if not found:
        raise InvalidInput.of("encoders", "are none")
    for contender in found:
        if contender.model.kind is not CardKind.ENCODER:
            raise InvalidInput.of("encoders", f"{contender.folder} holds a vote")
    names = [contender.name for contender in found]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InvalidInput.of("encoders", f"two folders are called {twice[0]}")
    return found
