"""Whatever is asked of one tenant by the names of another's things, nothing of the other is told or changed.

Two tenants live on one server. All that one of them has holds a word that is found nowhere else. Each method
of each service is called for the other tenant, by the ids of the first one's things; and for the first one
itself, which shows that by these ids there is something to be told.
"""

import datetime
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message import Message

import likewise
from access_world import Metadata, bearing, ended, secret_of, until
from chat_endpoint import Asked, Reply, endpoint, named
from conftest import Serve
from likewise.v1 import card_service_pb2 as cards
from likewise.v1 import classifier_service_pb2 as classifier
from likewise.v1 import encoder_service_pb2 as encoders
from likewise.v1 import feedback_service_pb2 as feedback
from likewise.v1 import insight_service_pb2 as insight
from likewise.v1 import ledger_service_pb2 as ledger
from likewise.v1 import model_service_pb2 as models
from likewise.v1 import rule_service_pb2 as rules
from likewise.v1 import suggestion_service_pb2 as suggestions
from likewise.v1 import tenant_service_pb2 as tenants
from likewise_server.access.caller import Scope
from likewise_server.access.permissions import FOR_EACH_CALLER, SCOPES
from likewise_server.lifecycle import SERVICES, Server

MINE, THEIRS = "mine", "theirs"
WORD: Final = "zanzibar"
"""In all that theirs has, and in nothing that is asked."""
TOLD: Final = frozenset(
    {
        *("GetCard", "Classify", "ClassifyStream", "AuditTenant", "ExplainTransaction", "ReplayPrediction"),
        *("GetTransaction", "ListTransactions", "ExportTransactions", "ListPredictions", "GetSuggestion"),
        *("ListSuggestions", "GetRule", "ListRules", "UpdateRule", "TryRule", "GetTenant"),
        *("UpdateTenant", "ExportTenant", "GetFeedback", "ListAuditRecords"),
    }
)
"""Methods that tell theirs of its own, by these names; of the others the answers are counts, or are empty."""
OF_THINGS: Final = frozenset(
    {
        *("ExplainTransaction", "ReplayPrediction", "GetTransaction", "ListTransactions"),
        *("GetRule", "ListRules", "UpdateRule", "DeleteRule", "ListAuditRecords", "SplitCategory"),
        *("GetModelCard", "StartEncoderChange", "ImportTenant"),  # things that nobody has
    }
)
"""Methods that name a thing, which the other tenant has not."""
NOT_THERE: Final = frozenset({grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT})
UNTIL_ENDED: Final = frozenset({"WatchSuggestions"})
"""Methods that answer when something comes; they are tested on their own."""
PATHS: Final[Mapping[str, str]] = {
    method.name: f"/{service.full_name}/{method.name}"
    for service in map(descriptor_pool.Default().FindServiceByName, SERVICES)
    for method in service.methods
}
DENIED = grpc.StatusCode.PERMISSION_DENIED


@dataclass
class Known:
    """What theirs has: names of it, and what its pages lead on with."""

    client: likewise.Client
    channel: grpc.Channel
    server: Server
    prediction_id: str = ""
    suggestion_id: str = ""
    page_tokens: dict[str, str] = field(default_factory=dict)

    def token(self, method: str) -> str:
        """The token for the second page of a list of theirs."""
        return self.page_tokens[method]


def asked(payee: str = "Abacus", **fields: Any) -> likewise.Transaction:
    """What theirs knows, by words that anybody may use."""
    return likewise.transaction(payee=payee, amount="-5", currency="EUR", **fields)


def labelled(n: int, payee: str, label: str) -> likewise.LabelledTransaction:
    day = datetime.date(2026, 1, 1) + datetime.timedelta(days=7 * n)
    said = asked(f"{payee} {WORD}", id=f"e{n}", date=day, description=WORD, account=WORD)
    return likewise.labelled(said, label)


def rule(**fields: Any) -> rules.Rule:
    condition = rules.RuleCondition(
        field=rules.RULE_FIELD_PAYEE, operator=rules.RULE_OPERATOR_CONTAINS, values=["abacus"]
    )
    return rules.Rule(**{"conditions": [condition], "labels": {"category": "c1"}, **fields})


Ask = Callable[[Known, str], Message | Sequence[Message]]
"""What is asked of a tenant; several messages for a stream."""
ASKED: Final[Mapping[str, Ask]] = {
    "GetCard": lambda _, t: cards.GetCardRequest(tenant=t, wordings=True),
    "Classify": lambda _, t: classifier.ClassifyRequest(tenant=t, transaction=asked(id="e1")),
    "ClassifyStream": lambda _, t: [
        classifier.ClassifyStreamRequest(tenant=t, transaction=asked()),
        classifier.ClassifyStreamRequest(transaction=asked(id="e2")),
    ],
    "AuditTenant": lambda _, t: insight.AuditTenantRequest(tenant=t),
    "ExplainTransaction": lambda _, t: insight.ExplainTransactionRequest(tenant=t, transaction_id="e1"),
    "ReplayPrediction": lambda k, t: insight.ReplayPredictionRequest(tenant=t, prediction_id=k.prediction_id),
    "GetFeedback": lambda _, t: feedback.GetFeedbackRequest(tenant=t),
    "GetFeedbackOverview": lambda _, __: feedback.GetFeedbackOverviewRequest(),
    "ListPredictions": lambda k, t: feedback.ListPredictionsRequest(tenant=t, prediction_id=k.prediction_id),
    "Learn": lambda k, t: ledger.LearnRequest(
        tenant=t,
        transactions=[
            likewise.LabelledTransaction(
                transaction=asked(id="e1"), labels={"category": "c1"}, prediction_id=k.prediction_id
            )
        ],
        request_id="r1",
    ),
    "ImportTransactions": lambda _, t: [
        ledger.ImportTransactionsRequest(tenant=t, transactions=[likewise.labelled(asked(id="e3"), "c1")])
    ],
    "GetTransaction": lambda _, t: ledger.GetTransactionRequest(tenant=t, transaction_id="e4"),
    "ListTransactions": lambda k, t: ledger.ListTransactionsRequest(
        tenant=t, page_size=1, page_token=k.token("ListTransactions")
    ),
    "ExportTransactions": lambda _, t: ledger.ExportTransactionsRequest(tenant=t),
    "ForgetTransactions": lambda _, t: ledger.ForgetTransactionsRequest(tenant=t, transaction_ids=["e5"]),
    "ListModels": lambda _, __: models.ListModelsRequest(),
    "GetModelCard": lambda _, t: models.GetModelCardRequest(fingerprint=t),
    "CreateRule": lambda _, t: rules.CreateRuleRequest(tenant=t, rule=rule(id="castle"), request_id="r2"),
    "BatchCreateRules": lambda _, t: rules.BatchCreateRulesRequest(
        tenant=t, rules=[rule(id="castle")], request_id="r3"
    ),
    "GetRule": lambda _, t: rules.GetRuleRequest(tenant=t, rule_id="castle"),
    "ListRules": lambda k, t: rules.ListRulesRequest(tenant=t, page_size=1, page_token=k.token("ListRules")),
    "UpdateRule": lambda _, t: rules.UpdateRuleRequest(tenant=t, rule=rules.Rule(id="castle", priority=3)),
    "DeleteRule": lambda _, t: rules.DeleteRuleRequest(tenant=t, rule_id="rule-3"),
    "TryRule": lambda _, t: rules.TryRuleRequest(tenant=t, rule=rule(id="castle")),
    "SuggestRules": lambda _, t: rules.SuggestRulesRequest(tenant=t, min_support=3, min_precision=0.5),
    "CreateTenant": lambda _, t: tenants.CreateTenantRequest(tenant=likewise.Tenant(id=t)),
    "GetTenant": lambda _, t: tenants.GetTenantRequest(tenant=t),
    "ListTenants": lambda _, __: tenants.ListTenantsRequest(),
    "UpdateTenant": lambda _, t: tenants.UpdateTenantRequest(
        tenant=likewise.Tenant(id=t, policy=likewise.Policy(target_precision=0.9))
    ),
    "RenameCategory": lambda _, t: tenants.RenameCategoryRequest(
        tenant=t, category="c2", new_id="c9", new_name="Nine"
    ),
    "MergeCategories": lambda _, t: tenants.MergeCategoriesRequest(
        tenant=t, categories=["c3"], into="c1", request_id="r4"
    ),
    "SplitCategory": lambda _, t: tenants.SplitCategoryRequest(
        tenant=t,
        category="c1",
        into="c8",
        selection=likewise.EntrySelection(transaction_ids=["e6"]),
        request_id="r5",
    ),
    "DeactivateCategory": lambda _, t: tenants.DeactivateCategoryRequest(tenant=t, category="c4"),
    "ActivateCategory": lambda _, t: tenants.ActivateCategoryRequest(tenant=t, category="c4"),
    "PurgeCategory": lambda _, t: tenants.PurgeCategoryRequest(tenant=t, category="c4", request_id="r6"),
    "ListAuditRecords": lambda k, t: tenants.ListAuditRecordsRequest(
        tenant=t, page_size=1, page_token=k.token("ListAuditRecords")
    ),
    "ExportTenant": lambda _, t: tenants.ExportTenantRequest(tenant=t),
    "ImportTenant": lambda _, t: [tenants.ImportTenantRequest(tenant=t, chunk=b"nothing")],
    "GetSuggestion": lambda k, t: suggestions.GetSuggestionRequest(tenant=t, suggestion_id=k.suggestion_id),
    "WatchSuggestions": lambda _, t: suggestions.WatchSuggestionsRequest(tenant=t),
    "ListSuggestions": lambda _, t: suggestions.ListSuggestionsRequest(tenant=t),
    "ListEncoders": lambda _, __: encoders.ListEncodersRequest(),
    "GetEncoderChange": lambda _, __: encoders.GetEncoderChangeRequest(),
    "StartEncoderChange": lambda _, t: encoders.StartEncoderChangeRequest(encoder=t),
    "PauseEncoderChange": lambda _, __: encoders.PauseEncoderChangeRequest(),
    "ResumeEncoderChange": lambda _, __: encoders.ResumeEncoderChangeRequest(),
    "RollbackEncoderChange": lambda _, __: encoders.RollbackEncoderChangeRequest(),
    "DeleteTenant": lambda _, t: tenants.DeleteTenantRequest(tenant=t),
}
"""By method, in the order in which they are called. A new one has to be added here."""


def answer_to(
    channel: grpc.Channel, method: str, question: Message | Sequence[Message], metadata: Any = ()
) -> tuple[grpc.StatusCode, str]:
    """How a call ends, and all that it tells, with what archives hold, as one string in small letters."""
    messages = [question] if isinstance(question, Message) else question
    stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(PATHS[method])
    encoded = iter([message.SerializeToString() for message in messages])
    call = stream(encoded, metadata=metadata, timeout=30)
    answered: list[bytes] = []
    try:
        answered.extend(call)
    except grpc.RpcError:
        assert call.code() is not grpc.StatusCode.OK
    if method == "ExportTenant" and answered:
        chunks = b"".join(tenants.ExportTenantResponse.FromString(each).chunk for each in answered)
        with zipfile.ZipFile(io.BytesIO(chunks)) as archive:
            answered = [archive.read(name) for name in archive.namelist()]
    ending = f"{call.details()} {call.trailing_metadata()}"
    return call.code(), (b" ".join(answered).decode(errors="replace") + ending).lower()


def kept_of(channel: grpc.Channel, tenant: str) -> dict[str, str]:
    """All that is kept of a tenant, but for the trail of who looked."""
    call: Any = channel.unary_stream(PATHS["ExportTenant"])
    chunks = call(tenants.ExportTenantRequest(tenant=tenant).SerializeToString(), timeout=30)
    whole = b"".join(tenants.ExportTenantResponse.FromString(each).chunk for each in chunks)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        names = set(archive.namelist()) - {"manifest.json", "audit.ndjson"}
        return {name: archive.read(name).decode() for name in names}


@pytest.fixture
def known(serve: Serve) -> Iterator[Known]:
    """A server with both tenants."""

    def answer(question: Asked) -> Reply:
        return named(question.data["categories"][0]["code"])

    with ExitStack() as stack:
        model = stack.enter_context(endpoint(answer))
        server = serve(llm_url=model.url, llm_model="tiny", llm_timeout_s=5)
        client = stack.enter_context(likewise.Client(server.address))
        channel = stack.enter_context(closing(grpc.insecure_channel(server.address)))
        found = Known(client, channel, server)
        furnish(found)
        yield found


def furnish(known: Known) -> None:
    """Give theirs something of each kind, and mine a little of its own."""
    client = known.client
    for tenant, word in ((MINE, "own"), (THEIRS, WORD)):
        chart = [likewise.Category(id=f"c{n}", name=f"{word} {n}") for n in range(1, 5)]
        chart.append(likewise.Category(id=word, name=word, description=word))
        client.create_tenant(likewise.Tenant(id=tenant, display_name=word, chart=chart))
    known.suggestion_id = suggested(known, THEIRS, f"Unheard {WORD}")
    client.learn(MINE, [likewise.labelled(asked("Own", id=f"m{n}"), f"c{n % 2 + 1}") for n in range(8)])
    taught = [labelled(n, ("Abacus", "Lantern")[n % 2], WORD) for n in range(1, 24)]
    conflict = [labelled(24 + n, "Anchor", (WORD, "c2")[n in (1, 2, 5, 7)]) for n in range(8)]
    client.learn(THEIRS, [*conflict, *taught, labelled(32, "Quill", "c4"), labelled(33, "Quill", "c3")])
    for name in ("castle", "", ""):
        client.rules.create(THEIRS, rule(id=name, name=WORD, active=name == "", labels={"category": WORD}))
    told = client.classify(THEIRS, asked(f"Abacus {WORD}", id="asked"))
    known.prediction_id = told.prediction_id
    known.server.recorder.flush()
    known.page_tokens = {
        "ListTransactions": ledger.ListTransactionsResponse.FromString(
            first_page(known, "ListTransactions", ledger.ListTransactionsRequest(tenant=THEIRS, page_size=1))
        ).next_page_token,
        "ListRules": rules.ListRulesResponse.FromString(
            first_page(known, "ListRules", rules.ListRulesRequest(tenant=THEIRS, page_size=1))
        ).next_page_token,
        "ListAuditRecords": tenants.ListAuditRecordsResponse.FromString(
            first_page(known, "ListAuditRecords", tenants.ListAuditRecordsRequest(tenant=THEIRS, page_size=1))
        ).next_page_token,
    }
    assert all(known.page_tokens.values())


def first_page(known: Known, method: str, request: Message) -> bytes:
    call: Any = known.channel.unary_unary(PATHS[method])
    return bytes(call(request.SerializeToString(), timeout=30))


def suggested(known: Known, tenant: str, payee: str) -> str:
    """The id of what a language model has said of a transaction of a tenant."""
    answer = known.client.classify(tenant, likewise.transaction(id=f"of {payee}", payee=payee)).answers[0]
    until(
        lambda: (
            known.client.suggestions.get(tenant, answer.suggestion_id).state
            == suggestions.SUGGESTION_STATE_ANSWERED
        )
    )
    return answer.suggestion_id


def _is_change(method: str) -> bool:
    """Whether a method comes after those that tell: what it makes may have a name of theirs."""
    return method not in TOLD


def test_each_method_of_each_service_stands_here() -> None:
    assert set(PATHS) == set(ASKED)
    assert len(PATHS) == len({path for path in SCOPES if path.startswith("/likewise.")})


def test_by_the_names_of_another_tenants_things_nothing_of_it_is_told_or_changed(known: Known) -> None:
    before = kept_of(known.channel, THEIRS)
    told_first = sorted((method for method in ASKED if method not in UNTIL_ENDED), key=_is_change)
    for method in told_first:
        code, told = answer_to(known.channel, method, ASKED[method](known, MINE))
        # Who may see all tenants is told of all where none is named; who may not, see below.
        assert WORD not in told or PATHS[method] in FOR_EACH_CALLER, (method, code)
        assert (code in NOT_THERE) == (method in OF_THINGS), (method, told)
    assert MINE not in {tenant.id for tenant in known.client.list_tenants()}
    known.server.recorder.flush()
    assert kept_of(known.channel, THEIRS) == before


def test_by_these_names_its_own_tenant_is_told(known: Known) -> None:
    for method in sorted(TOLD):
        code, told = answer_to(known.channel, method, ASKED[method](known, THEIRS))
        assert code is grpc.StatusCode.OK, (method, told)
        assert WORD in told, (method, told)


def test_what_is_watched_is_of_the_tenant_that_is_named(known: Known) -> None:
    for tenant in ("left", "right"):
        known.client.create_tenant(likewise.Tenant(id=tenant, chart=[likewise.Category(id="c", name=tenant)]))
    watched = known.client.suggestions.watch("left")
    suggested(known, "right", "Unseen")
    suggested(known, "left", "Nobody knows")
    assert next(watched).transaction_id == "of Nobody knows"


def let_in(known: Known, data: Path, *scopes: Scope, tenant: str | None = None) -> Metadata:
    """Metadata with a new token that the server knows by now."""
    metadata = bearing(secret_of(data, *scopes, tenant=tenant))
    until(lambda: ended(known.channel, PATHS["ListTenants"], metadata=metadata).code is grpc.StatusCode.OK)
    return metadata


@pytest.mark.parametrize("scope", Scope)
def test_no_method_is_for_who_is_bound_to_another_tenant_or_has_not_its_scope(
    known: Known, data_folder: Path, scope: Scope
) -> None:
    bound, lacking = let_in(known, data_folder, tenant=THEIRS), let_in(known, data_folder, scope)
    for method in sorted(set(ASKED) - UNTIL_ENDED):
        question = ASKED[method](known, MINE)
        if PATHS[method] not in FOR_EACH_CALLER:
            assert answer_to(known.channel, method, question, bound)[0] is DENIED, method
        if scope not in SCOPES[PATHS[method]]:
            assert answer_to(known.channel, method, question, lacking)[0] is DENIED, method


def test_who_is_bound_to_a_tenant_is_told_of_no_other_where_none_is_named(
    known: Known, data_folder: Path
) -> None:
    metadata = let_in(known, data_folder, tenant=MINE)
    for path in FOR_EACH_CALLER:
        method = path.rpartition("/")[2]
        _, told = answer_to(known.channel, method, ASKED[method](known, MINE), metadata)
        assert WORD not in told, method
        assert THEIRS not in told, method
