"""What commands show to a server, or bring to a data folder: a token, certificates, the master key. The same
for each that has ``--server``.

The options are added to a command when it is imported, so no command has to name them; what they say holds
for as long as it runs.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    import grpc

MasterKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--master-key-file",
        envvar="LIKEWISE_MASTER_KEY_FILE",
        dir_okay=False,
        help="File of the master key that wraps the tenants' keys in a data folder.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What is shown to a server or brought to a data folder, as the options say it.

    Attributes:
        token: itself; None where none is given so.
        token_file: that holds it; None where none is given so.
        ca: file of the authorities that the server's certificate has to be of; None for the usual ones.
        certificate: file of the client's own; None without one.
        key: file of its key; None without one.
        master_key_file: that a data folder's keys are wrapped by; None where they are not.
    """

    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    master_key_file: Path | None = None

    def secret(self) -> str | None:
        """The token. Raises OSError, ValueError where there is no telling."""
        if self.token_file is None:
            return self.token
        if self.token is not None:
            raise ValueError("give the token once: by --token or LIKEWISE_TOKEN, or by --token-file")
        return self.token_file.read_text(encoding="ascii").strip()

    def credentials(self) -> "grpc.ChannelCredentials | None":
        """For TLS; None where nothing is said of it, which is plain text. Raises OSError, ValueError."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("--tls-certificate and --tls-key go together: one is missing")
        if self.ca is None and self.certificate is None:
            return None
        import grpc

        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.certificate))


_NOTHING: Final = Reach()
_reach: ContextVar[Reach] = ContextVar("reach", default=_NOTHING)


def current_reach() -> Reach:
    """What the command that runs shows to a server, or brings to a data folder."""
    return _reach.get()


def _options(
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="LIKEWISE_TOKEN",
            metavar="TOKEN",
            help="Token to call the server with. Other users of this machine see what a command is given: "
            "rather set LIKEWISE_TOKEN, or use --token-file.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file", envvar="LIKEWISE_TOKEN_FILE", dir_okay=False, help="File that holds the token."
        ),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            "--tls-ca",
            envvar="LIKEWISE_TLS_CA",
            dir_okay=False,
            help="Speak TLS, to a server whose certificate is of an authority in this PEM file.",
        ),
    ] = None,
    tls_certificate: Annotated[
        Path | None,
        typer.Option(
            "--tls-certificate",
            dir_okay=False,
            help="Speak TLS, and show the server the certificate in this PEM file.",
        ),
    ] = None,
    tls_key: Annotated[
        Path | None,
        typer.Option("--tls-key", dir_okay=False, help="PEM file of that certificate's private key."),
    ] = None,
    master_key_file: MasterKeyOption = None,
) -> Reach:
    return Reach(
        token=token,
        token_file=token_file,
        ca=tls_ca,
        certificate=tls_certificate,
        key=tls_key,
        master_key_file=master_key_file,
    )


_app: Final = typer.Typer(add_completion=False)
_app.command()(_options)
_OPTION_NAMES: Final = ("token", "token_file", "tls_ca", "tls_certificate", "tls_key", "master_key_file")


def with_reach(command: Any) -> Any:
    """Give a command, and all beneath it, that can call a server the options for it.

    Args:
        command: as typer made it.

    Returns:
        The same.
    """
    for beneath in getattr(command, "commands", {}).values():
        with_reach(beneath)
    names = [parameter.name for parameter in command.params]
    if "server" in names:
        options = typer.main.get_command(_app)
        at = names.index("server") + 1
        command.params[at:at] = [option for option in options.params if option.name in _OPTION_NAMES]
        command.callback = _reaching(command.callback, options.callback)
    return command


def _read(file: Path | None) -> bytes | None:
    return None if file is None else file.read_bytes()


def _reaching(run: Callable[..., Any], reach_of: Any) -> Callable[..., Any]:
    def reaching(**given: Any) -> Any:
        before = _reach.set(reach_of(**{name: given.pop(name) for name in _OPTION_NAMES}))
        try:
            return run(**given)
        finally:
            _reach.reset(before)

    return reaching
