"""``likewise model distil``: a small student of a large model, static or a transformer of fewer layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from likewise_engine.encoder.ngrams import NgramHash
from likewise_indexer.cards import CardKind, Table
from likewise_indexer.cards.making import GRAMS_PER_KWH, WATTS_PER_CORE
from likewise_indexer.models.numbers import Precision
from likewise_server.cli import making
from likewise_server.cli.building import Bars, GramsOption, WattsOption, building, check_out, checked_name
from likewise_server.cli.common import console, fail

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from likewise_indexer.models.layers import Layered
    from likewise_indexer.models.tune.training import Tuning


class StudentKind(StrEnum):
    """What a student is to be."""

    STATIC = "static"
    TRANSFORMER = "transformer"


_OPTIONS_OF: Final = {
    StudentKind.STATIC: ("token_dimensions", "ngram_dimensions", "ngram_length_max", "buckets_log2"),
    StudentKind.TRANSFORMER: (
        "layers",
        "texts",
        "steps",
        "batch_size",
        "learning_rate",
        "precision",
        "work",
    ),
}
"""What means nothing to a student of the other kind."""
_PACKAGES: Final = ("onnx", "sentence-transformers", "tokenizers", "torch", "transformers")
_JUDGEMENTS: Final = 10
"""Of the student in a whole training."""

_TokenDimensions = Annotated[
    int, typer.Option(min=1, max=384, help="Static: length of the part that sees meaning.")
]
_NgramDimensions = Annotated[
    int, typer.Option(min=1, max=384, help="Static: length of the part that sees spelling.")
]
_NgramLengthMax = Annotated[int, typer.Option(min=2, max=6, help="Static: characters of the longest n-gram.")]
_BucketsLog2 = Annotated[
    int,
    typer.Option(min=1, max=24, help="Static: binary logarithm of the n-gram rows; more are for tuning."),
]
_Layers = Annotated[
    int, typer.Option(min=1, help="Transformer: how many of the teacher's, evenly spaced, are kept.")
]
_Steps = Annotated[
    int, typer.Option(min=1, help="Transformer: batches at most; it ends where nothing gets better.")
]
_BatchSize = Annotated[int, typer.Option(min=2, help="Transformer: texts in a batch.")]
_LearningRate = Annotated[float, typer.Option(min=0, help="Transformer: of Adam, after a warm-up.")]
_Work = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Transformer: keep checkpoints there: the same command goes on where it was interrupted. OUT"
        " with .work behind it if not given.",
    ),
]
_Name = Annotated[
    str,
    typer.Option(
        callback=checked_name,
        help=f"{making.NAME_HELP} likewise-static, or the teacher's and the layers if not given.",
    ),
]
_Student = Annotated[
    Path | None,
    typer.Option(help="Also save the student here, as a sentence-transformers model.", file_okay=False),
]


def distil(
    context: typer.Context,
    teacher: Annotated[str, typer.Option(help=making.SOURCE_HELP)],
    out: making.ModelOut,
    student_kind: Annotated[StudentKind, typer.Option(help="What to make.")] = StudentKind.STATIC,
    name: _Name = "",
    token_dimensions: _TokenDimensions = 64,
    ngram_dimensions: _NgramDimensions = 64,
    ngram_length_max: _NgramLengthMax = 4,
    buckets_log2: _BucketsLog2 = 15,
    layers: _Layers = 2,
    texts: making.TextsOption = None,
    steps: _Steps = 1_000,
    batch_size: _BatchSize = 64,
    learning_rate: _LearningRate = 1e-4,
    precision: making.PrecisionOption = Precision.FP32,
    work: _Work = None,
    seed: Annotated[int, typer.Option(min=0, help="Of n-gram rows, or of order and dropout.")] = 0,
    student: _Student = None,
    licence: making.LicenceOption = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Distil a small encoder from a large model.

    The large one is a sentence-transformers model. A static student, of tokens and character n-grams, needs
    nothing else. A transformer begins as some of the teacher's layers, and learns by --texts to give the
    teacher's vectors.
    """
    with building():
        _check_options(context, student_kind, texts)
        check_out(out, CardKind.ENCODER)
        order = _Order(
            teacher, out, student, licence, making.CardWriter(watts_per_core, grams_per_kwh, _PACKAGES)
        )
        if student_kind is StudentKind.STATIC:
            ngrams = NgramHash(ngram_length_max, buckets_log2)
            _static(order, name or "likewise-static", token_dimensions, ngram_dimensions, ngrams, seed)
        else:
            from likewise_indexer.models.tune.training import Tuning

            tuning = Tuning(
                steps, batch_size, learning_rate, judged_every=-(-steps // _JUDGEMENTS), seed=seed
            )
            work = work or out.with_name(f"{out.name}.work")
            _transformer(order, name, layers, making.texts_in(texts), tuning, precision, work)


@dataclass(frozen=True, slots=True)
class _Order:
    """What students of both kinds are made by.

    Attributes:
        teacher: where it comes from.
        out: folder to write.
        student: folder to save it in for sentence-transformers; None for nowhere.
        licence: of the teacher; empty where nobody said.
        card: counts from now.
    """

    teacher: str
    out: Path
    student: Path | None
    licence: str
    card: making.CardWriter

    def load(self) -> "SentenceTransformer":
        """Load the teacher."""
        from likewise_indexer.models.teacher import load_teacher

        with console.status(f"Loading {self.teacher}"):
            return load_teacher(self.teacher)

    def finish(
        self, student: "SentenceTransformer", data: str, how: str, options: str, measured: Sequence[Table]
    ) -> None:
        """Save the student where that is wanted, and write its card."""
        if self.student is not None:
            student.save_pretrained(str(self.student))
        self.card.write(
            self.out,
            f"likewise model distil --teacher {making.called(self.teacher)} {options} --out FOLDER",
            licence=self.licence or "not stated: that of the teacher",
            data=data,
            how=how,
            measured=measured,
        )


def _static(order: _Order, name: str, tokens: int, characters: int, ngrams: NgramHash, seed: int) -> None:
    """Distil a static student of so many dimensions for tokens, and so many for n-grams of characters."""
    from sentence_transformers import SentenceTransformer

    from likewise_indexer.models.distil import Distillation, distil
    from likewise_indexer.models.static_graph import export_static

    model = order.load()
    with Bars() as told:
        distillation = Distillation(tokens, characters, ngrams, seed=seed)
        module = distil(model, distillation, partial(told, "Asking the teacher for each token"))
    encoder = export_static(module, name, order.out)
    options = (
        f"--token-dimensions {tokens} --ngram-dimensions {characters} --ngram-length-max {ngrams.length_max}"
        f" --buckets-log2 {ngrams.buckets_log2} --seed {seed}"
    )
    data = f"What `{making.called(order.teacher)}` makes of each token of its vocabulary. No text was used."
    how = "Principal components of these for tokens, random signs for n-grams of characters: no training."
    student = SentenceTransformer(modules=[module], device="cpu")
    order.finish(student, data, how, options, ())
    console.print(f"{encoder.fingerprint}: {encoder.dimensions} dimensions, in {order.out}")


def _transformer(
    order: _Order,
    name: str,
    layers: int,
    texts: Sequence[str],
    tuning: "Tuning",
    precision: Precision,
    work: Path,
) -> None:
    """Distil a transformer of so many of the teacher's layers."""
    from likewise_indexer.models.export import export_transformer
    from likewise_indexer.models.layers import distil_layers

    model = order.load()
    with Bars() as told:
        found = distil_layers(model, layers, texts, tuning, work, told)
    name = name or f"{making.name_of(order.teacher, Precision.FP32)}-{layers}-layers"
    encoder, agreement = export_transformer(found.student, name, order.out, precision, texts)
    options = (
        f"--student-kind transformer --layers {layers} --texts FILE --steps {tuning.steps} --batch-size"
        f" {tuning.batch_size} --learning-rate {tuning.learning_rate} --precision {precision.value} --seed"
        f" {tuning.seed}"
    )
    kept = ", ".join(str(number) for number in found.layers)
    order.finish(
        found.student,
        f"The weights of `{making.called(order.teacher)}`, and {found.texts:,} texts that were given,"
        " without any labels.",
        f"It began as the teacher's layers {kept} (the first is 0), and learned to give the teacher's vectors"
        f" (mean cosine distance; judged on other texts, the best kept), in {found.steps} steps. It computes"
        f" in {precision.value}.",
        options,
        (_beside_teacher(found), agreement.table()),
    )
    making.show_made(encoder, agreement, order.out)
    after, before = found.after.agreement, found.before.agreement
    console.print(
        f"Beside the teacher, on {after.texts} other texts: cosine {found.after.cosine:.3f}, before training"
        f" {found.before.cosine:.3f}; {after.neighbours_shared:.1%} of the ten nearest are the same, before"
        f" {before.neighbours_shared:.1%}. Layers {kept}; {found.steps} steps."
    )


def _beside_teacher(found: "Layered") -> Table:
    moments = (("layers left out", found.before), ("trained", found.after))
    return Table(
        columns=("beside the teacher", "texts", "cosine, mean", "neighbours shared", "rank correlation"),
        rows=tuple(
            (when, like.texts, beside.cosine, like.neighbours_shared, like.rank_correlation)
            for when, beside in moments
            for like in (beside.agreement,)
        ),
        text="On texts that were neither learned nor judged by, in fp32.",
    )


def _check_options(context: typer.Context, kind: StudentKind, texts: Path | None) -> None:
    """End the command where an option of one kind is given for the other, and would be passed over."""
    other = StudentKind.STATIC if kind is StudentKind.TRANSFORMER else StudentKind.TRANSFORMER
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        is_others = parameter.name in _OPTIONS_OF[other]
        if is_others and source is not None and source.name == "COMMANDLINE":
            fail(f"{parameter.opts[0]} is of a {other.value} student", status=2)
    if kind is StudentKind.TRANSFORMER and texts is None:
        fail("a transformer student learns by texts: give --texts FILE.txt", status=2)
