"""``likewise serve``: its flags are the fields of Settings."""

import inspect
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from pydantic import ValidationError

from likewise_engine.errors import LikewiseError
from likewise_server.cli.common import fail
from likewise_server.settings import ENVIRONMENT_PREFIX, Settings

if TYPE_CHECKING:
    from likewise_server.supervisor import Post

# Without rich's table, whose columns leave no room for whole sentences.
serve_app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _serve(**flags: Any) -> None:
    """Serve the tenants of a data folder over gRPC, until SIGTERM or SIGINT.

    Every setting is a flag and an environment variable; the flag wins. When calls are answered, a line on
    standard output says where; the log goes to standard error.
    """
    try:
        settings = Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        fail("\n".join(_explained(detail) for detail in error.errors()), status=2)
    from likewise_server import logs

    logs.configure(settings.log_format, settings.log_level)
    try:
        if settings.workers == 1:
            from likewise_server.lifecycle import serve

            serve(settings, _say_ready)
        else:
            from likewise_server.supervisor import supervise

            supervise(settings, _work, _say_ready)
    except LikewiseError as error:
        fail(error.message)


def _work(post: "Post") -> None:
    """What a worker does. It imports what serves; the process that supervises does not."""
    from likewise_server.lifecycle import work

    work(post)


def _say_ready(address: str) -> None:
    print(f"Likewise serves {address}", flush=True)


def _explained(detail: Any) -> str:
    where = ".".join(map(str, detail["loc"]))
    what = detail["msg"].removeprefix("Value error, ")
    return f"{_flag(where)} (or {_variable(where)}): {what}" if where else what


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name}".upper()


def _signature() -> inspect.Signature:
    """One option for each setting. None stands for a flag that is not given: the environment may say more."""
    parameters = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"default: {field.default}; "
        option = typer.Option(
            help=f"{field.description} [{default}env: {_variable(name)}]", show_default=False
        )
        annotation: Any = Annotated[Optional[field.annotation], option]  # noqa: UP045 - | takes no variable
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        )
    return inspect.Signature(parameters)


_serve.__signature__ = _signature()  # type: ignore[attr-defined]
_serve.__annotations__ = {p.name: p.annotation for p in _signature().parameters.values()}
serve_app.command()(_serve)
