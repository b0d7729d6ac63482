"""The server's settings: one frozen value, from flags, environment variables ``LIKEWISE_*``, and defaults.

The first of these that says something holds. A field's description is the help of its flag: what it does, and
what happens when you change it.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from likewise.connection import is_loopback
from likewise_engine import limits

ENVIRONMENT_PREFIX: Final = "LIKEWISE_"
LISTEN_DEFAULT: Final = "127.0.0.1:50151"
DATA_DEFAULT: Final = Path("likewise-data")

_OF_COMMANDS: Final = ("SERVER", "TLS_CA", "TOKEN", "TOKEN_FILE")
"""Variables, without the prefix, that other commands read."""
_ADDRESS: Final = re.compile(r"unix(?:-abstract)?:.+|(?:\[[^\[\]]+\]|[^\[\]:/]*):(?P<port>[0-9]{1,5})")
_PORT_MAX: Final = 65_535


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class LogLevel(StrEnum):
    """The least severe lines that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class TenantSource(StrEnum):
    """What of a client's certificate says whose it is."""

    NONE = "none"
    COMMON_NAME = "common-name"
    URI = "uri"


class Settings(BaseSettings):
    """How to serve. Raises pydantic.ValidationError naming every setting that is wrong."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix=ENVIRONMENT_PREFIX, extra="forbid", hide_input_in_errors=True
    )

    data: Annotated[
        Path,
        Field(
            description="Folder of all tenants' books, made if it is not there. "
            "One server may use it at a time; another folder is another set of tenants."
        ),
    ] = DATA_DEFAULT
    master_key_file: Annotated[
        Path | None,
        Field(
            description="File of the master key that wraps the tenants' keys, made by `likewise keys init`. "
            "Without it they lie in the clear beside the books; with it, a copy of the folder tells nothing, "
            "and who loses the file has lost all books."
        ),
    ] = None
    listen: Annotated[
        str,
        Field(
            description="Address to serve on, HOST:PORT or unix:PATH. Port 0 takes any free port, and the "
            "ready line says which. A HOST that other machines can reach needs TLS, and tokens or client "
            "certificates; or --insecure-listen."
        ),
    ] = LISTEN_DEFAULT
    insecure_listen: Annotated[
        bool,
        Field(
            description="Allow an address that other machines can reach without TLS, or without asking who "
            "calls: without TLS everybody on the way can read and change all that is sent, tokens too; "
            "without tokens or client certificates everybody who reaches the address can read and change all "
            "books. Only within a network that is your own, or behind a proxy that does both."
        ),
    ] = False
    tls_certificate: Annotated[
        Path | None,
        Field(
            description="PEM file of the server's certificate, then of those that lead to its authority. "
            "With it the server speaks TLS (1.2 or later) and nothing else. A changed file counts from the "
            "next connection on, without a restart; a broken one is logged, and the earlier one stays in use."
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        Field(description="PEM file of that certificate's private key, RSA or ECDSA, not encrypted."),
    ] = None
    tls_client_ca: Annotated[
        Path | None,
        Field(
            description="PEM file of authorities for clients' certificates. With it every client needs a "
            "certificate of one of them, and without --tenant-from-certificate may then do all, unless "
            "tokens were made: then it needs one of these too."
        ),
    ] = None
    tenant_from_certificate: Annotated[
        TenantSource,
        Field(
            description="What of a client's certificate is its tenant's id: common-name, its subject's; "
            "uri, its subject alternative name urn:likewise:tenant:ID (ID percent-encoded); there has to be "
            "exactly one. Such a client may classify and learn, for that tenant alone. A call that brings a "
            "token is judged by the token instead."
        ),
    ] = TenantSource.NONE
    require_tokens: Annotated[
        bool,
        Field(
            description="Let nobody in without a token, though none was ever made; a client certificate that "
            "names its tenant does as well. Without it, whoever reaches the address may do all until a token "
            "is made: so too after a restore into a new folder, for backups hold none."
        ),
    ] = False
    caller_calls_per_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=1_000_000,
            allow_inf_nan=False,
            description="Calls a second that one token or client certificate may make in the long run, each "
            "worker counting for itself; no limit if not given. More are refused with RESOURCE_EXHAUSTED and "
            "the time to wait; within a stream each message counts, and waits. A token may have its own.",
        ),
    ] = None
    caller_burst: Annotated[
        int,
        Field(
            ge=1,
            le=1_000_000,
            description="Calls that it may make at once after a rest, where --caller-calls-per-s is given.",
        ),
    ] = 100
    caller_streams_max: Annotated[
        int | None,
        Field(
            ge=1,
            description="Streams that one token or client certificate may have at once; no limit but that of "
            "all if not given. Further ones are refused with RESOURCE_EXHAUSTED and the time to wait.",
        ),
    ] = None
    model: Annotated[
        Path | None,
        Field(
            description="Folder of the encoder's model; the shipped one if not given. If it is another than "
            "at the last start, tenants are changed to it one by one, aside from calls, and served by the "
            "one that they have for as long as its folder is where it was."
        ),
    ] = None
    encoders: Annotated[
        Path | None,
        Field(
            description="Folder of further encoders' model folders: the server can be told to change to one "
            "of them while it serves ('likewise encoder start'). Without it there are --model and the "
            "shipped one to choose from."
        ),
    ] = None
    vote: Annotated[
        Path | None,
        Field(
            description="Folder of the vote, which weighs evidence, as 'likewise model train-vote' writes it;"
            " the shipped one if not given. Another one gives other probabilities, from the next start on."
        ),
    ] = None
    workers: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Processes that serve, each with a share of the memory. Python computes in one "
            "thread of a process at a time: one process a processor core answers that many times as many "
            "calls. A tenant may be served by any of them, and takes memory in each that does.",
        ),
    ] = 1
    threads: Annotated[
        int,
        Field(
            ge=1,
            le=256,
            description="Calls that are classified at once. Python computes in one thread at a time: more "
            "than two slow each other down, and take longer at the 99th percentile.",
        ),
    ] = 2
    disk_threads: Annotated[
        int,
        Field(
            ge=1,
            le=256,
            description="Calls at once that teach, change or read back. They wait for the disk most of the "
            "time: more share an fsync. No tenant has more than half of them.",
        ),
    ] = 8
    streams_max: Annotated[
        int,
        Field(
            ge=1,
            le=256,
            description="Streams (imports, exports, ClassifyStream) served at once; each has a thread of its "
            "own, and no tenant more than half of them. Further ones are refused with RESOURCE_EXHAUSTED and "
            "the time to wait.",
        ),
    ] = 8
    queue_max: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="Calls that may wait for a thread, whatever their wait: it bounds memory. More are "
            "refused with RESOURCE_EXHAUSTED and the time to wait.",
        ),
    ] = 256
    wait_ms_max: Annotated[
        float,
        Field(
            gt=0,
            le=10_000,
            allow_inf_nan=False,
            description="Milliseconds that a Classify may wait for its turn while there is more work than "
            "can be done. A call that would wait longer is refused at once with RESOURCE_EXHAUSTED and the "
            "time to wait. A larger value refuses fewer, and everybody waits longer; a burst may wait 100.",
        ),
    ] = 5.0
    predictions_sampled: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Share of the answers that are recorded, so that corrections are tied to what was "
            "answered: 1 for all, as far as a fiftieth of a processor goes, 0 for none. Less gives feedback "
            "of fewer answers, and takes as much less disk.",
        ),
    ] = 1.0
    predictions_kept_max: Annotated[
        int,
        Field(
            ge=1,
            le=limits.PREDICTIONS_KEPT_MAX,
            description="Latest answers kept of a tenant, some 3 KB each. Older ones go; what they came to "
            "stays in the counts.",
        ),
    ] = limits.PREDICTIONS_KEPT_DEFAULT
    prediction_days_max: Annotated[
        int,
        Field(
            ge=1,
            le=limits.PREDICTION_DAYS_KEPT_MAX,
            description="Days after which a recorded answer goes, though there be fewer.",
        ),
    ] = limits.PREDICTION_DAYS_KEPT_DEFAULT
    memory_mib_max: Annotated[
        int,
        Field(
            ge=1,
            description="Main memory for loaded tenants, of all workers together, in MiB. Beyond it those "
            "unused for longest are dropped from memory, and loaded again at their next call, which then "
            "takes longer.",
        ),
    ] = 2_048
    grace_s: Annotated[
        float,
        Field(
            ge=0,
            le=3_600,
            allow_inf_nan=False,
            description="Seconds that accepted calls get to finish after SIGTERM or SIGINT. Less stops "
            "sooner and cuts off long streams; keep it below your process manager's own limit.",
        ),
    ] = 20.0
    llm_url: Annotated[
        str | None,
        Field(
            description="URL of an OpenAI-compatible endpoint (llama.cpp, vLLM, Ollama) on this machine, "
            "http://127.0.0.1:8080/v1, or unix:/run/model.sock. With it, what would be an ASK is asked there "
            "too, aside from the answer: what it says comes as a suggestion, and files nothing. Without it, "
            "there is no language model."
        ),
    ] = None
    llm_model: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=limits.MODEL_NAME_CHARS_MAX,
            description="Name of the model at --llm-url. Another one begins with no record.",
        ),
    ] = None
    llm_key_file: Annotated[
        Path | None,
        Field(description="File of the bearer token for --llm-url; none is sent if not given."),
    ] = None
    llm_allow_remote: Annotated[
        bool,
        Field(
            description="Allow --llm-url to be on another machine. Then parts of your clients' books leave "
            "this one: names of categories, and wordings, of which only numbers and the like are masked."
        ),
    ] = False
    llm_raw_wording: Annotated[
        bool,
        Field(
            description="Send payee and description as they came, with numbers and the like masked, instead "
            "of the text that Likewise makes of them: models know capitals and punctuation."
        ),
    ] = False
    llm_timeout_s: Annotated[
        float,
        Field(
            gt=0,
            le=600,
            allow_inf_nan=False,
            description="Seconds that a question may take at --llm-url, and wait before it is asked.",
        ),
    ] = 30.0
    llm_concurrency: Annotated[
        int,
        Field(
            ge=1,
            le=64,
            description="Questions sent to --llm-url at once, from each worker, one for each slot it has.",
        ),
    ] = 1
    llm_calls_per_minute: Annotated[
        float,
        Field(
            gt=0,
            le=100_000,
            allow_inf_nan=False,
            description="Questions a minute to --llm-url, of all workers together. More are not asked.",
        ),
    ] = 60.0
    llm_tokens_per_day: Annotated[
        int,
        Field(ge=1, description="Tokens a day (UTC) at --llm-url, of all workers. Beyond, nothing is asked."),
    ] = 2_000_000
    llm_tenant_tokens_per_day: Annotated[
        int,
        Field(ge=1, description="Tokens a day of one tenant: no other is kept from its suggestions by it."),
    ] = 200_000
    log_format: Annotated[
        LogFormat,
        Field(description="Log lines as json, or for a console; auto: console on a terminal, else json."),
    ] = LogFormat.AUTO
    log_level: Annotated[
        LogLevel,
        Field(description="Least severe lines to log. debug logs every call, and costs time with each."),
    ] = LogLevel.INFO

    @model_validator(mode="after")
    def _check_listen(self) -> Self:
        address = _ADDRESS.fullmatch(self.listen)
        # gRPC would take port 99999 for 34463.
        if address is None or int(address["port"] or 0) > _PORT_MAX:
            raise ValueError(
                f"listen address {self.listen!r} is neither HOST:PORT, with a port from 0 to {_PORT_MAX}, "
                "nor unix:PATH"
            )
        if self.workers > 1 and self.listen.startswith("unix"):
            raise ValueError(
                "several workers cannot share a socket file: listen on HOST:PORT, or have one worker"
            )
        if self.is_exposed and self.tls_certificate is None:
            raise ValueError(
                f"listen address {self.listen!r} can be reached from other machines, in plain text: give "
                "--tls-certificate and --tls-key, listen on 127.0.0.1, or pass --insecure-listen if you mean "
                "it"
            )
        return self

    @model_validator(mode="after")
    def _check_certificates(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("--tls-certificate and --tls-key go together: one is missing")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("--tls-client-ca is of TLS: give --tls-certificate and --tls-key too")
        if self.tenant_from_certificate is not TenantSource.NONE and self.tls_client_ca is None:
            raise ValueError("--tenant-from-certificate takes client certificates: give --tls-client-ca")
        return self

    @model_validator(mode="after")
    def _check_language_model(self) -> Self:
        if (self.llm_url is None) != (self.llm_model is None):
            raise ValueError("--llm-url and --llm-model go together: one is missing")
        return self

    @property
    def is_exposed(self) -> bool:
        """Whether other machines can reach the address, and it was not said that this is meant as it is."""
        return not self.insecure_listen and not is_loopback(self.listen)

    def for_log(self) -> dict[str, Any]:
        """All settings as they may be logged: whatever is a secret shows as asterisks."""
        return self.model_dump(mode="json")


def unknown_variables(names: Iterable[str]) -> dict[str, str]:
    """Environment variables that are named like settings and are none.

    They may be misspelt, but are not refused: Kubernetes sets LIKEWISE_PORT and the like by itself where a
    service is called so.

    Args:
        names: of all variables.

    Returns:
        By name the nearest one that is known; empty where none is near.
    """
    known = [name.upper() for name in (*Settings.model_fields, *_OF_COMMANDS)]
    unknown = {}
    for name in sorted(names):
        prefix, rest = name[: len(ENVIRONMENT_PREFIX)].upper(), name[len(ENVIRONMENT_PREFIX) :].upper()
        if prefix == ENVIRONMENT_PREFIX and rest not in known:
            nearest = get_close_matches(rest, known, n=1)
            unknown[name] = ENVIRONMENT_PREFIX + nearest[0] if nearest else ""
    return unknown
