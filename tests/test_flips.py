"""bench/flips.py: a flipped byte anywhere in a tenant's files shows, or changes nothing."""

import json
import shutil
from pathlib import Path

import pytest

import flips


def test_a_sample_of_all_bytes_of_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flips.main(["--count", "60", "--json", str(tmp_path / "flips.json")]) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "flips.json").read_text())
    assert result["flips"] > 60
    assert result["silent"] == 0
    assert min(result["detected"], result["rebuilt"]) > 0
    for name in ("texts.hnsw", "heads.npz", "snapshot.bin"):
        assert set(result["of_file"][name]) == set(result["of_file"][f"{name}.json"]) == {"rebuilt"}


def test_what_is_silent_is_called_so(tmp_path: Path) -> None:
    """Damage that nothing can tell from teaching: it shows in the answers alone."""
    flips.make_folder(tmp_path / "data")
    (flip, *_) = flips.some_flips(tmp_path / "data", 1, 1)
    expected = flips.all_answers(Path(shutil.copytree(tmp_path / "data", tmp_path / "copy")))
    assert flips.judge(tmp_path / "data", expected, flip).kind == "rebuilt"
    taught_otherwise = {**expected, "damaged": "another answer"}
    assert flips.judge(tmp_path / "data", taught_otherwise, flip).kind == "silent"
    suffering = {**expected, "other": "another answer"}
    assert flips.judge(tmp_path / "data", suffering, flip).kind == "silent"
