"""Where ``likewise backtest`` leaves what it found: JSON, a report, and a table of answers."""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from rich.console import Console

from likewise_indexer.backtest import ANSWERS_SCHEMA, Backtest, answer_frames, json_of
from likewise_indexer.bulk import Source
from likewise_indexer.writers import UnwritableFile, check_writable, open_table
from likewise_server.cli.common import console, errors, fail, reported

_USAGE: Final = 2
_STANDARD_OUTPUT: Final = Path("-")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is written, each None where it is not wanted.

    Attributes:
        json: all figures; ``-`` is standard output.
        html: the report.
        answers: every answer, as a table.
    """

    json: Path | None
    html: Path | None
    answers: Path | None

    @classmethod
    def checked(
        cls, json: Path | None, html: Path | None, answers: Path | None, sources: Sequence[Source]
    ) -> Self:
        """What the options name; what cannot be written ends the command before the work, not after it."""
        options = {"--json": json, "--html": html, "--answers": answers}
        taken: dict[Path, str] = {}
        for option, path in options.items():
            if path is None or (path == _STANDARD_OUTPUT and option == "--json"):
                continue
            if path == _STANDARD_OUTPUT:
                fail(f"{option} -: only --json can go to the terminal, so name a file", status=_USAGE)
            with reported():
                _check(path, sources, is_replaced=option != "--json")
            other = taken.setdefault(path.resolve(), option)
            if other != option:
                fail(f"{other} and {option} would both be {path}: choose another name", status=_USAGE)
        try:
            if answers is not None:
                check_writable(answers, replace=True)
        except UnwritableFile as error:
            fail(error.message, status=_USAGE)
        return cls(json, html, answers)

    @property
    def told(self) -> Console:
        """Where people are told what was found: beside standard output, where that is the JSON."""
        return errors if self.json == _STANDARD_OUTPUT else console

    def write(self, found: Backtest) -> None:
        """Write them; where one cannot be written, those before it are there. The JSON has all figures."""
        with reported():
            if self.json == _STANDARD_OUTPUT:
                sys.stdout.write(json_of(found))
            elif self.json is not None:
                self.json.write_text(json_of(found), encoding="utf-8")
            if self.html is not None:
                from likewise_indexer.backtest.report.html import write_html

                write_html(found, self.html, command=shlex.join(["likewise", *sys.argv[1:]]))
                self.told.print(f"The report is in {self.html}.", soft_wrap=True)
            if self.answers is not None:
                with open_table(self.answers, ANSWERS_SCHEMA, replace=True) as table:
                    for frame in answer_frames(found):
                        table.write(frame)


def _check(path: Path, sources: Sequence[Source], *, is_replaced: bool) -> None:
    """End the command where a file cannot be written, or is read. Raises OSError: it cannot be looked at."""
    is_unfit = path.exists() and not path.is_file() if is_replaced else path.is_dir()
    if is_unfit or not os.access(path.parent, os.W_OK):
        fail(f"{path} cannot be written: name a file in a folder that is there", status=_USAGE)
    if path.exists() and any(path.samefile(source.reader.path) for source in sources):
        fail(f"{path} is read and would be replaced: choose another name", status=_USAGE)
