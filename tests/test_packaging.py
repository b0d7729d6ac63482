"""The wheel: what is in it, what is not, and that it declares no more than the client needs."""

import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WHEEL_BYTES_MAX = 25 * 1024 * 1024
PACKAGES = {
    "likewise": "proto",
    "likewise_engine": "engine",
    "likewise_indexer": "indexer",
    "likewise_server": "server",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path, names: set[str]) -> Message:
    (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(name).decode())


def test_the_wheel_is_small_and_for_this_kind_of_machine(wheel: Path) -> None:
    assert f"-cp{sys.version_info.major}{sys.version_info.minor}-" in wheel.name
    assert not wheel.name.endswith("-none-any.whl")
    assert wheel.stat().st_size < WHEEL_BYTES_MAX


def test_the_wheel_holds_each_kernel_with_its_source(names: set[str]) -> None:
    sources = [path.relative_to(ROOT / "engine") for path in (ROOT / "engine").rglob("*.pyx")]
    assert sources
    for source in sources:
        compiled = [
            name for name in names if name.startswith(f"{source.with_suffix('')}.") and name.endswith(".so")
        ]
        assert source.as_posix() in names
        assert len(compiled) == 1


def test_the_wheel_holds_the_packages_whole(names: set[str]) -> None:
    for package, folder in PACKAGES.items():
        assert f"{package}/py.typed" in names
        for path in (ROOT / folder / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT / folder).as_posix() in names


def test_the_wheel_holds_the_contract_with_its_stubs(names: set[str]) -> None:
    for service in ("classifier", "ledger", "tenant"):
        for ending in (".proto", "_pb2.py", "_pb2.pyi", "_pb2_grpc.py", "_pb2_grpc.pyi"):
            assert f"likewise/v1/{service}_service{ending}" in names


def test_the_wheel_holds_a_model_with_its_card(names: set[str]) -> None:
    assert any(name.startswith("likewise_engine/models/") and name.endswith(".onnx") for name in names)
    assert any(name.startswith("likewise_engine/models/") and name.endswith(".md") for name in names)


def test_the_wheel_holds_nothing_else(names: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in names} == set(PACKAGES)
    assert [name for name in names if "/test_" in name or "/tests/" in name or "conftest" in name] == []
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_without_an_extra_only_the_client_is_needed(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    always = {requirement.partition(">=")[0] for requirement in requirements if "extra ==" not in requirement}
    assert always == {"grpcio", "protobuf", "googleapis-common-protos"}
    extras = {"server", "peers", "bench-peers", "models", "fuzz", "dev"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras


def test_no_extra_for_running_brings_torch(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    heavy = [r for r in requirements if r.startswith(("torch", "transformers", "sentence-transformers"))]
    assert heavy
    assert all("extra == 'models'" in requirement for requirement in heavy)


def test_the_client_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import likewise
assert likewise.__file__.startswith({str(tmp_path)!r}), likewise.__file__
print(likewise.Client("localhost:1"))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "Client('localhost:1')\n"
