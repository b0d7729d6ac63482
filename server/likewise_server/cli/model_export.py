"""``likewise model export`` and ``quantise``: a model as the server runs it, and in fewer bits.

Exporting needs the extra ``likewise[models]``; so does quantising, but for torch.
"""

from pathlib import Path
from typing import Annotated

import typer

from likewise_indexer.cards import CardKind, Table
from likewise_indexer.cards.making import GRAMS_PER_KWH, WATTS_PER_CORE
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.models.numbers import Precision
from likewise_server.cli import making
from likewise_server.cli.building import GramsOption, WattsOption, building, check_out, checked_name
from likewise_server.cli.common import console


def export(
    source: Annotated[str, typer.Argument(help=making.SOURCE_HELP)],
    out: making.ModelOut,
    precision: making.PrecisionOption = Precision.FP32,
    texts: making.TextsOption = None,
    name: Annotated[
        str,
        typer.Option(callback=checked_name, help=f"{making.NAME_HELP} The source's own name if not given."),
    ] = "",
    licence: making.LicenceOption = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Export a sentence-transformers model to ONNX. It is checked against the original."""
    with building(), console.status(f"Loading {source}") as status:
        from likewise_indexer.models.export import export_transformer
        from likewise_indexer.models.teacher import load_teacher

        check_out(out, CardKind.ENCODER)
        card = making.CardWriter(watts_per_core, grams_per_kwh, ("onnx", "onnxruntime", "torch"))
        given, model = making.texts_in(texts), load_teacher(source)
        status.update(f"Exporting {source} to {precision.value}")
        encoder, agreement = export_transformer(
            model, name or making.name_of(source, precision), out, precision, given
        )
        card.write(
            out,
            f"likewise model export {making.called(source)} --precision {precision.value} --out FOLDER",
            licence=licence,
            data=f"Exported from `{making.called(source)}` without any training.",
            how=f"Its graph was traced, and computes in {precision.value}.",
            measured=[agreement.table()],
        )
    making.show_made(encoder, agreement, out)


def quantise(
    source: Annotated[Path, typer.Argument(help="An exported folder in fp32.", file_okay=False, exists=True)],
    out: making.ModelOut,
    texts: making.TextsOption,
    precision: making.PrecisionOption = Precision.INT8,
    name: Annotated[
        str,
        typer.Option(
            callback=checked_name, help=f"{making.NAME_HELP} The source's and the precision if not given."
        ),
    ] = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Write an exported model in fewer bits. It is checked against itself."""
    with building(), console.status(f"Quantising {source} to {precision.value}"):
        from likewise_indexer.models.quantise import quantise as quantised

        check_out(out, CardKind.ENCODER)
        card, model = making.CardWriter(watts_per_core, grams_per_kwh), model_in(source)
        named = name or f"{model.name[: making.NAME_CHARS_MAX]}-{precision.value}"
        encoder, agreement = quantised(source, out, named, precision, making.texts_in(texts))
        card.write(
            out,
            f"likewise model quantise SOURCE --precision {precision.value} --texts FILE --out FOLDER",
            licence=model.licence,
            data=f"Quantised from `{model.fingerprint}` without any training.",
            how=f"It computes in {precision.value}.",
            measured=[agreement.table()],
        )
    making.show_made(encoder, agreement, out)


def prune(
    source: Annotated[Path, typer.Argument(help="An exported model folder.", file_okay=False, exists=True)],
    out: making.ModelOut,
    texts: making.TextsOption,
    vocabulary: Annotated[
        bool,
        typer.Option("--vocabulary/--no-vocabulary", help="Drop word pieces that no text needs."),
    ] = True,
    dimensions: Annotated[
        int | None, typer.Option(min=1, help="Of the vectors to come, by principal components.")
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            callback=checked_name, help=f"{making.NAME_HELP} The source's and -pruned if not given."
        ),
    ] = "",
    watts_per_core: WattsOption = WATTS_PER_CORE,
    grams_per_kwh: GramsOption = GRAMS_PER_KWH,
) -> None:
    """Write an exported model with fewer word pieces or dimensions.

    By the wordings that are given; how far it finds alike what it did is told of others than it is pruned by.
    """
    with building(), console.status(f"Pruning {source}"):
        from likewise_indexer.models.prune import prune as pruned

        check_out(out, CardKind.ENCODER)
        card, model = making.CardWriter(watts_per_core, grams_per_kwh), model_in(source)
        named = name or f"{model.name[: making.NAME_CHARS_MAX]}-pruned"
        encoder, found = pruned(
            source, out, named, making.texts_in(texts), vocabulary=vocabulary, dimensions=dimensions
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
        card.write(
            out,
            "likewise model prune SOURCE --texts FILE --out FOLDER",
            licence=model.licence,
            data=f"Pruned from `{model.fingerprint}` by given wordings, without any training.",
            how=f"It keeps {told}.",
            measured=[figures],
        )
    size, before = model_in(out).bytes / 1e6, model.bytes / 1e6
    console.print(f"{encoder.fingerprint}: {told}; {size:.1f} MB of {before:.1f}, in {out}")
    console.print(
        f"Beside the original, on {agreement.texts} other texts: {agreement.neighbours_shared:.1%} of the ten"
        f" nearest are the same, rank correlation {agreement.rank_correlation:.4f}."
    )
