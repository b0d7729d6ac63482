"""bench/drift.py: how often alerts about charts ring, at books as they are and at planted renames."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_what_is_planted_is_found_in_books_that_are_quiet(tmp_path: Path) -> None:
    out = tmp_path / "drift.json"
    command = [sys.executable, "bench/drift.py", "data/books/hazel-and-rye.csv", "--json", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text())
    found = written["found"]
    assert written["tenants"] == 1
    assert found["as they are"]["alarmed"] == 0
    assert found["renamed, 20% to 50% of labels"]["alarmed"] > 0.5
    assert all(line["looks"] > 0 and line["alarmed"] <= line["by_days_alone"] for line in found.values())
