"""What a card's record holds: a file ``card.json`` beside the model, validated, of a stated format.

It is no part of the model: neither it nor the card changes a fingerprint. It names the fingerprint that it
tells of, so a card that was left behind by a change of the model is found out.
"""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import isnan
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from likewise_engine import limits
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import CARD_FILE, read_bounded, sha256_of
from likewise_indexer.cards.markdown import markdown_of

RECORD_FILE: Final = "card.json"
FORMAT: Final = 1

Cell = str | int | float | None
"""Of a table. A figure that does not exist is None."""
Line = Annotated[str, Field(min_length=1, max_length=limits.CARD_LINE_CHARS_MAX, pattern=r"^[^\n|]+$")]
Prose = Annotated[str, Field(min_length=1, max_length=limits.CARD_PROSE_CHARS_MAX)]
"""Markdown without headings of its own."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CardKind(StrEnum):
    """What a card is of."""

    ENCODER = "encoder"
    VOTE = "vote"
    DATA = "data"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileRecord(_Value):
    """A file that the card tells of.

    Attributes:
        name: relative to the card's folder.
        sha256: in hexadecimal.
        bytes: its size.
    """

    name: Line
    sha256: Digest
    bytes: Annotated[int, Field(ge=0)]


class Table(_Value):
    """Figures.

    Attributes:
        columns: their heads, the first that of the rows' names.
        rows: as many cells each; numbers as they were measured, rounded by the template alone.
        text: what they mean and how they were measured; Markdown, may be empty.
        command: reproduces them; may be empty where nobody can.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    text: str = ""
    command: str = ""

    @field_validator("rows", mode="before")
    @classmethod
    def _known(cls, rows: Any) -> Any:
        """NaN is what JSON does not have."""
        return tuple(
            tuple(None if isinstance(cell, float) and isnan(cell) else cell for cell in row) for row in rows
        )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.columns or any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row has other cells than the {len(self.columns)} columns")
        return self


class Section(_Value):
    """A part of a card: what is to be said, and the figures that it rests on."""

    text: Prose
    tables: tuple[Table, ...] = ()


class Slice(_Value):
    """Figures of a part of what was asked. Worked out by code from the answers, never typed in.

    Attributes:
        by: what the parts differ by; BIASES are those that a model's card has to have.
        part: which part.
        who: who answered.
        tenants: whose questions they are; the figures are plain averages over these.
        questions: of all these tenants.
        figures: by name; None where there is none.
    """

    by: Line
    part: Line
    who: Line
    tenants: Annotated[int, Field(ge=0)]
    questions: Annotated[int, Field(ge=0)]
    figures: Mapping[str, _Finite | None]

    @field_validator("figures", mode="before")
    @classmethod
    def _known(cls, figures: Any) -> Any:
        return {name: None if figure is None or isnan(figure) else figure for name, figure in figures.items()}


BY_LANGUAGE: Final = "language of the books"
BY_SIZE: Final = "labels that the tenant has"
BY_RARITY: Final = "earlier labels of the right category"
BIASES: Final = (BY_LANGUAGE, BY_SIZE, BY_RARITY)


class Making(_Value):
    """What it took to make the model, and what that is worth in energy by stated assumptions.

    Attributes:
        command: makes it again, from the same data.
        date: ISO, of the day.
        wall_s: seconds from beginning to end.
        processor_s: seconds of all processes and threads together.
        processor: what it is called.
        watts_per_core: assumed of a busy core, memory and losses included.
        grams_per_kwh: assumed CO2 equivalent of the electricity.
        versions: of what the result depends on, by name.
        note: what is not counted, say; may be empty.
    """

    command: Prose
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    wall_s: _NotNegative
    processor_s: _NotNegative
    processor: Line
    watts_per_core: _NotNegative
    grams_per_kwh: _NotNegative
    versions: Mapping[str, str]
    note: str = ""

    @property
    def energy_wh(self) -> float:
        """Energy: processor time by the watts of a busy core."""
        return self.processor_s * self.watts_per_core / 3600

    @property
    def co2e_g(self) -> float:
        """Grams of CO2 equivalent: energy by what the grid's electricity emits."""
        return self.energy_wh / 1000 * self.grams_per_kwh


class CardRecord(_Value):
    """All that a card says.

    Attributes:
        format: of this record.
        kind: what it is of.
        name: of the model or the data set.
        fingerprint: of the model that was measured; for data, of its files.
        summary: what it is, in a paragraph.
        licence: SPDX identifier, and of what it derives.
        files: all that the fingerprint covers.
        intended_use: what it is for, and what it is not for.
        data: what it was made from; of data, what it is and where it comes from.
        measured: how well it does.
        slices: the same by parts; of a model, by each of BIASES.
        limits: where it fails, and for whom it is worse.
        making: what it took to make; None where nobody noted it.
        how: how it was made, and is made again.
    """

    format: Literal[1] = 1
    kind: CardKind
    name: Line
    fingerprint: Line
    summary: Prose
    licence: Prose
    files: tuple[FileRecord, ...]
    intended_use: Section
    data: Section
    measured: Section
    slices: tuple[Slice, ...] = ()
    limits: Section
    how: Section
    making: Making | None = None

    def missing_biases(self) -> list[str]:
        """Of a model, the BIASES that nothing was measured of."""
        if self.kind is CardKind.DATA:
            return []
        measured = {part.by for part in self.slices}
        return [by for by in BIASES if by not in measured]


def files_of(folder: Path, names: Iterable[str]) -> tuple[FileRecord, ...]:
    """What these files are now. Raises OSError where one cannot be read."""
    return tuple(
        FileRecord(name=name, sha256=sha256_of(folder / name), bytes=(folder / name).stat().st_size)
        for name in names
    )


def read_record(folder: Path) -> CardRecord:
    """Read the record of a folder.

    Raises:
        ModelFault: there is none, or it is not what :func:`write_card` writes.
    """
    path = folder / RECORD_FILE
    content = read_bounded(path, limits.CARD_BYTES_MAX)
    try:
        return CardRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = f"{where} {first['msg']}".strip()
        raise ModelFault(f"{path} is no card's record: {what}") from error


def write_card(folder: Path, record: CardRecord) -> None:
    """Write the record, and the card that is made of it. Raises OSError."""
    document = record.model_dump(mode="json")
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / RECORD_FILE).write_text(text, encoding="utf-8")
    (folder / CARD_FILE).write_text(markdown_of(record), encoding="utf-8")
