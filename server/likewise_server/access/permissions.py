"""What each method takes: the one table of scopes. A method that does not stand here lets nobody in.

To ask takes *classify*; to teach, and to read back what was taught, *learn*; to change a chart or a policy,
to create and to forget, *manage*, for none of it is undone by teaching.
"""

from collections.abc import Mapping
from typing import Final

from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from likewise_engine.errors import PermissionDenied
from likewise_server.access.caller import ALL_SCOPES, Caller, Scope

_CLASSIFY: Final = frozenset({Scope.CLASSIFY})
_LEARN: Final = frozenset({Scope.LEARN})
_MANAGE: Final = frozenset({Scope.MANAGE})
_ANY: Final = ALL_SCOPES

SCOPES: Final[Mapping[str, frozenset[Scope]]] = {
    "/likewise.v1.CardService/GetCard": _LEARN,
    "/likewise.v1.ClassifierService/Classify": _CLASSIFY,
    "/likewise.v1.ClassifierService/ClassifyStream": _CLASSIFY,
    "/likewise.v1.InsightService/AuditTenant": _LEARN,
    "/likewise.v1.InsightService/ExplainTransaction": _LEARN,
    "/likewise.v1.InsightService/ReplayPrediction": _LEARN,
    "/likewise.v1.LedgerService/Learn": _LEARN,
    "/likewise.v1.LedgerService/ImportTransactions": _LEARN,
    "/likewise.v1.LedgerService/GetTransaction": _LEARN,
    "/likewise.v1.LedgerService/ListTransactions": _LEARN,
    "/likewise.v1.LedgerService/ExportTransactions": _LEARN,
    "/likewise.v1.LedgerService/ForgetTransactions": _MANAGE,
    "/likewise.v1.ModelService/ListModels": _ANY,
    "/likewise.v1.ModelService/GetModelCard": _ANY,
    "/likewise.v1.RuleService/CreateRule": _MANAGE,
    "/likewise.v1.RuleService/BatchCreateRules": _MANAGE,
    "/likewise.v1.RuleService/GetRule": _LEARN,
    "/likewise.v1.RuleService/ListRules": _LEARN,
    "/likewise.v1.RuleService/UpdateRule": _MANAGE,
    "/likewise.v1.RuleService/DeleteRule": _MANAGE,
    "/likewise.v1.RuleService/TryRule": _LEARN,
    "/likewise.v1.RuleService/SuggestRules": _LEARN,
    "/likewise.v1.TenantService/CreateTenant": _MANAGE,
    "/likewise.v1.TenantService/GetTenant": _ANY,
    "/likewise.v1.TenantService/ListTenants": _ANY,
    "/likewise.v1.TenantService/UpdateTenant": _MANAGE,
    "/likewise.v1.TenantService/DeleteTenant": _MANAGE,
    "/likewise.v1.TenantService/RenameCategory": _MANAGE,
    "/likewise.v1.TenantService/MergeCategories": _MANAGE,
    "/likewise.v1.TenantService/SplitCategory": _MANAGE,
    "/likewise.v1.TenantService/DeactivateCategory": _MANAGE,
    "/likewise.v1.TenantService/ActivateCategory": _MANAGE,
    "/likewise.v1.TenantService/PurgeCategory": _MANAGE,
    "/likewise.v1.TenantService/ListAuditRecords": _MANAGE,
    "/likewise.v1.TenantService/ExportTenant": _MANAGE,
    "/likewise.v1.TenantService/ImportTenant": _MANAGE,
    "/likewise.v1.SuggestionService/GetSuggestion": _CLASSIFY,
    "/likewise.v1.SuggestionService/WatchSuggestions": _CLASSIFY,
    "/likewise.v1.SuggestionService/ListSuggestions": _LEARN,
    "/likewise.v1.EncoderService/ListEncoders": _MANAGE,
    "/likewise.v1.EncoderService/GetEncoderChange": _MANAGE,
    "/likewise.v1.EncoderService/StartEncoderChange": _MANAGE,
    "/likewise.v1.EncoderService/PauseEncoderChange": _MANAGE,
    "/likewise.v1.EncoderService/ResumeEncoderChange": _MANAGE,
    "/likewise.v1.EncoderService/RollbackEncoderChange": _MANAGE,
    "/likewise.v1.FeedbackService/GetFeedback": _LEARN,
    "/likewise.v1.FeedbackService/GetFeedbackOverview": _LEARN,
    "/likewise.v1.FeedbackService/ListPredictions": _LEARN,
    f"/{reflection.SERVICE_NAME}/ServerReflectionInfo": _ANY,
}
"""By the method's path the scopes of which any one suffices."""

OPEN: Final = frozenset({f"/{health.SERVICE_NAME}/{method}" for method in ("Check", "List", "Watch")})
"""Methods for whoever reaches the server. They tell whether it serves, and nothing of what."""


FOR_EACH_CALLER: Final = frozenset(
    {
        "/likewise.v1.FeedbackService/GetFeedbackOverview",
        "/likewise.v1.ModelService/GetModelCard",
        "/likewise.v1.ModelService/ListModels",
        "/likewise.v1.TenantService/ListTenants",
    }
)
"""Methods whose requests name no tenant, and which answer each caller what is its own, or is everybody's. To
any other method a caller that is bound to a tenant has to name it."""


def check_scope(method: str, caller: Caller, scopes: Mapping[str, frozenset[Scope]]) -> None:
    """Return where a caller may call a method.

    Args:
        method: its path.
        caller: who calls.
        scopes: of each method those of which one suffices.

    Raises:
        PermissionDenied: the caller has none of them, or the method does not stand there.
    """
    sufficient = scopes.get(method)
    if sufficient is None:
        raise PermissionDenied("nobody may call this method")
    if not sufficient & caller.scopes:
        needed = " or ".join(sorted(sufficient))
        raise PermissionDenied(f"this takes the scope {needed!r}, which the caller has not", scope=needed)


def check_tenant(caller: Caller, tenant: str) -> None:
    """Return where a caller may name a tenant.

    Raises:
        PermissionDenied: the same for each other tenant, whether or not there is such a one.
    """
    if caller.tenant is not None and tenant != caller.tenant:
        raise PermissionDenied("the caller may name its own tenant alone")
