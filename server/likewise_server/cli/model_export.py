"""``likewise model export`` and ``quantise``: a model as the server runs it, and in fewer bits.

Exporting needs the extra ``likewise[models]``; so does quantising, but for torch.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from likewise_indexer.cards import Assumptions, Meter, Table, write_card
from likewise_indexer.cards.encoder import encoder_record
from likewise_indexer.cards.making import GRAMS_PER_KWH, WATTS_PER_CORE
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.models.numbers import Precision
from likewise_server.cli.building import (
    GramsOption,
    LicenceOption,
    ModelOut,
    TextsOption,
    WattsOption,
    building,
    texts_in,
)
from likewise_server.cli.common import console

if TYPE_CHECKING:
    from likewise_engine.encoder import OnnxEncoder
    from likewise_indexer.models.agreement import Agreement

SOURCE_HELP = "A sentence-transformers model: a folder, a name on the hub, or package:NAME."
NAME_HELP = "Names the model in its fingerprint."
_PACKAGES: Final = ("likewise", "onnx", "onnxruntime")
_NAME_CHARS_MAX: Final = 44

PrecisionOption = Annotated[
    Precision,
    typer.Option(
        help="fp16: half the size. int8: a quarter, twice as fast. int8-static: calibrated on --texts."
    ),
]


def export(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    out: ModelOut,
    precision: PrecisionOption = Precision.FP32,
    texts: TextsOption = None,
    name: Annotated[str, typer.Option(help=f"{NAME_HELP} The source's own name if not given.")] = "",
    licence: LicenceOption = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Export a sentence-transformers model to ONNX. It is checked against the original."""
    with building(), console.status(f"Loading {source}") as status:
        from likewise_indexer.models.export import export_transformer
        from likewise_indexer.models.teacher import load_teacher

        meter, given = Meter(), texts_in(texts)
        model = load_teacher(source)
        status.update(f"Exporting {source} to {precision.value}")
        encoder, agreement = export_transformer(
            model, name or name_of(source, precision), out, precision, given
        )
        command = f"likewise model export {source} --precision {precision.value} --out FOLDER"
        record = encoder_record(
            out,
            licence=licence or "not stated: that of the source",
            data=f"Exported from `{source}` without any training.",
            how=f"Its graph was traced, and computes in {precision.value}.",
            making=meter.making(command, (*_PACKAGES, "torch"), Assumptions(watts_per_core, grams_per_kwh)),
            measured=[agreement.table()],
        )
        write_card(out, record)
    show_made(encoder, agreement, out)


def quantise(
    source: Annotated[Path, typer.Argument(help="An exported folder in fp32.", file_okay=False, exists=True)],
    out: ModelOut,
    texts: TextsOption,
    precision: PrecisionOption = Precision.INT8,
    name: Annotated[str, typer.Option(help=f"{NAME_HELP} The source's and the precision if not given.")] = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Write an exported model in fewer bits. It is checked against itself."""
    with building(), console.status(f"Quantising {source} to {precision.value}"):
        from likewise_indexer.models.quantise import quantise as quantised

        meter, model = Meter(), model_in(source)
        named = name or f"{model.name[:_NAME_CHARS_MAX]}-{precision.value}"
        encoder, agreement = quantised(source, out, named, precision, texts_in(texts))
        record = encoder_record(
            out,
            licence=model.licence or "not stated: that of the source",
            data=f"Quantised from `{model.fingerprint}` without any training.",
            how=f"It computes in {precision.value}.",
            making=meter.making(
                f"likewise model quantise SOURCE --precision {precision.value} --texts FILE --out FOLDER",
                _PACKAGES,
                Assumptions(watts_per_core, grams_per_kwh),
            ),
            measured=[agreement.table()],
        )
        write_card(out, record)
    show_made(encoder, agreement, out)


def show_made(encoder: "OnnxEncoder", agreement: "Agreement", out: Path) -> None:
    """Tell what was made, and how it agrees with what it was made of."""
    size = model_in(out).bytes / 1e6
    console.print(f"{encoder.fingerprint}: {encoder.dimensions} dimensions, {size:.1f} MB, in {out}")
    console.print(
        f"Against the original, on {agreement.texts} texts: cosine {agreement.cosine_mean:.5f} on average,"
        f" {agreement.cosine_min:.5f} at worst; no component differs by more than"
        f" {agreement.difference_max:.1e}."
    )


def name_of(source: str, precision: Precision) -> str:
    """A model's name from where it comes from: ``BAAI/bge-small-en`` -> ``bge-small-en``."""
    last = re.split(r"[/\\:]", source.rstrip("/\\"))[-1]
    suffix = "" if precision is Precision.FP32 else f"-{precision.value}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", last)[:_NAME_CHARS_MAX] + suffix


def prune(
    source: Annotated[Path, typer.Argument(help="An exported model folder.", file_okay=False, exists=True)],
    out: ModelOut,
    texts: TextsOption,
    vocabulary: Annotated[
        bool,
        typer.Option("--vocabulary/--no-vocabulary", help="Drop word pieces that no text needs."),
    ] = True,
    dimensions: Annotated[
        int | None, typer.Option(min=1, help="Of the vectors to come, by principal components.")
    ] = None,
    name: Annotated[str, typer.Option(help=f"{NAME_HELP} The source's and -pruned if not given.")] = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Write an exported model with fewer word pieces or dimensions.

    By the wordings that are given; how far it finds alike what it did is told of others than it is pruned by.
    """
    with building(), console.status(f"Pruning {source}"):
        from likewise_indexer.models.prune import prune as pruned

        meter, model = Meter(), model_in(source)
        named = name or f"{model.name[:_NAME_CHARS_MAX]}-pruned"
        encoder, found = pruned(
            source, out, named, texts_in(texts), vocabulary=vocabulary, dimensions=dimensions
        )
        agreement = found.agreement
        figures = Table(
            columns=("beside the original", "texts", "neighbours shared", "rank correlation"),
            rows=(("", agreement.texts, agreement.neighbours_shared, agreement.rank_correlation),),
        )
        told = (
            f"{found.tokens[1]:,} of {found.tokens[0]:,} word pieces, {found.dimensions[1]} of"
            f" {found.dimensions[0]} dimensions"
        )
        record = encoder_record(
            out,
            licence=model.licence or "not stated: that of the source",
            data=f"Pruned from `{model.fingerprint}` by given wordings, without any training.",
            how=f"It keeps {told}.",
            making=meter.making(
                "likewise model prune SOURCE --texts FILE --out FOLDER",
                _PACKAGES,
                Assumptions(watts_per_core, grams_per_kwh),
            ),
            measured=[figures],
        )
        write_card(out, record)
    size, before = model_in(out).bytes / 1e6, model.bytes / 1e6
    console.print(f"{encoder.fingerprint}: {told}; {size:.1f} MB of {before:.1f}, in {out}")
    console.print(
        f"Beside the original, on {agreement.texts} other texts: {agreement.neighbours_shared:.1%} of the ten"
        f" nearest are the same, rank correlation {agreement.rank_correlation:.4f}."
    )
