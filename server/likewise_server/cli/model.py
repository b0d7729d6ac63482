"""``likewise model``: building encoders, and training the vote. Both need the extra ``likewise[models]``."""

import re
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from likewise_server.cli.building import Bars, building
from likewise_server.cli.common import console
from likewise_server.cli.model_ablation import ablate_vote
from likewise_server.cli.model_vote import train_vote

model_app = typer.Typer(
    help="Build the models: encoders of texts, and the vote.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_SOURCE_HELP = "A sentence-transformers model: a folder, a name on the hub, or package:NAME."
_OUT_HELP = "Folder to write; give it to the server as its encoder."
_NAME_HELP = "Names the model in its fingerprint."

Out = Annotated[Path, typer.Option(help=_OUT_HELP, file_okay=False)]


@model_app.command()
def export(
    source: Annotated[str, typer.Argument(help=_SOURCE_HELP)],
    out: Out,
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise: a quarter of the size, twice as fast.")
    ] = False,
    name: Annotated[str, typer.Option(help=f"{_NAME_HELP} The source's own name if not given.")] = "",
) -> None:
    """Export a sentence-transformers model to ONNX. It is checked against the original."""
    with building(), console.status(f"Loading {source}") as status:
        from likewise_indexer.models.export import export_transformer
        from likewise_indexer.models.teacher import load_teacher

        model = load_teacher(source)
        status.update(f"Exporting {source}{' to int8' if int8 else ''}")
        encoder, agreement = export_transformer(model, name or _name_of(source, int8=int8), out, int8=int8)
    console.print(f"{encoder.fingerprint}: {encoder.dimensions} dimensions, in {out}")
    console.print(
        f"Against the original: cosine {agreement.cosine_mean:.5f} on average, {agreement.cosine_min:.5f} at"
        f" worst; no component differs by more than {agreement.difference_max:.1e}."
    )


@model_app.command()
def distil(
    teacher: Annotated[str, typer.Option(help=_SOURCE_HELP)],
    out: Out,
    name: Annotated[str, typer.Option(help=_NAME_HELP)] = "likewise-static",
    token_dimensions: Annotated[
        int, typer.Option(min=1, max=384, help="Length of the part that sees meaning.")
    ] = 64,
    ngram_dimensions: Annotated[
        int, typer.Option(min=1, max=384, help="Length of the part that sees spelling.")
    ] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Of the n-gram rows.")] = 0,
    student: Annotated[
        Path | None,
        typer.Option(help="Also save the student here, as a sentence-transformers model.", file_okay=False),
    ] = None,
) -> None:
    """Distil a small static encoder from a large model.

    It knows tokens and character n-grams; the large one is a sentence-transformers model.
    """
    with building():
        from sentence_transformers import SentenceTransformer

        from likewise_indexer.models.distil import Distillation, distil
        from likewise_indexer.models.static_graph import export_static
        from likewise_indexer.models.teacher import load_teacher

        with console.status(f"Loading {teacher}"):
            model = load_teacher(teacher)
        distillation = Distillation(token_dimensions, ngram_dimensions, seed=seed)
        with Bars() as told:
            module = distil(model, distillation, partial(told, "Asking the teacher for each token"))
        encoder = export_static(module, name, out)
        if student is not None:
            SentenceTransformer(modules=[module], device="cpu").save_pretrained(str(student))
    console.print(f"{encoder.fingerprint}: {encoder.dimensions} dimensions, in {out}")


model_app.command("train-vote")(train_vote)
model_app.command("ablate-vote")(ablate_vote)


def _name_of(source: str, *, int8: bool) -> str:
    """Return a model's name from where it comes from: ``BAAI/bge-small-en`` -> ``bge-small-en``."""
    last = re.split(r"[/\\:]", source.rstrip("/\\"))[-1]
    return re.sub(r"[^A-Za-z0-9._-]", "-", last)[:56] + ("-int8" if int8 else "")
