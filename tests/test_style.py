"""What CONTRIBUTING.md asks of every file, checked on all that git tracks."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MODULE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

PACKAGE_FOLDERS = ("proto", "engine", "indexer", "server")
TOP_FOLDERS = (*PACKAGE_FOLDERS, "bench", "data", "tests")

BANNED_CALLS = {"eval", "exec", "breakpoint", "input"}
BANNED_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle"}
"""They run what they read."""

# Written so that this file does not hold what it looks for.
BANNED_TEXT = {
    "a package registry": r"py[p]i\.org|python[h]osted|np[m]js|an[a]conda\.org",
    "a download host": r"hugging[f]ace\.co\b|download\.pyto[r]ch",
    "an index address": r"--(extra-)?inde[x]-url|--find-link[s]",
    "unfinished work": r"\bTO[D]O\b|\bFIX[M]E\b|\bXX[X]\b",
    "a merge that was not finished": r"^(<{7}|>{7}) ",
    "a path of one machine": r"/ro[o]t/|/hom[e]/\w+/",
}


def _tracked(*patterns: str) -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("needs a git checkout: it says which files are the project's")
    # A file that is deleted and not yet committed is still listed.
    paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def _sources() -> list[Path]:
    return [path for path in _tracked("*.py") if "_pb2" not in path.name]


def _shipped() -> list[Path]:
    return _tracked(*(f"{folder}/*.py" for folder in PACKAGE_FOLDERS))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _nodes(paths: list[Path]) -> Iterator[tuple[str, ast.AST]]:
    """Every node of the syntax trees, with the place it stands at."""
    for path in paths:
        for node in ast.walk(_tree(path)):
            yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def _is_call(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring: that is a contract, not code."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_modules_are_short() -> None:
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in _sources()}
    assert lines
    assert {path: count for path, count in lines.items() if count > MODULE_LINES_MAX} == {}


def test_functions_fit_a_screen() -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    lines = {place: _lines_of(node) for place, node in _nodes(_sources()) if isinstance(node, functions)}
    assert lines
    assert {place: count for place, count in lines.items() if count > FUNCTION_LINES_MAX} == {}


def test_nothing_runs_what_it_reads() -> None:
    found = []
    for place, node in _nodes(_shipped()):
        found += [
            f"{place} imports {name}" for name in _imported(node) if name.partition(".")[0] in BANNED_MODULES
        ]
        if _is_call(node, BANNED_CALLS):
            found.append(f"{place} calls what is banned")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append(f"{place} allows pickles")
    assert found == []


def test_only_the_command_prints() -> None:
    silent = [path for path in _shipped() if not path.is_relative_to(ROOT / "server/likewise_server/cli")]
    assert [place for place, node in _nodes(silent) if _is_call(node, {"print"})] == []


def test_imports_are_absolute() -> None:
    found = [place for place, node in _nodes(_sources()) if isinstance(node, ast.ImportFrom) and node.level]
    assert found == []


def test_every_package_is_one_and_no_top_folder_is() -> None:
    for folder in TOP_FOLDERS:
        assert not (ROOT / folder / "__init__.py").exists()
    packages = {path.parent for path in _shipped()}
    assert [package for package in packages if not (package / "__init__.py").exists()] == []


@pytest.mark.parametrize("what", BANNED_TEXT)
def test_no_tracked_file_holds(what: str) -> None:
    pattern = re.compile(BANNED_TEXT[what], re.MULTILINE)
    found = []
    for path in _tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a model, or a book in Parquet
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []
