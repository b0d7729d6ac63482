"""The adviser that the settings name, if they name one."""

from pathlib import Path

from likewise_engine import limits
from likewise_engine.errors import PreconditionFailed
from likewise_engine.tenants import Tenants
from likewise_server.language_model.adviser import Adviser, Conduct
from likewise_server.language_model.budget import Allowance
from likewise_server.language_model.chat import Chat
from likewise_server.language_model.endpoint import endpoint_of
from likewise_server.settings import Settings


def adviser_of(settings: Settings, tenants: Tenants) -> Adviser | None:
    """The adviser of a process that serves; None where there is to be none.

    Raises:
        PreconditionFailed: the endpoint is none, or on another machine without leave; or the key cannot be
        read.
    """
    if settings.llm_url is None or settings.llm_model is None:
        return None
    endpoint = endpoint_of(settings.llm_url, allow_remote=settings.llm_allow_remote)
    key = None if settings.llm_key_file is None else _key(settings.llm_key_file)
    workers = settings.workers
    allowance = Allowance(
        settings.llm_calls_per_minute / workers,
        max(1, settings.llm_tokens_per_day // workers),
        max(1, settings.llm_tenant_tokens_per_day // workers),
    )
    conduct = Conduct(
        settings.llm_model,
        settings.llm_timeout_s,
        settings.llm_concurrency,
        settings.llm_raw_wording,
        workers == 1,
        allowance,
    )
    return Adviser(tenants, Chat(endpoint, settings.llm_model, key, settings.llm_timeout_s), conduct)


def _key(file: Path) -> str:
    try:
        content = file.read_bytes()[: limits.LANGUAGE_MODEL_KEY_FILE_BYTES_MAX + 1]
        key = content.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PreconditionFailed(f"--llm-key-file {file} cannot be read as text") from error
    is_short = len(content) <= limits.LANGUAGE_MODEL_KEY_FILE_BYTES_MAX
    if not (is_short and key.isascii() and key.isprintable() and key and " " not in key):
        raise PreconditionFailed(f"--llm-key-file {file} holds no key: one line of printable ASCII")
    return key
