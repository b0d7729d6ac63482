"""How often is it right, on books that its vote has not seen: measures, and writes docs/accuracy.md.

Runs the very commands that a user runs, one file of books after another: ``likewise model train-vote`` (votes
that leave out each file), ``likewise backtest --peers`` with the vote that has not seen the file, and
``likewise model ablate-vote``. What is in the folder of results already is not made again, as long as it was
made of the same files, and with the same features, models, peers and rows of each tenant. Neither code nor
what is in the files is looked at: after a change of the engine or of the books, begin with an empty folder.

    python bench/accuracy.py BOOKS.parquet… [--results DIR] [--votes DIR] [--minilm DIR] [--title BOOK=WORDS]

It needs the extras [peers] and [models]; with --votes and --no-ablation, [peers] alone. On 61 tenants and two
cores the votes take half an hour (recording included), the backtests 20 minutes, the ablation 15.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from accuracy_page.commands import Commands, NamedCommands
from accuracy_page.page import write_page
from accuracy_page.results import ResultsUnusable, backtest_of
from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import LikewiseError, ModelFault
from likewise_engine.vote import load_vote
from likewise_engine.vote.manifest import read_vote_manifest
from likewise_indexer.backtest import Contest
from likewise_indexer.backtest.peers import PEERS

_ROWS_REJECTED = 1
"""Exit status of a backtest that left something out, and measured the rest."""


class Experiment:
    """Measures what the folder of results lacks.

    Args:
        books: files, each a source.
        results: the folder; made if it is not there.
        commands: what is run.
        votes: folder of votes that exist, each named as the file that it has not seen; None to train them.
        recorded: folder of what the engine saw of the books; None for one among the results.
    """

    def __init__(
        self,
        books: Sequence[Path],
        results: Path,
        commands: Commands,
        votes: Path | None,
        recorded: Path | None,
    ) -> None:
        self._books = books
        self._results = results
        self._commands = commands
        self._votes = votes
        self._recorded = recorded or results / "recorded"
        self.ablation = results / "ablation.json"

    def backtest_of(self, book: Path) -> Path:
        """Where the figures of a file are."""
        return self._results / "backtests" / f"{stem(book)}.json"

    def measure(self, *, ablation: bool) -> None:
        """Run what is missing. Raises CalledProcessError where a command fails."""
        self._results.mkdir(parents=True, exist_ok=True)
        votes = self._votes or self._trained()
        for book in self._books:
            self._backtest(book, votes / stem(book))
        if ablation and not self._is_ablated(votes / stem(self._books[0])):
            _into(self.ablation, lambda aside: self._commands.ablate(self._books, self._recorded, aside))

    def _trained(self) -> Path:
        votes = self._results / "votes"
        if not are_of_one_training(votes, self._books):
            _run(self._commands.train(self._books, self._recorded, self._results / "vote", votes))
        return votes

    def _is_ablated(self, vote: Path) -> bool:
        if not self.ablation.exists():
            return False
        document = json.loads(self.ablation.read_text(encoding="utf-8"))
        return is_ablation_beside(read_vote_manifest(vote).trained, document)

    def _backtest(self, book: Path, vote: Path) -> None:
        path = self.backtest_of(book)
        path.parent.mkdir(exist_ok=True)
        if path.exists() and self._is_current(json.loads(path.read_text(encoding="utf-8")), vote):
            return
        _into(path, lambda aside: self._commands.backtest(book, vote, aside))

    def _is_current(self, document: Mapping[str, Any], vote: Path) -> bool:
        contest = Contest.of(list(PEERS), minilm=self._commands.minilm)
        encoder = self._commands.encoders and self._commands.encoders / vote.name
        return (
            document["settings"]["rows_max"] == self._commands.rows_max
            and document["vote_fingerprint"] == load_vote(vote).fingerprint
            and document["encoder_fingerprint"] == load_encoder(encoder).fingerprint
            and list(document["peers"]) == list(contest.peers)
        )


def stem(book: Path) -> str:
    """``books/payments.csv.gz`` -> ``payments``, as votes are named that leave a source out."""
    return book.name.partition(".")[0]


def are_of_one_training(votes: Path, books: Sequence[Path]) -> bool:
    """Whether there is a vote without each of the books, all on this engine's features."""
    try:
        told = [dict(read_vote_manifest(votes / stem(book)).trained) for book in books]
    except ModelFault:
        return False
    left_out = [of.pop("left_out", None) for of in told]
    is_of_these = left_out == [stem(book) for book in books]
    return is_of_these and all(of == told[0] and of.get("sources") == len(books) for of in told)


def is_ablation_beside(trained: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether an ablation is by this engine's witnesses, on the questions that a vote was trained on."""
    from likewise_indexer.models.vote.ablation import KERNEL, features_kept

    tried = {what: len(features) for what, features in features_kept().items()} | {KERNEL: 0}
    return (
        {row["what"]: row["features"] for row in document["tried"]} == tried
        and document["tenants"] == trained.get("tenants")
        and document["questions_asked"] == trained.get("questions")
    )


def _into(path: Path, arguments_for: Callable[[Path], list[str]]) -> None:
    """Run a command that writes a file: it is there whole or not at all."""
    aside = path.with_name(f"{path.name}.part")
    aside.unlink(missing_ok=True)
    _run(arguments_for(aside), wanted=aside)
    aside.replace(path)


def _run(arguments: Sequence[str], wanted: Path | None = None) -> None:
    """Run ``likewise``. A backtest that left some rows or tenants out says 1, and has measured the rest."""
    print("$ likewise", *arguments, flush=True)
    done = subprocess.run([sys.executable, "-m", "likewise_server", *arguments], check=False)
    measured = done.returncode == _ROWS_REJECTED and wanted is not None and wanted.exists()
    if not measured:
        done.check_returncode()


def titles_of(books: Sequence[Path], wanted: Sequence[str]) -> dict[Path, str]:
    """What the page calls each file: what was wanted as BOOK=WORDS, or its number.

    Raises:
        ValueError: there is no such file, or two files have one name.
    """
    known = {stem(book): book for book in books}
    if len(known) < len(books):
        raise ValueError("two files of books have the same name: votes and results are named by it")
    titles = {book: f"source {number}" for number, book in enumerate(books, start=1)}
    for pair in wanted:
        name, _, words = pair.partition("=")
        if name not in known or not words:
            raise ValueError(f"--title {pair}: give BOOK=WORDS, with BOOK one of {', '.join(known)}")
        titles[known[name]] = words
    if len(set(titles.values())) < len(titles):
        raise ValueError("two files of books have the same title")
    return titles


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    add = parser.add_argument
    add("books", nargs="+", type=Path, help="files of labelled rows, each of another kind of books")
    add("--tenant-column", default="tenant", help="says whose row it is; '' if each file is one tenant's")
    add("--title", action="append", default=[], metavar="BOOK=WORDS", help="what the page calls a file")
    add("--results", type=Path, default=Path("build/accuracy"), help="keeps what was measured")
    add("--votes", type=Path, help="votes that exist, each in a folder named as the file it has not seen")
    add("--encoders", type=Path, help="encoders, each in a folder named as the file it has not seen")
    add("--recorded", type=Path, help="as in 'likewise model train-vote'")
    add("--minilm", type=Path, help="an exported MiniLM, for the peer minilm_knn")
    add("--rows-max", type=int, default=limits.BACKTEST_ROWS_DEFAULT, help="latest rows of each tenant")
    add("--jobs", type=int, help="processes; all cores if not given")
    add("--no-ablation", action="store_true", help="do not measure what each witness brings")
    add("--write-only", action="store_true", help="measure nothing: write the page from what there is")
    add("--docs", type=Path, default=Path(__file__).parents[1] / "docs", help="where the page goes")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, and write the page."""
    given = arguments_of(arguments)
    commands = Commands(given.tenant_column, given.rows_max, given.minilm, given.encoders, given.jobs)
    experiment = Experiment(given.books, given.results, commands, given.votes, given.recorded)
    try:
        titles = titles_of(given.books, given.title)
        if not given.write_only:
            experiment.measure(ablation=not given.no_ablation)
        documents = {
            title: json.loads(experiment.backtest_of(book).read_text(encoding="utf-8"))
            for book, title in titles.items()
        }
        ablation = experiment.ablation
        found = json.loads(ablation.read_text(encoding="utf-8")) if ablation.exists() else None
        suffix = "".join(given.books[0].suffixes)
        page = write_page(backtest_of(documents), found, NamedCommands(commands, suffix), given.docs)
    except (LikewiseError, OSError, ResultsUnusable, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"accuracy: {error}")
    print(f"{page} is written")


if __name__ == "__main__":
    main()
