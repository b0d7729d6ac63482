"""The rules of tenants: what ``client.rules`` can do, for threads and for asyncio."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from google.protobuf.field_mask_pb2 import FieldMask

from likewise.connection import NOT_GIVEN, Deadline
from likewise.v1.rule_service_pb2 import (
    BatchCreateRulesRequest,
    CreateRuleRequest,
    DeleteRuleRequest,
    GetRuleRequest,
    ListRulesRequest,
    Rule,
    RuleSuggestion,
    SuggestRulesRequest,
    TryRuleRequest,
    TryRuleResponse,
    UpdateRuleRequest,
)
from likewise.v1.rule_service_pb2_grpc import RuleServiceStub
from likewise.values import CATEGORY_DIMENSION

if TYPE_CHECKING:
    from likewise.async_calls import AsyncCalls
    from likewise.calls import Calls
    from likewise.v1.rule_service_pb2_grpc import RuleServiceAsyncStub


class Rules:
    """The rules of tenants, as :attr:`likewise.Client.rules` has them."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = RuleServiceStub(calls.channel)

    def create(
        self, tenant: str, rule: Rule, *, request_id: str | None = None, deadline_ms: Deadline = NOT_GIVEN
    ) -> Rule:
        """Create a rule; one without an id is given one. Return it as it is, with its record.

        All that the tenant was taught is held against it, so the deadline is that of a merge.
        """
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(
            self._stub.CreateRule, _create_request(tenant, rule, request_id), allowed_ms
        ).rule

    def create_all(
        self,
        tenant: str,
        rules: Iterable[Rule],
        *,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Sequence[Rule]:
        """Create rules, all or none, each younger than the one before it. Return them as they are."""
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        request = _create_all_request(tenant, rules, request_id)
        return self._calls.call(self._stub.BatchCreateRules, request, allowed_ms).rules

    def get(self, tenant: str, rule_id: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Rule:
        """A rule with its record; NotFound if there is none."""
        request = GetRuleRequest(tenant=tenant, rule_id=rule_id)
        return self._calls.call(self._stub.GetRule, request, deadline_ms).rule

    def list(self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN) -> Iterator[Rule]:
        """Yield all rules in the order in which they are tried, asking page by page as needed."""
        request = ListRulesRequest(tenant=tenant, page_size=page_size)
        for page in self._calls.pages(self._stub.ListRules, request, deadline_ms):
            yield from page.rules

    def update(
        self,
        tenant: str,
        rule: Rule,
        *,
        update_mask: Sequence[str] = (),
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Rule:
        """Update the fields that the mask names, such as "active"; all that are set if it is empty."""
        request = _update_request(tenant, rule, update_mask)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._stub.UpdateRule, request, allowed_ms).rule

    def delete(
        self, tenant: str, rule_id: str, *, request_id: str | None = None, deadline_ms: Deadline = NOT_GIVEN
    ) -> int:
        """Delete a rule; NotFound if there is none. Return the revision without it."""
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        request = _delete_request(tenant, rule_id, request_id)
        return self._calls.call(self._stub.DeleteRule, request, allowed_ms).revision

    def dry_run(
        self, tenant: str, rule: Rule, *, max_examples: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> TryRuleResponse:
        """Hold a rule against all that the tenant was taught, and write nothing."""
        request = TryRuleRequest(tenant=tenant, rule=rule, max_examples=max_examples)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._stub.TryRule, request, allowed_ms)

    def suggest(
        self,
        tenant: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        max_suggestions: int = 0,
        min_support: int = 0,
        min_precision: float = 0.0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Sequence[RuleSuggestion]:
        """Rules that the tenant's history bears out, those first that decide most. What is 0 is the default.

        Nothing becomes a rule by itself: :meth:`create` takes the rule of a suggestion.
        """
        request = _suggest_request(tenant, dimension, max_suggestions, min_support, min_precision)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return self._calls.call(self._stub.SuggestRules, request, allowed_ms).suggestions


class AsyncRules:
    """The rules of tenants, as :attr:`likewise.AsyncClient.rules` has them; see :class:`Rules`."""

    def __init__(self, calls: AsyncCalls) -> None:
        self._calls = calls
        self._stub: RuleServiceAsyncStub = RuleServiceStub(calls.channel)

    async def create(
        self, tenant: str, rule: Rule, *, request_id: str | None = None, deadline_ms: Deadline = NOT_GIVEN
    ) -> Rule:
        """As :meth:`Rules.create`."""
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        request = _create_request(tenant, rule, request_id)
        return (await self._calls.call(self._stub.CreateRule, request, allowed_ms)).rule

    async def create_all(
        self,
        tenant: str,
        rules: Iterable[Rule],
        *,
        request_id: str | None = None,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Sequence[Rule]:
        """As :meth:`Rules.create_all`."""
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        request = _create_all_request(tenant, rules, request_id)
        return (await self._calls.call(self._stub.BatchCreateRules, request, allowed_ms)).rules

    async def get(self, tenant: str, rule_id: str, *, deadline_ms: Deadline = NOT_GIVEN) -> Rule:
        """As :meth:`Rules.get`."""
        request = GetRuleRequest(tenant=tenant, rule_id=rule_id)
        return (await self._calls.call(self._stub.GetRule, request, deadline_ms)).rule

    async def list(
        self, tenant: str, *, page_size: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> AsyncIterator[Rule]:
        """As :meth:`Rules.list`."""
        request = ListRulesRequest(tenant=tenant, page_size=page_size)
        async for page in self._calls.pages(self._stub.ListRules, request, deadline_ms):
            for rule in page.rules:
                yield rule

    async def update(
        self,
        tenant: str,
        rule: Rule,
        *,
        update_mask: Sequence[str] = (),
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Rule:
        """As :meth:`Rules.update`."""
        request = _update_request(tenant, rule, update_mask)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return (await self._calls.call(self._stub.UpdateRule, request, allowed_ms)).rule

    async def delete(
        self, tenant: str, rule_id: str, *, request_id: str | None = None, deadline_ms: Deadline = NOT_GIVEN
    ) -> int:
        """As :meth:`Rules.delete`."""
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        request = _delete_request(tenant, rule_id, request_id)
        return (await self._calls.call(self._stub.DeleteRule, request, allowed_ms)).revision

    async def dry_run(
        self, tenant: str, rule: Rule, *, max_examples: int = 0, deadline_ms: Deadline = NOT_GIVEN
    ) -> TryRuleResponse:
        """As :meth:`Rules.dry_run`."""
        request = TryRuleRequest(tenant=tenant, rule=rule, max_examples=max_examples)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return await self._calls.call(self._stub.TryRule, request, allowed_ms)

    async def suggest(
        self,
        tenant: str,
        *,
        dimension: str = CATEGORY_DIMENSION,
        max_suggestions: int = 0,
        min_support: int = 0,
        min_precision: float = 0.0,
        deadline_ms: Deadline = NOT_GIVEN,
    ) -> Sequence[RuleSuggestion]:
        """As :meth:`Rules.suggest`."""
        request = _suggest_request(tenant, dimension, max_suggestions, min_support, min_precision)
        allowed_ms = self._calls.connection.reshape_deadline_ms(deadline_ms)
        return (await self._calls.call(self._stub.SuggestRules, request, allowed_ms)).suggestions


def _create_request(tenant: str, rule: Rule, request_id: str | None) -> CreateRuleRequest:
    return CreateRuleRequest(tenant=tenant, rule=rule, request_id=request_id or str(uuid.uuid4()))


def _create_all_request(
    tenant: str, rules: Iterable[Rule], request_id: str | None
) -> BatchCreateRulesRequest:
    return BatchCreateRulesRequest(tenant=tenant, rules=rules, request_id=request_id or str(uuid.uuid4()))


def _update_request(tenant: str, rule: Rule, update_mask: Iterable[str]) -> UpdateRuleRequest:
    return UpdateRuleRequest(tenant=tenant, rule=rule, update_mask=FieldMask(paths=update_mask))


def _suggest_request(
    tenant: str, dimension: str, max_suggestions: int, min_support: int, min_precision: float
) -> SuggestRulesRequest:
    return SuggestRulesRequest(
        tenant=tenant,
        dimension=dimension,
        max_suggestions=max_suggestions,
        min_support=min_support,
        min_precision=min_precision,
    )


def _delete_request(tenant: str, rule_id: str, request_id: str | None) -> DeleteRuleRequest:
    return DeleteRuleRequest(tenant=tenant, rule_id=rule_id, request_id=request_id or str(uuid.uuid4()))
