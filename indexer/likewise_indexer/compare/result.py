"""What came of a comparison: values that are their own JSON document, checked when they are read."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from likewise_engine import limits
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import read_bounded
from likewise_indexer.cards.record import Slice


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Accuracy(_Value):
    """How right the engine is with an encoder: plain averages over tenants, None where nothing was asked.

    Attributes:
        tenants: that were measured.
        questions: of all of them.
        top1: as in :class:`likewise_indexer.backtest.Measures`, as all that follows to ``filed_precision``.
        top1_payee_unseen: of payees never seen before.
        top1_category_rare: of categories seen fewer than five times before.
        top1_after_50: of tenants that were taught 50 labels and no more; None where that was not measured.
        slices: by language, size and rarity.
    """

    tenants: int
    questions: int
    top1: float | None
    top3: float | None
    coverage_at_95: float | None
    coverage_at_98: float | None
    ece: float | None
    filed_share: float | None
    filed_precision: float | None
    top1_payee_unseen: float | None
    top1_category_rare: float | None
    top1_after_50: float | None
    slices: tuple[Slice, ...]


class Agreement(_Value):
    """Whether an encoder finds alike what a teacher finds alike, over some texts.

    Attributes:
        texts: how many.
        neighbours_shared: of the ten texts nearest to each, the share that the teacher has too.
        rank_correlation: Spearman's, between the cosines of pairs.
    """

    texts: int
    neighbours_shared: float
    rank_correlation: float


class Speed(_Value):
    """What an encoder takes on one thread.

    Attributes:
        texts: timed, one by one.
        micros_p50: of a text, median.
        micros_p99: 99th percentile.
        load_ms: from the folder to the first vector; the least of some tries.
    """

    texts: int
    micros_p50: float
    micros_p99: float
    load_ms: float


class Compared(_Value):
    """An encoder that was compared.

    Attributes:
        name: as in the table.
        fingerprint: with the version of the texts.
        form: what it takes in.
        dimensions: of its vectors.
        bytes: of its files.
        accuracy: of the engine with it.
        agreement: with the teacher; None where there is none.
        speed: of it.
        is_on_front: whether none of the others is as right and faster, or as fast and more often right.
    """

    name: str
    fingerprint: str
    form: str
    dimensions: int
    bytes: int
    accuracy: Accuracy
    agreement: Agreement | None
    speed: Speed
    is_on_front: bool


class Comparison(_Value):
    """Encoders that were compared.

    Attributes:
        format: of this document.
        encoders: in the order in which they were named.
        vote_fingerprint: of the vote that weighed evidence.
        teacher: fingerprint of the teacher; empty where there is none.
        books: files of the books, by name.
        command: what was typed.
        processor: where the speeds were measured.
    """

    format: Literal[1] = 1
    encoders: Annotated[tuple[Compared, ...], Field(min_length=1)]
    vote_fingerprint: str
    teacher: str
    books: tuple[str, ...]
    command: str
    processor: str

    def json_text(self) -> str:
        """The document, ending with a line break."""
        return self.model_dump_json(indent=1) + "\n"


def read_comparison(path: Path) -> Comparison:
    """Read what ``likewise model compare`` wrote. Raises ModelFault where it is none."""
    content = read_bounded(path, limits.COMPARISON_BYTES_MAX)
    try:
        return Comparison.model_validate_json(content)
    except ValidationError as error:
        raise ModelFault(f"{path} is no comparison of encoders: {error.errors()[0]['msg']}") from error
