"""A tenant is alone: whatever others do beside it, it is answered as by a server that has no other tenant.

Calls of all methods that name a tenant, for tenants whose names are easily taken for one another or for a
path, go to one server in any order; each goes to a server of its tenant alone as well, and both must answer
the same. The one that is shared has no memory to spare: it evicts every tenant after each call, and loads it
for the next. What is recorded aside is written before the next call, on both.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import likewise
from access_world import bearing, ended, secret_of, until
from conftest import Serve
from fuzz_side.chance import Chance
from fuzz_side.messages import message_of
from likewise.exchange import tenant_of
from likewise.v1 import insight_service_pb2, tenant_service_pb2
from likewise.v1.rule_service_pb2 import RULE_FIELD_PAYEE, RULE_OPERATOR_CONTAINS, Rule
from likewise_engine.encoder import HashingEncoder
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.folder import DataFolder
from likewise_engine.tenants import Tenants
from likewise_server.lifecycle import SERVICES, Server
from likewise_server.settings import Settings

NAMES = (
    ("cafe", "Cafe", "CAFE", "caf\u00e9", "cafe\u0301", "c\u0430fe", "\uff43afe", "cafe\u0307"),
    ("a", "../a", "..", ".", "a/b", "a%2fb", "a\\b", "%61", "a.", "~a"),
    ("lock", "aside", "tenants", "con", "nul", "ledger.sqlite3", "access", "audit.sqlite3"),
    ("x" * 80, "x" * 79, "\u00e9" * 40, "\U0001f950", "\U0001f469\u200d\U0001f467", "\u4e2d", "-", "_"),
)
"""Families of ids: within one, each is easily taken for another."""
NONE = ("", " ", " a", "a ", "a\x00", "a\nb", "\u202ea", "\u200ba", "x" * 81, "x" * 300, "\u00e9" * 41)
"""Ids that no tenant can have."""
METHODS = {
    method.name: (f"/{service.full_name}/{method.name}", method)
    for service in map(descriptor_pool.Default().FindServiceByName, SERVICES)
    for method in service.methods
    if "tenant" in method.input_type.fields_by_name
}
FIRST = ("CreateTenant", "Learn", "Learn", "Learn", "Classify")
OFTEN = (
    *("CreateTenant", "Learn", "Learn", "ImportTransactions", "CreateRule"),
    *("Classify", "Classify", "ClassifyStream", "ListPredictions", "GetFeedback"),
)
OF_ITS_OWN = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
NOT_THE_SAME = frozenset(
    {
        *("memory_bytes", "disk_bytes", "index_kind", "audit_record_id", "prediction_id"),
        *("record_json", "markdown", "html", "chunk"),  # of cards and archives, which tell bytes and times
        "progress",  # of an audit, about once a second
    }
)
"""Of one server and of another, though they know the same."""

Step = tuple[int, str, int]
"""Which tenant, which method, and the seed of what is asked."""


def request_of(tenant: str, method: str, seed: int) -> Message:
    """What is asked: it makes sense mostly, for then it does something."""
    chance = Chance(seed)
    message = message_of(METHODS[method][1].input_type, chance, chance.choice((0.0, 0.0, 0.0, 0.1)))
    if isinstance(message, tenant_service_pb2.CreateTenantRequest | tenant_service_pb2.UpdateTenantRequest):
        message.tenant.id = tenant
    else:
        message.tenant = tenant  # type: ignore[attr-defined]
    assert tenant_of(message) == tenant
    if isinstance(message, insight_service_pb2.AuditTenantRequest):
        message.ClearField("budget")  # how far it comes in a given time differs
    for rule in rules_of(message):
        del rule.conditions[:]
        rule.conditions.add(field=RULE_FIELD_PAYEE, operator=RULE_OPERATOR_CONTAINS, values=["e"])
    return message


def rules_of(message: Any) -> Sequence[Rule]:
    """The rules in a request."""
    fields = message.DESCRIPTOR.fields_by_name
    return message.rules if "rules" in fields else [message.rule] if "rule" in fields else []


def answer_of(channel: grpc.Channel, method: str, request: Message) -> list[Any]:
    """All that comes back: messages, and how it ended."""
    path, kind = METHODS[method]
    answer_class = GetMessageClass(kind.output_type)
    call: Any = channel.stream_stream(path)
    answered = call(iter([request.SerializeToString()]), timeout=60)
    answer: list[Any] = []
    try:
        told = (normal(answer_class.FromString(encoded)) for encoded in answered)
        answer.extend(message for message in told if message.ListFields())
    except grpc.RpcError as error:
        return [*answer, error.code(), error.details()]
    return answer


def normal(message: Message) -> Message:
    """A message without what no two servers have in common."""
    for field, value in message.ListFields():
        if field.name in NOT_THE_SAME:
            message.ClearField(field.name)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            for each in value if field.is_repeated else [value]:
                if field.message_type.full_name in OF_ITS_OWN:
                    each.Clear()
                else:
                    normal(each)
    return message


class World:
    """A server that is shared, and one for each tenant."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._alone: dict[str, grpc.Channel] = {}
        self._recorders: list[Recorder] = []
        self.shared = self._served("shared", memory_bytes_max=1)

    def alone(self, tenant: str) -> grpc.Channel:
        """The server that knows this tenant alone."""
        if tenant not in self._alone:
            self._alone[tenant] = self._served(f"alone-{len(self._alone)}", memory_bytes_max=2**30)
        return self._alone[tenant]

    @property
    def tenants(self) -> Mapping[str, grpc.Channel]:
        """Those that were asked for."""
        return self._alone

    def settle(self) -> None:
        """Have written what is recorded aside."""
        for recorder in self._recorders:
            recorder.flush()

    def _served(self, name: str, memory_bytes_max: int) -> grpc.Channel:
        data = self._folder / name
        tenants = Tenants.open_folder(data, HashingEncoder(), memory_bytes_max=memory_bytes_max)
        tenants.defer_upkeep()  # what is made in the background comes when it comes
        wanted = {"data": data, "listen": f"unix:{self._folder}/{name}.socket", "grace_s": 5}
        server = self._stack.enter_context(
            Server(tenants, Settings(**wanted, wait_ms_max=10_000))  # type: ignore[arg-type]
        )
        self._recorders.append(server.recorder)
        return self._stack.enter_context(closing(grpc.insecure_channel(server.address)))


def listed(channel: grpc.Channel) -> list[str]:
    """Ids of all tenants."""
    request = tenant_service_pb2.ListTenantsRequest(page_size=1_000)
    call: Any = channel.unary_unary("/likewise.v1.TenantService/ListTenants")
    answer = tenant_service_pb2.ListTenantsResponse.FromString(call(request.SerializeToString(), timeout=60))
    return [tenant.id for tenant in answer.tenants]


def steps_of(chance: Chance) -> Iterator[Step]:
    """What is done: eight tenants are taught, and then anything in any order, each method several times."""
    methods = [*FIRST, *chance.sample((*METHODS,) * 3 + OFTEN * 3, 3 * (len(METHODS) + len(OFTEN)))]
    for number, method in enumerate(methods):
        for position in range(8) if number < len(FIRST) else (chance.randrange(8),):
            yield position, method, chance.randrange(2**32)


@pytest.mark.parametrize("family", range(len(NAMES)))
def test_a_tenant_is_answered_as_if_it_were_alone(tmp_path: Path, family: int) -> None:
    succeeded = set()
    with ExitStack() as stack:
        world = World(tmp_path, stack)
        for number, (position, method, seed) in enumerate(steps_of(Chance(family))):
            names = NONE if number % 29 == 28 else NAMES[family]
            tenant = names[position % len(names)]
            request = request_of(tenant, method, seed)
            expected = answer_of(world.alone(tenant), method, request)
            assert answer_of(world.shared, method, request) == expected, (tenant, method)
            world.settle()
            if not any(isinstance(each, grpc.StatusCode) for each in expected):
                succeeded.add(method)
        assert sorted(listed(world.shared)) == sorted(
            tenant for tenant, channel in world.tenants.items() if listed(channel)
        )
        made = {path.name for path in tmp_path.iterdir()}
    alone = {f"alone-{n}" for n in range(len(world.tenants))}
    assert {name.removesuffix(".socket") for name in made} == {"shared", *alone}
    assert len(succeeded) > len(METHODS) / 2, "nearly all was refused: it says little"


def test_whether_others_exist_is_not_told_and_not_even_looked_for(
    serve: Serve, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    with likewise.Client(server.address) as owner:
        for tenant in ("mine", "theirs"):
            owner.create_tenant(likewise.Tenant(id=tenant))
    secret = secret_of(data_folder, tenant="mine")
    looked_for: list[str] = []
    path_of = DataFolder._path

    def noted(folder: DataFolder, tenant: str) -> Path:
        looked_for.append(tenant)
        return path_of(folder, tenant)

    monkeypatch.setattr(DataFolder, "_path", noted)
    with closing(grpc.insecure_channel(server.address)) as channel:
        mine = request_of("mine", "GetTenant", 1)
        path = METHODS["GetTenant"][0]
        until(
            lambda: ended(channel, path, mine, metadata=bearing(secret)).code is grpc.StatusCode.OK
        )  # it is read by then
        assert looked_for
        looked_for.clear()
        for seed, method in enumerate(METHODS):
            endings = []
            for tenant in ("theirs", "nobodys"):
                request = request_of(tenant, method, seed)
                ending = ended(channel, METHODS[method][0], request, metadata=bearing(secret))
                endings.append((ending.code, ending.details.replace(tenant, "?")))
            assert endings[0] == endings[1], method
            assert endings[0][0] is grpc.StatusCode.PERMISSION_DENIED
        assert looked_for == []
