"""Between the messages of rules and the engine's values, as ``translate.py`` is for all others."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from likewise.v1 import rule_service_pb2 as pb
from likewise.values import money_message, money_value
from likewise_engine import limits
from likewise_engine.chart import Chart
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.rules.kept import KeptRule
from likewise_engine.rules.mining import PRECISION_MIN_DEFAULT, MiningOptions, Suggestion
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField, RuleUpdate
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.rules.trial import Trial
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_server.service.translate import beneath, ledger_entry

_FIELDS: Final[Mapping[int, RuleField]] = {
    pb.RuleField.Value(f"RULE_FIELD_{field.name}"): field for field in RuleField
}
_OPERATORS: Final[Mapping[int, Operator]] = {
    pb.RuleOperator.Value(f"RULE_OPERATOR_{operator.name}"): operator for operator in Operator
}

_NONE_SHOWN: Final = -1
"""``max_examples`` for none at all, since 0 is the default."""


def rule(message: pb.Rule) -> Rule:
    """A rule, unchecked but for what no value can be. Raises InvalidInput."""
    # Before any is read: a message holds a million empty ones.
    if len(message.conditions) > limits.RULE_CONDITIONS_MAX:
        count = len(message.conditions)
        raise InvalidInput.of("conditions", f"are {count}; at most {limits.RULE_CONDITIONS_MAX} are allowed")
    violations: list[FieldViolation] = []
    conditions = []
    for position, told in enumerate(message.conditions):
        condition, found = _condition(told)
        conditions.append(condition)
        violations += (violation.beneath(f"conditions[{position}]") for violation in found)
    if violations:
        raise InvalidInput(violations)
    return Rule(
        id=message.id,
        conditions=tuple(conditions),
        labels=dict(message.labels),
        name=message.name,
        priority=message.priority,
        active=message.active if message.HasField("active") else True,
    )


def rules(messages: Collection[pb.Rule]) -> list[Rule]:
    """Rules of one request, each as :func:`rule` has it. Raises InvalidInput; fields as ``rules[3].id``."""
    if len(messages) > limits.RULES_MAX:
        raise InvalidInput.of("rules", f"are {len(messages)}; at most {limits.RULES_MAX} are allowed")
    read = []
    for position, message in enumerate(messages):
        with beneath(f"rules[{position}]"):
            read.append(rule(message))
    return read


def rule_update(message: pb.UpdateRuleRequest) -> RuleUpdate:
    """What is to change of a rule. Raises InvalidInput."""
    with beneath("rule"):
        told = rule(message.rule)
    is_set = {
        "name": bool(told.name),
        "priority": bool(told.priority),
        "active": message.rule.HasField("active"),
        "conditions": bool(told.conditions),
        "labels": bool(told.labels),
    }
    paths = set(message.update_mask.paths)
    if unknown := sorted(paths - is_set.keys()):
        known = ", ".join(is_set)
        raise InvalidInput.of("update_mask", f"names {unknown[0]!r}; what can be updated is {known}")
    wanted = paths or {path for path, present in is_set.items() if present}
    return RuleUpdate(told.id, **{path: getattr(told, path) for path in wanted})


def examples_max(asked: int) -> int:
    """How many examples to show. Raises InvalidInput."""
    if not _NONE_SHOWN <= asked <= limits.RULE_EXAMPLES_MAX:
        bounds = f"{_NONE_SHOWN} to {limits.RULE_EXAMPLES_MAX}"
        raise InvalidInput.of("max_examples", f"is {asked}: it must be within {bounds}")
    return 0 if asked == _NONE_SHOWN else asked or limits.RULE_EXAMPLES_DEFAULT


def trial_message(trial: Trial, chart: Chart) -> pb.TryRuleResponse:
    """What would come of a rule."""
    return pb.TryRuleResponse(
        entries=trial.entries,
        matched=trial.matched,
        taken_over=trial.taken_over,
        trials=[
            pb.RuleTrial(
                dimension=dimension,
                category=chart.categories[found.category].id,
                decided=found.right + found.wrong,
                right=found.right,
                wrong=found.wrong,
                machine_changed=found.machine_changed,
                unlabelled=found.unlabelled,
            )
            for dimension, found in sorted(trial.dimensions.items())
        ],
        right_examples=map(ledger_entry, trial.right_examples),
        wrong_examples=map(ledger_entry, trial.wrong_examples),
        revision=trial.revision,
    )


def mining_options(message: pb.SuggestRulesRequest) -> MiningOptions:
    """What is to be suggested, unchecked."""
    return MiningOptions(
        dimension=message.dimension or CATEGORY_DIMENSION,
        suggestions_max=message.max_suggestions or limits.RULE_SUGGESTIONS_DEFAULT,
        support_min=message.min_support or limits.RULE_SUPPORT_MIN_DEFAULT,
        precision_min=message.min_precision or PRECISION_MIN_DEFAULT,
    )


def suggestion_message(suggestion: Suggestion) -> pb.RuleSuggestion:
    """A suggestion."""
    told = suggestion.rule
    return pb.RuleSuggestion(
        rule=pb.Rule(name=told.name, conditions=map(_condition_message, told.conditions), labels=told.labels),
        support=suggestion.support,
        right=suggestion.right,
        precision_min=suggestion.precision_min,
        later_support=suggestion.later_support,
        later_right=suggestion.later_right,
    )


def rule_message(kept: KeptRule, book: Rulebook) -> pb.Rule:
    """A rule as it is, with its record."""
    message = pb.Rule(
        id=kept.id,
        name=kept.name,
        priority=kept.priority,
        active=kept.active,
        conditions=map(_condition_message, kept.conditions),
    )
    created = Timestamp()
    created.FromDatetime(kept.created)
    message.create_time.CopyFrom(created)
    records = []
    for label, category, suspended in book.labels(kept):
        if not category.is_purged:
            message.labels[category.dimension] = category.id
        tally = kept.tallies[label]
        records.append(
            pb.RuleRecord(
                dimension=category.dimension,
                decided=tally.decided,
                right=tally.right,
                probability=tally.probability,
                suspended=suspended,
            )
        )
    message.records.extend(sorted(records, key=lambda record: record.dimension))
    return message


def _condition(message: pb.RuleCondition) -> tuple[Condition, list[FieldViolation]]:
    """A condition as far as it can be read, and what cannot."""
    violations: list[FieldViolation] = []
    field, operator = _FIELDS.get(message.field), _OPERATORS.get(message.operator)
    if field is None:
        violations.append(_required("field", message.field))
    if operator is None:
        violations.append(_required("operator", message.operator))
    low, high = message.min_amount, message.max_amount
    if low.currency_code and high.currency_code and low.currency_code != high.currency_code:
        violations.append(FieldViolation("max_amount", "is in another currency than min_amount"))
    condition = Condition(
        field or RuleField.TEXT,
        operator or Operator.EQUALS,
        tuple(message.values),
        message.field_name,
        _amount(low, "min_amount", violations) if message.HasField("min_amount") else None,
        _amount(high, "max_amount", violations) if message.HasField("max_amount") else None,
        low.currency_code or high.currency_code,
    )
    return condition, violations


def _amount(money: Money, field: str, violations: list[FieldViolation]) -> Decimal | None:
    try:
        return money_value(money)
    except ValueError as error:
        violations.append(FieldViolation(field, str(error)))
        return None


def _required(field: str, number: int) -> FieldViolation:
    return FieldViolation(
        field, f"is {number}, which this version does not know" if number else "is required"
    )


def _condition_message(condition: Condition) -> pb.RuleCondition:
    bounds = {"min_amount": condition.min_amount, "max_amount": condition.max_amount}
    return pb.RuleCondition(
        field=pb.RuleField.Value(f"RULE_FIELD_{condition.field.name}"),
        field_name=condition.field_name,
        operator=pb.RuleOperator.Value(f"RULE_OPERATOR_{condition.operator.name}"),
        values=condition.values,
        **{
            name: money_message(amount, condition.currency)
            for name, amount in bounds.items()
            if amount is not None
        },
    )
