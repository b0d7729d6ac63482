"""Coverage-guided fuzzing, by atheris (libFuzzer), of what takes text and files.

    python bench/fuzz_atheris.py TARGET [libFuzzer's options]
    python bench/fuzz_atheris.py texts -max_total_time=300

The targets are texts, csv, ndjson, parquet, chart, wire, trees, static, manifest, heads and cache. Needs the
[fuzz] extra. It knows which branches of our Python an input took. What fails is kept as a file crash-… in the
working folder, which the same command takes again.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(
    include=["likewise_engine", "likewise_indexer"], enable_loader_override=False
):
    from fuzz_side.chance import chance_of
    from fuzz_side.files import Files
    from fuzz_side.models import Models
    from fuzz_side.target import Input, Target
    from fuzz_side.texts import Texts

_KINDS: Final[Mapping[str, Callable[[], Target]]] = {
    "texts": Texts,
    **dict.fromkeys(("csv", "ndjson", "parquet", "chart"), Files),
    **dict.fromkeys(("wire", "trees", "static", "manifest", "heads", "cache"), Models),
}

_SEEDS: Final = 1_000
_SEED: Final = 5


def main(arguments: list[str]) -> None:
    """Fuzz one kind of input until something fails, or libFuzzer's options say that it is enough."""
    if len(arguments) < 2 or arguments[1] not in _KINDS:
        sys.exit(f"fuzz_atheris: name what to fuzz: {', '.join(_KINDS)}")
    kind = arguments[1]
    target = _KINDS[kind]()

    def take(content: bytes) -> None:
        if kind == "texts":
            content = content.decode(errors="replace").encode()
        target.feed(Input(kind, content))

    with tempfile.TemporaryDirectory() as corpus:
        _begin_with(target, kind, Path(corpus))
        atheris.Setup([arguments[0], corpus, *arguments[2:]], take)
        atheris.Fuzz()


def _begin_with(target: Target, kind: str, corpus: Path) -> None:
    """What it begins with: inputs of this kind as bench/fuzz.py makes them."""
    for number in range(_SEEDS):
        made = target.make(chance_of(_SEED, target.name, number))
        if made.kind == kind or kind == target.name:
            (corpus / f"{number}").write_bytes(made.content)


if __name__ == "__main__":
    main(sys.argv)
