"""What the commands that make encoders have in common: their options, their card, what they tell."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from likewise_indexer.cards import Assumptions, Making, Meter, Table, write_card
from likewise_indexer.cards.encoder import encoder_record
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.models.numbers import Precision
from likewise_indexer.models.texts import texts_of
from likewise_server.cli.common import console, lines_of

if TYPE_CHECKING:
    from likewise_engine.encoder import OnnxEncoder
    from likewise_indexer.models.agreement import Agreement

SOURCE_HELP: Final = "A sentence-transformers model: a folder, a name on the hub, or package:NAME."
NAME_HELP: Final = "Names the model in its fingerprint."
PRECISION_HELP: Final = (
    "fp16: half the size. int8: a quarter, twice as fast. int8-static: calibrated on texts."
)
NAME_CHARS_MAX: Final = 44
"""Of a name that is another's with something behind."""

ModelOut = Annotated[
    Path,
    typer.Option("--out", help="Folder to write; give it to the server as its encoder.", file_okay=False),
]
TextsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.txt",
        dir_okay=False,
        exists=True,
        help="Wordings like those to come, one a line, in UTF-8.",
    ),
]
LicenceOption = Annotated[str, typer.Option(help="Licence of the source, for the card.")]
PrecisionOption = Annotated[Precision, typer.Option(help=PRECISION_HELP)]


def texts_in(path: Path | None) -> list[str]:
    """The distinct texts of a file's lines, in an order drawn at random; none where there is no file."""
    return [] if path is None else texts_of(lines_of(path))


def name_of(source: str, precision: Precision) -> str:
    """A model's name from where it comes from: ``BAAI/bge-small-en`` -> ``bge-small-en``."""
    last = re.split(r"[/\\:]", source.rstrip("/\\"))[-1]
    suffix = "" if precision is Precision.FP32 else f"-{precision.value}"
    return re.sub(r"[^A-Za-z0-9._-]", "-", last)[:NAME_CHARS_MAX] + suffix


def called(source: str) -> str:
    """What people call a model: the last part of a folder, for a card tells nobody's folders."""
    return Path(source).name if Path(source).is_dir() else source


class CardWriter:
    """Writes the card of a model that a command makes, with what that took from when this was made."""

    def __init__(
        self, watts_per_core: float, grams_per_kwh: float, packages: tuple[str, ...] = ("onnx", "onnxruntime")
    ) -> None:
        """Begin to count.

        Args:
            watts_per_core: what energy is estimated by.
            grams_per_kwh: what CO2 is.
            packages: whose versions the model depends on, beside ours.
        """
        self._meter, self._assumptions = Meter(), Assumptions(watts_per_core, grams_per_kwh)
        self._packages = ("likewise", *packages)

    def making(self, command: str) -> Making:
        """What it took until now; ``command`` makes the model again."""
        return self._meter.making(command, self._packages, self._assumptions)

    def write(
        self, out: Path, command: str, *, licence: str, data: str, how: str, measured: Sequence[Table]
    ) -> None:
        """Write the card of an encoder, as :func:`encoder_record` tells. Raises ModelFault, OSError."""
        record = encoder_record(
            out,
            licence=licence or "not stated: that of the source",
            data=data,
            how=how,
            making=self.making(command),
            measured=measured,
        )
        write_card(out, record)


def show_made(encoder: "OnnxEncoder", agreement: "Agreement", out: Path) -> None:
    """Tell what was made, and how it agrees with what it was made of."""
    size = model_in(out).bytes / 1e6
    console.print(f"{encoder.fingerprint}: {encoder.dimensions} dimensions, {size:.1f} MB, in {out}")
    console.print(
        f"Against the original, on {agreement.texts} texts: cosine {agreement.cosine_mean:.5f} on average,"
        f" {agreement.cosine_min:.5f} at worst; no component differs by more than"
        f" {agreement.difference_max:.1e}."
    )
