"""The contract: what its stubs promise, and where it must say the same as the engine."""

import ast
import importlib.metadata
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor

import likewise
from likewise import connection
from likewise.v1 import (
    card_service_pb2,
    classifier_service_pb2,
    encoder_service_pb2,
    feedback_service_pb2,
    insight_service_pb2,
    ledger_service_pb2,
    model_service_pb2,
    rule_service_pb2,
    suggestion_service_pb2,
    tenant_service_pb2,
    transaction_pb2,
)
from likewise_engine import limits
from likewise_engine import transaction as engine

ROOT = Path(__file__).resolve().parents[1]
STUBS = ROOT / "proto/likewise/v1"
SUB_CLIENTS = {
    "CardService": (likewise.Cards, likewise.AsyncCards),
    "EncoderService": (likewise.Encoders, likewise.AsyncEncoders),
    "ModelService": (likewise.Models, likewise.AsyncModels),
    "FeedbackService": (likewise.Feedback, likewise.AsyncFeedback),
    "InsightService": (likewise.Insight, likewise.AsyncInsight),
    "RuleService": (likewise.Rules, likewise.AsyncRules),
    "SuggestionService": (likewise.Suggestions, likewise.AsyncSuggestions),
}
"""By service, where a part of the client has its methods: each by the verb of the RPC."""
SERVICES: list[ServiceDescriptor] = [
    service
    for module in (
        card_service_pb2,
        classifier_service_pb2,
        encoder_service_pb2,
        feedback_service_pb2,
        insight_service_pb2,
        ledger_service_pb2,
        model_service_pb2,
        rule_service_pb2,
        suggestion_service_pb2,
        tenant_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
]


def test_the_public_api_is_what_it_lists() -> None:
    public = {
        name
        for name, value in vars(likewise).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == set(likewise.__all__)
    assert likewise.__all__ == sorted(likewise.__all__, key=_as_ruff_sorts)


def _as_ruff_sorts(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_the_client_brings_in_nothing_but_grpc_and_protobuf() -> None:
    program = """
import json, sys
import grpc, grpc.aio, google.protobuf
before = set(sys.modules)
import likewise
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    brought = set(json.loads(run.stdout)) - sys.stdlib_module_names
    assert brought == {"google", "grpc", "likewise"}


def test_every_module_of_the_client_imports_only_what_is_declared() -> None:
    allowed = {"google", "grpc", "likewise"} | sys.stdlib_module_names
    for path in (ROOT / "proto/likewise").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= allowed, path


def test_each_client_has_every_method_of_the_contract() -> None:
    named_otherwise = {
        "ClassifyStream": "classify_many",
        "TryRule": "dry_run",
        "BatchCreateRules": "create_all",
    }
    for service in SERVICES:
        for method in service.methods:
            name = named_otherwise.get(method.name) or re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
            if service.name in SUB_CLIENTS and method.name not in named_otherwise:
                name = name.partition("_")[0]
            for client in SUB_CLIENTS.get(service.name, (likewise.Client, likewise.AsyncClient)):
                parameters = inspect.signature(getattr(client, name)).parameters
                assert parameters["deadline_ms"].default is likewise.NOT_GIVEN, name


def test_both_clients_have_the_same_methods_and_parameters() -> None:
    def signatures(client: type) -> dict[str, list[str]]:
        functions = inspect.getmembers(client, inspect.isfunction)
        public = [(name, f) for name, f in functions if not name.startswith("_") or name == "__init__"]
        return {name: list(inspect.signature(function).parameters) for name, function in public}

    for client, twin in ((likewise.Client, likewise.AsyncClient), *SUB_CLIENTS.values()):
        assert signatures(client) == signatures(twin)


def test_only_methods_that_exist_and_take_one_request_are_tried_again() -> None:
    by_name = {service.full_name: service for service in SERVICES}
    for service, methods in connection.SAFE_TO_RETRY.items():
        for method in methods:
            assert not by_name[service].methods_by_name[method].client_streaming


def test_the_client_and_the_engine_agree() -> None:
    assert connection.MESSAGE_BYTES_MAX == limits.MESSAGE_BYTES_MAX
    assert connection.DEADLINE_MS_UNARY == limits.DEADLINE_MS_DEFAULT
    assert likewise.CATEGORY_DIMENSION == engine.CATEGORY_DIMENSION


@pytest.mark.parametrize(
    ("contract", "prefix", "values"),
    [
        (transaction_pb2.Direction, "DIRECTION_", engine.Direction),
        (transaction_pb2.Authority, "AUTHORITY_", engine.Authority),
    ],
)
def test_numbers_of_stored_enumerations_are_those_of_the_contract(
    contract: type, prefix: str, values: type[engine.Direction] | type[engine.Authority]
) -> None:
    numbers = {name.removeprefix(prefix): number for name, number in contract.items() if number}  # type: ignore[attr-defined]
    assert {value.name: value.value for value in values if value} == numbers


def test_every_service_has_its_stub_and_every_stub_its_proto() -> None:
    expected = set()
    for proto in STUBS.glob("*.proto"):
        endings = ["_pb2.py", "_pb2.pyi"]
        if proto.stem.endswith("_service"):
            endings += ["_pb2_grpc.py", "_pb2_grpc.pyi"]
        expected |= {proto.stem + ending for ending in endings}
    assert {path.name for path in STUBS.glob("*_pb2*.py*")} == expected


def test_stubs_run_on_the_oldest_versions_that_are_declared() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    oldest = dict(requirement.split(">=") for requirement in declared)
    for path in STUBS.glob("*_pb2.py"):
        assert f"# Protobuf Python Version: {oldest['protobuf']}\n" in path.read_text()
    for path in STUBS.glob("*_pb2_grpc.py"):
        assert f"GRPC_GENERATED_VERSION = '{oldest['grpcio']}'\n" in path.read_text()


def test_the_command_says_what_to_install_where_only_the_client_is() -> None:
    # None in sys.modules is what Python itself takes for "there is no such module".
    program = "import sys; sys.modules['typer'] = None; from likewise_server.__main__ import main; main()"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "pip install 'likewise[server]'" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_command_says_what_to_do_where_the_kernels_are_not_compiled(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['likewise_engine.head.features'] = None;"
        "from likewise_server.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "tenants", "list", "--data", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "Install a C++ compiler" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_command_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "likewise_server", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == f"likewise {importlib.metadata.version('likewise')}\n"


def test_the_services_keep_their_published_names() -> None:
    assert {service.full_name for service in SERVICES} == {
        "likewise.v1.CardService",
        "likewise.v1.ClassifierService",
        "likewise.v1.EncoderService",
        "likewise.v1.FeedbackService",
        "likewise.v1.InsightService",
        "likewise.v1.LedgerService",
        "likewise.v1.ModelService",
        "likewise.v1.RuleService",
        "likewise.v1.SuggestionService",
        "likewise.v1.TenantService",
    }
