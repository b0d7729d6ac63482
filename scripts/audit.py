"""Holds the packages that the tests run with against the published advisories, by pip-audit.

It needs the network. Where the advisories cannot be reached pip-audit fails, or passes over every package and
finds nothing: that is said here to be no audit. Exit status 1 where an advisory is open, 0 otherwise.

Runs in an environment of its own, in which pip-audit is: python scripts/audit.py constraints.txt
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SKIPPED = "audit: SKIPPED, nothing was audited:"


def audited(constraints: Path) -> list[dict[str, Any]] | str:
    """What pip-audit says of each package; or why it says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(constraints), *options]
        done = subprocess.run(
            [*command, "--output", str(report)], capture_output=True, text=True, check=False, timeout=300
        )
        if not report.is_file():
            return done.stderr.strip().rpartition("\n")[2]
        packages: list[dict[str, Any]] = json.loads(report.read_text())["dependencies"]
    return packages


def main(constraints: Path) -> int:
    """Audit, and say what came of it."""
    packages = audited(constraints)
    if isinstance(packages, str):
        print(SKIPPED, packages)
        return 0
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    if len(unknown) == len(packages):
        print(SKIPPED, "the advisories cannot be reached from here")
        return 0
    found = 0
    for package in packages:
        for advisory in package.get("vulns", []):
            found += 1
            mended = ", ".join(advisory["fix_versions"]) or "no release yet"
            print(f"audit: {package['name']} {package['version']}: {advisory['id']}, mended in {mended}")
    print(f"audit: {len(packages) - len(unknown)} packages audited, {found} advisories open")
    if unknown:
        print("audit: not audited:", ", ".join(unknown))
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
