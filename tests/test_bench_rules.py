"""bench/rules.py: suggestions held against rows that they have not seen, and the cost of rules."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_suggestions_are_held_against_later_rows(tmp_path: Path) -> None:
    out = tmp_path / "rules.json"
    command = [sys.executable, "bench/rules.py", "data/books/calder-lets.csv", "--rows", "400"]
    done = subprocess.run(
        [*command, "--json", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    (tenant,) = found["tenants"]
    assert tenant["rows"] == 200
    by_precision = [line["decided_share"] for line in found["summary"]]
    assert by_precision == sorted(by_precision, reverse=True)  # who asks for more gets less
    for line in tenant["by_precision"].values():
        assert line["right"] <= line["decided"] <= tenant["rows"]
        assert line["said_later_right"] <= line["said_later_support"]
