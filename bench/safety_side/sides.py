"""The servers that are set side by side, each with a client."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

import likewise
from latency_load.processes import likewise_served
from likewise_engine.keys import MasterKey, write_master_keys
from likewise_server.access.caller import ALL_SCOPES
from likewise_server.access.token_file import TokenFile
from likewise_server.access.tokens import issued
from safety_side.certificate import write_certificate

_HERE: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("proto", "engine", "indexer", "server")


@dataclass(frozen=True, slots=True)
class Side:
    """A server that is up.

    Attributes:
        name: of it, in the report.
        client: connected to it.
    """

    name: str
    client: likewise.Client


@contextmanager
def plain(name: str, data: Path, tree: Path = _HERE) -> Iterator[Side]:
    """A server of a checkout as it comes: on loopback, without tokens, TLS or a master key.

    Args:
        name: of the side.
        data: its data folder.
        tree: the checkout, with its kernels built in place.

    Raises:
        ServerFailed.
    """
    with (
        likewise_served(data, environment=_environment(tree)) as server,
        likewise.Client(server.address) as client,
    ):
        yield Side(name, client)


@contextmanager
def secured(name: str, data: Path, folder: Path) -> Iterator[Side]:
    """A server of this checkout with TLS, a token, and keys wrapped by a master key.

    Args:
        name: of the side.
        data: its data folder.
        folder: for certificate and master key.

    Raises:
        ServerFailed.
    """
    folder.mkdir()
    files, master = write_certificate(folder), folder / "master.key"
    write_master_keys(master, [MasterKey.new()])
    token, secret = issued(label="safety", tenant=None, scopes=ALL_SCOPES)
    TokenFile(data).add(token)
    options = {"tls-certificate": files.certificate, "tls-key": files.key, "master-key-file": master}
    credentials = grpc.ssl_channel_credentials(files.certificate.read_bytes())
    with (
        likewise_served(data, [f"--{key}={value}" for key, value in options.items()]) as server,
        likewise.Client(server.address, credentials=credentials, token=secret) as client,
    ):
        yield Side(name, client)


def _environment(tree: Path) -> Mapping[str, str]:
    """This process's, but that packages are those of a checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(str(tree / package) for package in _PACKAGES)}
