"""The audit of dependencies says what it has not audited, and fails for an advisory alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY

AUDIT = REPOSITORY / "scripts/audit.py"
PIP_AUDIT = """
import json, sys
packages = {packages!r}
if packages is None:
    sys.exit("ERROR: no route to the advisories")
with open(sys.argv[sys.argv.index("--output") + 1], "w") as file:
    json.dump({{"dependencies": packages}}, file)
"""
FINE = {"name": "fine", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "odd", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([FINE], 0, "1 packages audited, 0 advisories open"),
        ([FINE, BAD], 1, "bad 2: CVE-1, mended in 3"),
        ([FINE, UNKNOWN], 0, "not audited: odd"),
        ([UNKNOWN], 0, "SKIPPED"),
        (None, 0, "SKIPPED, nothing was audited: ERROR: no route"),
    ],
)
def test_what_is_audited_is_told(tmp_path: Path, packages: object, status: int, said: str) -> None:
    (tmp_path / "pip_audit.py").write_text(PIP_AUDIT.format(packages=packages))
    done = subprocess.run(
        [sys.executable, str(AUDIT), "constraints.txt"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert (done.returncode, said in done.stdout) == (status, True), done.stdout + done.stderr
