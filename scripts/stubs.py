"""Generates the Python stubs beside the .proto files; with ``--check``, tells whether they are stale;
with ``--describe FILE``, writes the contract as a FileDescriptorSet (what `buf lint` reads).

Runs in an environment of its own, pinned by constraints-stubs.txt: code of protoc 29 (grpcio-tools 1.71.2)
imports on protobuf 5.29, 6 and 7, while newer generators shut out protobuf 5; and mypy-protobuf 4 and 5
crash beside grpcio-tools 1.71.2.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import google.type

PROTO_FOLDER: Final = Path(__file__).resolve().parents[1] / "proto"
PACKAGE: Final = Path("likewise/v1")
# googleapis-common-protos ships the .proto files that ours import beside its Python modules. (grpc_tools
# finds google/protobuf by itself.)
GOOGLEAPIS_FOLDER: Final = Path(next(iter(google.type.__path__))).parents[1]


def generate(target_folder: Path) -> None:
    """Write *_pb2.py, *_pb2.pyi, *_pb2_grpc.py and *_pb2_grpc.pyi of the contract beneath ``target_folder``.

    Raises:
        subprocess.CalledProcessError: protoc refused a file; it said why on stderr.
    """
    names = sorted(path.name for path in (PROTO_FOLDER / PACKAGE).glob("*.proto"))
    protos = [f"{PACKAGE.as_posix()}/{name}" for name in names]
    services = [name for name in protos if name.endswith("_service.proto")]
    plugins = [
        f"--plugin={Path(sys.executable).with_name(f'protoc-gen-{name}')}" for name in ("mypy", "mypy_grpc")
    ]
    _protoc(*plugins, f"--python_out={target_folder}", f"--mypy_out=quiet:{target_folder}", *protos)
    _protoc(
        *plugins, f"--grpc_python_out={target_folder}", f"--mypy_grpc_out=quiet:{target_folder}", *services
    )


def describe(target: Path) -> None:
    """Write the contract and all that it imports as one FileDescriptorSet, for tools that read such."""
    protos = sorted(path.as_posix() for path in (PROTO_FOLDER / PACKAGE).glob("*.proto"))
    _protoc("--include_imports", "--include_source_info", f"--descriptor_set_out={target}", *protos)


def _protoc(*arguments: str) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO_FOLDER}", f"-I{GOOGLEAPIS_FOLDER}"]
    subprocess.run([*command, *arguments], check=True)


def stale(fresh_folder: Path) -> list[str]:
    """Names of the committed stubs that are missing, outdated, or have no .proto any more."""
    committed = {path.name: path.read_bytes() for path in (PROTO_FOLDER / PACKAGE).glob("*_pb2*.py*")}
    fresh = {path.name: path.read_bytes() for path in (fresh_folder / PACKAGE).glob("*_pb2*.py*")}
    return sorted(name for name in committed.keys() | fresh.keys() if committed.get(name) != fresh.get(name))


def main() -> None:
    """Generate, or check."""
    if sys.argv[1:] == ["--check"]:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder))
            names = stale(Path(folder))
        if names:
            sys.exit(f"stale stubs: {', '.join(names)}\nrun `make stubs` and commit what it writes")
    elif len(sys.argv) == 3 and sys.argv[1] == "--describe":
        describe(Path(sys.argv[2]))
    elif sys.argv[1:]:
        sys.exit("usage: stubs.py [--check | --describe FILE]")
    else:
        for path in (PROTO_FOLDER / PACKAGE).glob("*_pb2*.py*"):
            path.unlink()
        generate(PROTO_FOLDER)


if __name__ == "__main__":
    main()
