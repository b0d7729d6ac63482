"""The demo fails loudly. That it succeeds is seen by running it, which CI does."""

import subprocess
import sys
from pathlib import Path

import pytest

from likewise_server import demo


def test_without_books_it_says_where_they_are(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "likewise_server.demo", "--books", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    assert "make demo" in run.stderr


def test_a_promise_that_does_not_hold_ends_it() -> None:
    with pytest.raises(demo.PromiseBroken, match="the next call saw it"):
        demo._promise(False, "the next call saw it")
