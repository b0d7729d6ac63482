"""The commands that measure, in one place: those that are run are those that the page names."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from likewise_engine import limits


@dataclass(frozen=True, slots=True)
class Commands:
    """Arguments of the command ``likewise``, for one set of books.

    Attributes:
        tenant_column: the column that says whose row it is; none if empty.
        rows_max: latest rows of each tenant that are replayed.
        minilm: folder of an exported MiniLM; none if None.
        jobs: processes and threads; all cores if None.
    """

    tenant_column: str
    rows_max: int
    minilm: Path | None = None
    encoders: Path | None = None
    jobs: int | None = None

    def train(self, books: Sequence[Path], recorded: Path, out: Path, left_out: Path) -> list[str]:
        """Train a vote on all books, and for each file the vote that knows the others alone."""
        options = ["--recorded", str(recorded), "--out", str(out), "--leave-out-dir", str(left_out)]
        return ["model", "train-vote", *map(str, books), *self._common(), *self._encoders(), *options]

    def backtest(self, book: Path, vote: Path, json: Path) -> list[str]:
        """Replay the books of one file, all peers beside us, with the vote that knows nothing of it."""
        rows = [] if self.rows_max == limits.BACKTEST_ROWS_DEFAULT else ["--rows-max", str(self.rows_max)]
        minilm = ["--minilm", str(self.minilm)] if self.minilm else []
        encoder = ["--encoder", str(self.encoders / vote.name)] if self.encoders else []
        options = ["--vote", str(vote), *encoder, "--peers", *minilm, *rows, "--json", str(json)]
        return ["backtest", str(book), *self._common(), *options]

    def ablate(self, books: Sequence[Path], recorded: Path, json: Path) -> list[str]:
        """Leave out one witness after another."""
        options = ["--recorded", str(recorded), "--json", str(json)]
        return ["model", "ablate-vote", *map(str, books), *self._common(), *self._encoders(), *options]

    def _encoders(self) -> list[str]:
        return ["--encoders-dir", str(self.encoders)] if self.encoders else []

    def _common(self) -> list[str]:
        column = ["--tenant-column", self.tenant_column] if self.tenant_column else []
        return [*column, *(["--jobs", str(self.jobs)] if self.jobs else [])]


class NamedCommands:
    """The commands as lines that the page names, with capitals in place of files.

    Args:
        commands: what was run.
        suffix: of the books' files.
    """

    def __init__(self, commands: Commands, suffix: str) -> None:
        books, results = [Path(f"BOOKS/*{suffix}")], Path("RESULTS")
        recorded, votes = results / "recorded", results / "votes"
        minilm = " --minilm MINILM" if commands.minilm else ""
        encoders = " --encoders ENCODERS" if commands.encoders else ""
        named = replace(
            commands,
            minilm=Path("MINILM") if commands.minilm else None,
            encoders=Path("ENCODERS") if commands.encoders else None,
            jobs=None,
        )
        self.are_encoders_left_out = commands.encoders is not None
        """Whether each file was answered by an encoder that had not seen it."""
        self.make = f"python bench/accuracy.py {books[0]} --results {results}{encoders}{minilm}"
        """All of it."""
        self.train = _line(named.train(books, recorded, results / "vote", votes))
        """See :meth:`Commands.train`."""
        self.backtest = _line(
            named.backtest(Path(f"BOOKS/BOOK{suffix}"), votes / "BOOK", results / "backtests" / "BOOK.json")
        )
        """See :meth:`Commands.backtest`."""
        self.ablate = _line(named.ablate(books, recorded, results / "ablation.json"))
        """See :meth:`Commands.ablate`."""


def _line(arguments: Sequence[str]) -> str:
    return " ".join(("likewise", *arguments))
