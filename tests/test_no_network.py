"""Nothing leaves the machine: what Likewise is for is done in a network namespace that ends at loopback.

It works there, and the kernel counts every packet that found no way out, whoever sent it: gRPC, polars,
onnxruntime and tokenizers have sockets of their own, of which Python does not know. Besides, an audit
hook in every process notes whom Python itself wants to reach (PEP 578): it finds names, too, that are looked
up at a resolver on this very machine.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY

PATH = REPOSITORY / "tests/offline_path.py"
BOOKS = REPOSITORY / "data/books"
HOOK = """
import json, os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        whom = arguments[1]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        whom = arguments[0]
    else:
        return
    with open(os.environ["REACHED"], "a") as file:
        file.write(json.dumps([event, os.fsdecode(whom) if isinstance(whom, bytes) else whom]) + "\\n")

sys.addaudithook(note)
"""


def in_empty_network(arguments: list[str], environment: dict[str, str]) -> int:
    """Run the path with nothing but loopback; return how many packets found no way."""
    ip = shutil.which("ip")
    if ip is None or shutil.which("unshare") is None:
        pytest.skip("needs unshare and ip (util-linux and iproute2)")
    unshare = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*unshare, ip, "link", "set", "lo", "up"], capture_output=True, check=False).returncode:
        pytest.skip("this user may make no network namespace")
    command = [
        *unshare,
        "sh",
        "-c",
        f'{ip} link set lo up && exec "$@"',
        "sh",
        sys.executable,
        str(PATH),
        *arguments,
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    packets: int = json.loads(done.stdout.splitlines()[-1])["packets_without_way"]
    return packets


def test_all_of_it_works_without_a_network_and_looks_for_none(tmp_path: Path) -> None:
    hook, reached = tmp_path / "hook", tmp_path / "reached"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(HOOK)
    paths = os.pathsep.join([str(hook), *sys.path])
    environment = {"PYTHONPATH": paths, "REACHED": str(reached)}
    assert in_empty_network([str(BOOKS), str(tmp_path)], environment) == 0
    whom = [json.loads(line) for line in reached.read_text().splitlines()] if reached.exists() else []
    assert [each for each in whom if not is_local(each[1])] == []


def is_local(whom: object) -> bool:
    """Whether an address is this very machine, or a socket file of it."""
    host = whom[0] if isinstance(whom, list) else whom
    return isinstance(host, str) and (host in ("127.0.0.1", "::1", "localhost") or host.startswith("/"))


def test_a_library_that_called_home_would_be_counted() -> None:
    assert in_empty_network(["--control"], {}) == 2
