"""Rules over gRPC: written, read back, applied, by both clients."""

import asyncio
from pathlib import Path

import pytest

import likewise
from likewise.v1.rule_service_pb2 import CreateRuleRequest, DeleteRuleRequest, GetRuleRequest
from likewise.v1.rule_service_pb2_grpc import RuleServiceStub
from likewise_server.lifecycle import Server
from test_workers import ask, create, learn, served

FUEL = likewise.Rule(
    id="fuel",
    name="Fuel",
    conditions=[
        likewise.RuleCondition(
            field=likewise.RuleField.RULE_FIELD_PAYEE,
            operator=likewise.RuleOperator.RULE_OPERATOR_CONTAINS,
            values=["City  énergy"],
        )
    ],
    labels={"category": "coffee"},
)


def test_a_rule_is_created_read_back_and_listed(client: likewise.Client, cafe: str) -> None:
    made = client.rules.create(cafe, FUEL)
    assert client.rules.get(cafe, "fuel") == made
    assert list(client.rules.list(cafe)) == [made]
    assert (made.name, list(made.conditions), dict(made.labels)) == (
        "Fuel",
        list(FUEL.conditions),
        {"category": "coffee"},
    )
    (record,) = made.records
    assert (record.dimension, record.decided, record.right, record.suspended) == ("category", 1, 0, "")


def test_asyncio_has_the_same_rules(server: Server, client: likewise.Client, cafe: str) -> None:
    async def work() -> list[likewise.Rule]:
        async with likewise.AsyncClient(server.address) as other:
            made = await other.rules.create(cafe, FUEL)
            assert await other.rules.get(cafe, "fuel") == made
            return [rule async for rule in other.rules.list(cafe, page_size=1)]

    assert asyncio.run(work()) == list(client.rules.list(cafe))


def test_the_same_request_is_the_same_rule(client: likewise.Client, cafe: str) -> None:
    nameless = likewise.Rule(conditions=FUEL.conditions, labels=FUEL.labels)
    made = client.rules.create(cafe, nameless, request_id="once")
    assert made.id
    assert client.rules.create(cafe, nameless, request_id="once") == made
    with pytest.raises(likewise.AlreadyExists):
        client.rules.create(cafe, FUEL, request_id="once")
    assert len(list(client.rules.list(cafe))) == 1


def test_rules_are_created_together(client: likewise.Client, cafe: str) -> None:
    other = likewise.Rule(id="other", conditions=FUEL.conditions, labels={"category": "milk"})
    made = client.rules.create_all(cafe, [FUEL, other], request_id="both")
    assert [rule.id for rule in made] == ["fuel", "other"]
    assert client.rules.create_all(cafe, [FUEL, other], request_id="both") == made
    assert list(client.rules.list(cafe)) == list(made)
    with pytest.raises(likewise.InvalidRequest) as refused:
        client.rules.create_all(cafe, [likewise.Rule(), likewise.Rule(labels={"category": "milk"})])
    fields = {violation.field for violation in refused.value.violations}
    assert {"rules[0].conditions", "rules[0].labels", "rules[1].conditions"} <= fields


def test_an_answer_names_the_rule_that_decided(client: likewise.Client, cafe: str) -> None:
    client.rules.create(cafe, FUEL)
    asked = likewise.transaction(payee="CITY ENERGY", amount="-200", currency="GBP")
    (answer,) = client.classify(cafe, asked).answers
    assert (answer.decision, answer.witness) == (
        likewise.Decision.DECISION_FILE,
        likewise.Witness.WITNESS_RULE,
    )
    assert (answer.rule.id, answer.rule.name) == ("fuel", "Fuel")
    assert [candidate.category for candidate in answer.candidates][:2] == ["coffee", "energy"]
    assert not client.classify(cafe, likewise.transaction(payee="TESCO")).answers[0].HasField("rule")


def test_a_rule_is_updated_by_the_mask_and_deleted(client: likewise.Client, cafe: str) -> None:
    client.rules.create(cafe, FUEL)
    changed = likewise.Rule(id="fuel", name="Power", labels={"category": "energy"}, priority=4)
    updated = client.rules.update(cafe, changed, update_mask=["labels"])
    assert (updated.name, updated.priority, dict(updated.labels)) == ("Fuel", 0, {"category": "energy"})
    assert (updated.records[0].decided, updated.records[0].right) == (1, 1)
    updated = client.rules.update(cafe, changed)
    assert (updated.name, updated.priority, updated.active) == ("Power", 4, True)
    updated = client.rules.update(cafe, likewise.Rule(id="fuel", active=False))
    assert not updated.active
    with pytest.raises(likewise.InvalidRequest, match="update_mask"):
        client.rules.update(cafe, changed, update_mask=["id"])
    revision = client.rules.delete(cafe, "fuel", request_id="gone")
    assert client.rules.delete(cafe, "fuel", request_id="gone") == revision
    with pytest.raises(likewise.NotFound):
        client.rules.get(cafe, "fuel")


def test_a_dry_run_and_suggestions_over_the_wire(client: likewise.Client, cafe: str) -> None:
    client.learn(
        cafe,
        [likewise.labelled(likewise.transaction(id=f"r{n}", payee="Castle Rent"), "rent") for n in range(30)],
    )
    rent = likewise.Rule(
        conditions=[likewise.condition("payee", "contains", "rent")], labels={"category": "rent"}
    )
    trial = client.rules.dry_run(cafe, rent, max_examples=2)
    (found,) = trial.trials
    assert (trial.entries, trial.matched, found.category) == (35, 30, "rent")
    assert (found.decided, found.right, found.wrong) == (30, 30, 0)
    assert [e.labelled.transaction.id for e in trial.right_examples] == ["r28", "r29"]
    assert not client.rules.dry_run(cafe, rent, max_examples=-1).right_examples
    (suggestion,) = client.rules.suggest(cafe)
    made = client.rules.create(cafe, suggestion.rule)
    assert made.records[0].right == 30
    assert not client.rules.suggest(cafe)


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        (likewise.Rule(labels={"category": "milk"}), "rule.conditions"),
        (likewise.Rule(conditions=FUEL.conditions), "rule.labels"),
        (likewise.Rule(conditions=[likewise.RuleCondition()], labels={"category": "milk"}), "field"),
        (likewise.Rule(conditions=FUEL.conditions, labels={"category": "no"}), "rule.labels['category']"),
        (likewise.Rule(conditions=[likewise.RuleCondition()] * 100_000), "rule.conditions"),
        (
            likewise.Rule(
                conditions=[likewise.RuleCondition(field=99, operator=98, values=["x"])],  # type: ignore[arg-type]
                labels={"category": "milk"},
            ),
            "rule.conditions[0].field",
        ),
        (
            likewise.Rule(
                conditions=[
                    likewise.RuleCondition(
                        field=likewise.RuleField.RULE_FIELD_AMOUNT,
                        operator=likewise.RuleOperator.RULE_OPERATOR_WITHIN,
                        min_amount=likewise.money_message("1", "EUR"),
                        max_amount=likewise.money_message("2", "USD"),
                    )
                ],
                labels={"category": "milk"},
            ),
            "rule.conditions[0].max_amount",
        ),
    ],
)
def test_what_is_wrong_with_a_rule_names_its_field(
    client: likewise.Client, cafe: str, rule: likewise.Rule, field: str
) -> None:
    for act in (client.rules.create, client.rules.dry_run):
        with pytest.raises(likewise.InvalidRequest) as refused:
            act(cafe, rule)
        assert any(field in violation.field for violation in refused.value.violations)


def test_rules_of_many_pages_are_listed_in_the_order_in_which_they_are_tried(
    client: likewise.Client, cafe: str
) -> None:
    for number in range(5):
        rule = likewise.Rule(
            id=f"r{number}", priority=number % 2, conditions=FUEL.conditions, labels={"category": "milk"}
        )
        client.rules.create(cafe, rule)
    for page_size in (0, 1, 2, 5):
        listed = [rule.id for rule in client.rules.list(cafe, page_size=page_size)]
        assert listed == ["r1", "r3", "r0", "r2", "r4"]


def test_a_deactivated_category_suspends_and_says_why(client: likewise.Client, cafe: str) -> None:
    client.rules.create(cafe, FUEL)
    client.deactivate_category(cafe, "coffee")
    (record,) = client.rules.get(cafe, "fuel").records
    assert "not active" in record.suspended
    actions = [record.action for record in client.list_audit_records(cafe)]
    assert likewise.AuditAction.AUDIT_ACTION_CREATE_RULE in actions


def test_rules_are_followed_by_all_workers(data_folder: Path) -> None:
    with served(data_folder) as service:
        channels = service.connected()
        create(channels[0], "acme")
        learn(channels[0], "t1", "food")
        rule = likewise.Rule(
            id="r",
            conditions=[likewise.condition("payee", "contains", "bakery")],
            labels={"category": "food"},
        )
        stubs = [RuleServiceStub(channel) for channel in channels]
        stubs[0].CreateRule(CreateRuleRequest(tenant="acme", rule=rule), timeout=30)
        for channel, stub in zip(channels, stubs, strict=True):
            assert ask(channel).classification.answers[0].rule.id == "r"
            learn(channel, f"by-{stubs.index(stub)}", "food")
        counts = {
            stub.GetRule(GetRuleRequest(tenant="acme", rule_id="r"), timeout=30).rule.records[0].right
            for stub in stubs
        }
        assert counts == {1 + len(stubs)}
        stubs[-1].DeleteRule(DeleteRuleRequest(tenant="acme", rule_id="r"), timeout=30)
        assert not any(ask(channel).classification.answers[0].HasField("rule") for channel in channels)
