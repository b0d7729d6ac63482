"""Where the language model is, and that it is on this machine unless the operator says otherwise.

A host name is looked up once, when the server starts; what is connected to from then on is the address that
was found. So a name cannot lead elsewhere later (DNS rebinding), and no name is looked up while serving.
Redirects are not followed, and proxies of the environment are not used: see :mod:`.chat`.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from likewise_engine.errors import PreconditionFailed

_UNIX: Final = "unix:"
_PORTS: Final = {"http": 80, "https": 443}
_CHAT_PATH: Final = "/chat/completions"
_UNIX_BASE: Final = "/v1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible endpoint, as it is connected to.

    Attributes:
        url: of the chat completions, by address; the host of a socket file means nothing.
        host: what the ``Host`` header says, and the name that a certificate must have.
        socket_path: the socket file; None for TCP.
    """

    url: str
    host: str
    socket_path: str | None = None


def endpoint_of(url: str, *, allow_remote: bool) -> Endpoint:
    """The endpoint at a base URL such as ``http://127.0.0.1:8080/v1``, or ``unix:/run/model.sock``.

    Args:
        url: its base; the path of the chat completions is appended. A socket file's is ``/v1``.
        allow_remote: whether it may be on another machine.

    Raises:
        PreconditionFailed: it is no such URL, its host cannot be found, or it is on another machine, which
            was not allowed.
    """
    if url.startswith(_UNIX):
        path = url.removeprefix(_UNIX)
        if not path.startswith("/"):
            raise PreconditionFailed(f"--llm-url {url!r} names no socket file: write unix:/PATH/TO/SOCKET")
        return Endpoint(f"http://localhost{_UNIX_BASE}{_CHAT_PATH}", "localhost", path)
    parts = _parts(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    addresses = _addresses(host, port)
    remote = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
    if remote and not allow_remote:
        raise PreconditionFailed(
            f"--llm-url {url!r} is {remote[0]}, which is another machine: what is asked would leave this one."
            " Name an address of this machine, or pass --llm-allow-remote if you mean it"
        )
    address = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    base = f"{parts.scheme}://{address}:{port}{parts.path.rstrip('/')}"
    return Endpoint(base + _CHAT_PATH, host)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_known = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_known = False
    if not is_known:
        raise PreconditionFailed(
            f"--llm-url {url!r} is no endpoint: write http://127.0.0.1:PORT/v1, https://… or unix:/PATH"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise PreconditionFailed("--llm-url has more than a host and a path: give a key by --llm-key-file")
    return parts


def _addresses(host: str, port: int) -> list[str]:
    """All addresses of a host, IPv4 first. Raises PreconditionFailed where there is none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise PreconditionFailed(f"--llm-url: there is no host {host!r}") from error
    # An IPv6 address may name its interface, which ipaddress and URLs spell otherwise.
    addresses = {str(address[0]).partition("%")[0]: family for family, *_, address in found}
    return sorted(addresses, key=lambda address: (addresses[address] != socket.AF_INET, address))
