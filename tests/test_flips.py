"""bench/flips.py: a flipped byte anywhere in a tenant's files shows, or changes nothing."""

import json
import shutil
from pathlib import Path

import pytest

import flips
from likewise_engine.folder import STORE_NAME


def test_a_sample_of_all_bytes_of_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flips.main(["--count", "60", "--json", str(tmp_path / "flips.json")]) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "flips.json").read_text())
    assert result["flips"] > 60
    assert result["silent"] == 0
    assert min(result["detected"], result["rebuilt"]) > 0
    for name, counts in result["of_file"].items():
        if name.endswith((".hnsw", ".npz", ".bin", ".json", ".mark")):
            assert set(counts) == {"rebuilt"}, name
        if name.endswith((".key", "-wal")) or name == f"{flips.CLOSED}/{STORE_NAME}":
            assert set(counts) == {"detected"}, name


def test_what_is_silent_is_called_so(tmp_path: Path) -> None:
    """Damage that nothing can tell from teaching: it shows in the answers alone."""
    flips.make_folder(tmp_path / "data")
    flip = next(
        f
        for f in flips.some_flips(tmp_path / "data", 1, 1)
        if f.name.endswith(f"/{flips.KILLED}/snapshot.bin")
    )
    expected = flips.all_answers(Path(shutil.copytree(tmp_path / "data", tmp_path / "copy")))
    assert flips.judge(tmp_path / "data", expected, flip).kind == "rebuilt"
    taught_otherwise = {**expected, flips.KILLED: "another answer"}
    assert flips.judge(tmp_path / "data", taught_otherwise, flip).kind == "silent"
    suffering = {**expected, flips.CLOSED: "another answer"}
    assert flips.judge(tmp_path / "data", suffering, flip).kind == "silent"
