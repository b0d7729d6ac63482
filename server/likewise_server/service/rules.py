"""RuleService: what a tenant's bookkeeper has laid down."""

from collections.abc import Callable

import grpc

from likewise.v1 import rule_service_pb2 as pb
from likewise.v1.rule_service_pb2_grpc import RuleServiceServicer
from likewise_engine.tenants import Tenants
from likewise_server.access.caller import current_caller
from likewise_server.service import translate_rules
from likewise_server.service.border import check_caller
from likewise_server.service.pages import number_of, page_size_of, page_token
from likewise_server.service.translate import beneath
from likewise_server.workers import Workers


class RuleService(RuleServiceServicer):
    """Keeps the tenants' rules."""

    def __init__(self, tenants: Tenants, workers: Workers) -> None:
        self._tenants = tenants
        self._workers = workers

    def CreateRule(
        self, request: pb.CreateRuleRequest, context: grpc.ServicerContext
    ) -> pb.CreateRuleResponse:
        """Create a rule."""
        with beneath("rule"):
            rule = translate_rules.rule(request.rule)
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            outcome = ledger.rules.create(rule, request.request_id, actor=current_caller().name)
            book = ledger.rules.book
        made = translate_rules.rule_message(book.numbered(outcome.rule), book)
        return pb.CreateRuleResponse(rule=made, revision=outcome.revision)

    def BatchCreateRules(
        self, request: pb.BatchCreateRulesRequest, context: grpc.ServicerContext
    ) -> pb.BatchCreateRulesResponse:
        """Create rules, all or none."""
        rules = translate_rules.rules(request.rules)
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            actor = current_caller().name
            outcome = ledger.rules.create_all(rules, request.request_id, actor=actor, field="rules[{}]")
            book = ledger.rules.book
        numbers = range(outcome.rule, outcome.rule + len(rules))
        made = [translate_rules.rule_message(book.numbered(number), book) for number in numbers]
        return pb.BatchCreateRulesResponse(rules=made, revision=outcome.revision)

    def GetRule(self, request: pb.GetRuleRequest, context: grpc.ServicerContext) -> pb.GetRuleResponse:
        """Return a rule."""
        with self._tenants.use(request.tenant) as ledger:
            book = ledger.rules.book
            return pb.GetRuleResponse(rule=translate_rules.rule_message(book.rule(request.rule_id), book))

    def ListRules(self, request: pb.ListRulesRequest, context: grpc.ServicerContext) -> pb.ListRulesResponse:
        """List a page of rules, in the order in which they are tried."""
        listed = f"rules of {request.tenant}"
        page_size = page_size_of(request.page_size)
        start = number_of(listed, request.page_token) if request.page_token else 0
        with self._tenants.use(request.tenant) as ledger:
            book = ledger.rules.book
        page = book.rules[start : start + page_size]
        response = pb.ListRulesResponse(rules=[translate_rules.rule_message(rule, book) for rule in page])
        if start + page_size < len(book.rules):
            response.next_page_token = page_token(listed, str(start + page_size))
        return response

    def UpdateRule(
        self, request: pb.UpdateRuleRequest, context: grpc.ServicerContext
    ) -> pb.UpdateRuleResponse:
        """Update what the mask names; all that is set where there is no mask (AIP-134)."""
        wanted = translate_rules.rule_update(request)
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            outcome = ledger.rules.update(wanted, actor=current_caller().name)
            book = ledger.rules.book
        changed = translate_rules.rule_message(book.numbered(outcome.rule), book)
        return pb.UpdateRuleResponse(rule=changed, revision=outcome.revision)

    def DeleteRule(
        self, request: pb.DeleteRuleRequest, context: grpc.ServicerContext
    ) -> pb.DeleteRuleResponse:
        """Delete a rule."""
        with self._tenants.use(request.tenant) as ledger:
            check_caller(context)
            outcome = ledger.rules.delete(request.rule_id, request.request_id, actor=current_caller().name)
        return pb.DeleteRuleResponse(revision=outcome.revision)

    def TryRule(self, request: pb.TryRuleRequest, context: grpc.ServicerContext) -> pb.TryRuleResponse:
        """Hold a rule against history. Gives way to calls that answer at once."""
        with beneath("rule"):
            rule = translate_rules.rule(request.rule)
        examples_max = translate_rules.examples_max(request.max_examples)
        with self._tenants.use(request.tenant) as ledger:
            trial = ledger.rules.trial(rule, examples_max, self._keep_on(context))
            return translate_rules.trial_message(trial, ledger.view.chart)

    def SuggestRules(
        self, request: pb.SuggestRulesRequest, context: grpc.ServicerContext
    ) -> pb.SuggestRulesResponse:
        """Suggest rules. Gives way to calls that answer at once."""
        options = translate_rules.mining_options(request)
        with self._tenants.use(request.tenant) as ledger:
            revision, found = ledger.rules.suggestions(options, self._keep_on(context))
        suggestions = map(translate_rules.suggestion_message, found)
        return pb.SuggestRulesResponse(suggestions=suggestions, revision=revision)

    def _keep_on(self, context: grpc.ServicerContext) -> Callable[[], None]:
        """To be called before each piece of history: whether somebody waits for it, and it is its turn."""

        def keep_on() -> None:
            check_caller(context)
            with self._workers.batches.passage():
                pass  # What comes is short; imports take turns with it, and calls go first.

        return keep_on
