"""TenantService: whose books there are, their charts and policies."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import grpc

from likewise.v1 import tenant_service_pb2 as pb
from likewise.v1.tenant_service_pb2_grpc import TenantServiceServicer
from likewise_engine.audit import AuditRecord
from likewise_engine.errors import InvalidInput, TenantNotFound
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.folder import check_tenant_id
from likewise_engine.ledger.checks import check_settings
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import ReshapeOutcome
from likewise_engine.ledger.reshape import Reshaping
from likewise_engine.tenants import Tenants
from likewise_server.access.caller import current_caller
from likewise_server.access.open_streams import OpenStreams
from likewise_server.service import translate
from likewise_server.service.border import check_caller
from likewise_server.service.pages import number_of, page_size_of, page_token, position_of
from likewise_server.service.portable import PortableTenants
from likewise_server.service.trail import erased_message, moment, receipt_message, record_message

_LISTED: Final = "tenants"
_PRECISION_PATHS: Final = frozenset({"policy", "policy.target_precision"})
_CLOSED_PATHS: Final = frozenset({"policy", "policy.closed_chart"})
_UPDATE_PATHS: Final = frozenset({"display_name", "chart"}) | _PRECISION_PATHS | _CLOSED_PATHS


class TenantService(TenantServiceServicer):
    """Manages the tenants of a data folder."""

    def __init__(
        self, tenants: Tenants, portable: PortableTenants, recorder: Recorder, streams: OpenStreams
    ) -> None:
        self._tenants = tenants
        self._portable = portable
        self._recorder = recorder
        self._streams = streams

    def CreateTenant(
        self, request: pb.CreateTenantRequest, context: grpc.ServicerContext
    ) -> pb.CreateTenantResponse:
        """Create a tenant."""
        asked = request.tenant
        check_tenant_id(asked.id, "tenant.id")
        policy, chart = translate.policy(asked.policy), translate.categories(asked.chart)
        with translate.beneath("tenant"):
            check_settings(policy, asked.display_name, chart)
        self._tenants.create(asked.id, asked.display_name, policy, chart, actor=current_caller().name)
        return pb.CreateTenantResponse(tenant=translate.tenant(self._tenants.describe(asked.id)))

    def GetTenant(self, request: pb.GetTenantRequest, context: grpc.ServicerContext) -> pb.GetTenantResponse:
        """Return a tenant with its chart and its statistics."""
        return pb.GetTenantResponse(tenant=translate.tenant(self._tenants.describe(request.tenant)))

    def ListTenants(
        self, request: pb.ListTenantsRequest, context: grpc.ServicerContext
    ) -> pb.ListTenantsResponse:
        """List a page of tenants by id; to a caller that is bound to one, that one if it is there."""
        page_size = page_size_of(request.page_size)
        after = position_of(_LISTED, request.page_token) if request.page_token else ""
        own = current_caller().tenant
        ids = self._tenants.ids(after, page_size + 1) if own is None else [own] * (own > after)
        response = pb.ListTenantsResponse()
        for tenant in ids[:page_size]:
            check_caller(context)
            try:
                response.tenants.append(translate.tenant_summary(self._tenants.record(tenant)))
            except TenantNotFound:
                continue  # deleted since the ids were read
        if len(ids) > page_size:
            response.next_page_token = page_token(_LISTED, ids[page_size - 1])
        return response

    def UpdateTenant(
        self, request: pb.UpdateTenantRequest, context: grpc.ServicerContext
    ) -> pb.UpdateTenantResponse:
        """Update what the mask names; all that is set where there is no mask (AIP-134)."""
        asked = request.tenant
        check_tenant_id(asked.id, "tenant.id")
        paths = _checked_paths(request.update_mask.paths) or _paths_set(asked)
        with self._tenants.use(asked.id) as ledger, translate.beneath("tenant"):
            check_caller(context)
            if paths:
                _update(ledger, asked, paths)
        return pb.UpdateTenantResponse(tenant=translate.tenant(self._tenants.describe(asked.id)))

    def DeleteTenant(
        self, request: pb.DeleteTenantRequest, context: grpc.ServicerContext
    ) -> pb.DeleteTenantResponse:
        """Delete a tenant with all that it taught. Its streams end: one that nobody reads keeps it in use."""
        self._streams.end(request.tenant)
        with self._recorder.dropping(request.tenant):
            receipt = self._tenants.delete(request.tenant, actor=current_caller().name)
        return pb.DeleteTenantResponse(receipt=receipt_message(receipt))

    def RenameCategory(
        self, request: pb.RenameCategoryRequest, context: grpc.ServicerContext
    ) -> pb.RenameCategoryResponse:
        """Give a category another id, name or description."""
        outcome = self._reshape(request.tenant, translate.rename(request), context)
        return pb.RenameCategoryResponse(revision=outcome.revision)

    def MergeCategories(
        self, request: pb.MergeCategoriesRequest, context: grpc.ServicerContext
    ) -> pb.MergeCategoriesResponse:
        """Merge categories into another one."""
        outcome = self._reshape(request.tenant, translate.merge(request), context, request.request_id)
        return pb.MergeCategoriesResponse(revision=outcome.revision, moved=outcome.moved)

    def SplitCategory(
        self, request: pb.SplitCategoryRequest, context: grpc.ServicerContext
    ) -> pb.SplitCategoryResponse:
        """Give some of a category's entries another category, or say which would get it."""
        outcome = self._reshape(
            request.tenant,
            translate.split(request),
            context,
            request.request_id,
            is_rehearsal=request.validate_only,
        )
        return pb.SplitCategoryResponse(revision=outcome.revision, moved=outcome.moved)

    def DeactivateCategory(
        self, request: pb.DeactivateCategoryRequest, context: grpc.ServicerContext
    ) -> pb.DeactivateCategoryResponse:
        """Never propose a category from now on."""
        outcome = self._reshape(request.tenant, translate.activation(request), context)
        return pb.DeactivateCategoryResponse(revision=outcome.revision)

    def ActivateCategory(
        self, request: pb.ActivateCategoryRequest, context: grpc.ServicerContext
    ) -> pb.ActivateCategoryResponse:
        """Propose a category again."""
        outcome = self._reshape(request.tenant, translate.activation(request), context)
        return pb.ActivateCategoryResponse(revision=outcome.revision)

    def PurgeCategory(
        self, request: pb.PurgeCategoryRequest, context: grpc.ServicerContext
    ) -> pb.PurgeCategoryResponse:
        """Forget all that is labelled with a category, and the category; or say what would be erased."""
        with self._tenants.use(request.tenant) as ledger, self._recorder.dropping(request.tenant):
            check_caller(context)
            outcome = ledger.purge_category(
                translate.category_purge(request),
                request.request_id,
                is_rehearsal=request.validate_only,
                actor=current_caller().name,
            )
        return pb.PurgeCategoryResponse(
            revision=outcome.revision,
            erased=erased_message(outcome.erased),
            receipt=receipt_message(outcome.receipt),
        )

    def ListAuditRecords(
        self, request: pb.ListAuditRecordsRequest, context: grpc.ServicerContext
    ) -> pb.ListAuditRecordsResponse:
        """List a page of an audit trail, the latest record first."""
        listed = f"audit records of {request.tenant}"
        page_size = page_size_of(request.page_size)
        before = number_of(listed, request.page_token) if request.page_token else None
        since, until = moment("start_time", request.start_time), moment("end_time", request.end_time)
        # One more than the page holds tells whether there is another.
        records = self._audit_records(request.tenant, page_size + 1, before, since, until)
        response = pb.ListAuditRecordsResponse(records=map(record_message, records[:page_size]))
        if len(records) > page_size:
            response.next_page_token = page_token(listed, str(records[page_size - 1].id))
        return response

    def _audit_records(
        self, tenant: str, count_max: int, before: int | None, since: datetime | None, until: datetime | None
    ) -> Sequence[AuditRecord]:
        if not tenant:
            return self._tenants.audit.records(count_max, before, since, until)
        with self._tenants.use(tenant) as ledger:
            return ledger.store.audit_records(count_max, before, since, until)

    def ExportTenant(
        self, request: pb.ExportTenantRequest, context: grpc.ServicerContext
    ) -> Iterator[pb.ExportTenantResponse]:
        """Send all that is known about a tenant."""
        for chunk in self._portable.sent(request.tenant, context):
            check_caller(context)
            yield pb.ExportTenantResponse(chunk=chunk)

    def ImportTenant(
        self, request_iterator: Iterator[pb.ImportTenantRequest], context: grpc.ServicerContext
    ) -> pb.ImportTenantResponse:
        """Create a tenant from all that is known about it."""
        tenant = self._portable.taken_in(request_iterator, context)
        return pb.ImportTenantResponse(tenant=translate.tenant(self._tenants.describe(tenant)))

    def _reshape(
        self,
        tenant: str,
        wanted: Reshaping,
        context: grpc.ServicerContext,
        request_id: str = "",
        *,
        is_rehearsal: bool = False,
    ) -> ReshapeOutcome:
        with self._tenants.use(tenant) as ledger:
            check_caller(context)
            return ledger.reshape(wanted, request_id, is_rehearsal=is_rehearsal, actor=current_caller().name)


def _checked_paths(paths: Sequence[str]) -> frozenset[str]:
    unknown = next((path for path in paths if path not in _UPDATE_PATHS), None)
    if unknown is not None:
        known = ", ".join(sorted(_UPDATE_PATHS))
        raise InvalidInput.of("update_mask", f"names {unknown!r}; what can be updated is {known}")
    return frozenset(paths)


def _paths_set(asked: pb.Tenant) -> frozenset[str]:
    """The mask that is meant by none. A false ``closed_chart`` cannot be told from one that is not set."""
    is_set = {
        "display_name": bool(asked.display_name),
        "policy.target_precision": bool(asked.policy.target_precision),
        "policy.closed_chart": asked.policy.closed_chart,
        "chart": bool(asked.chart),
    }
    return frozenset(path for path, present in is_set.items() if present)


def _update(ledger: Ledger, asked: pb.Tenant, paths: frozenset[str]) -> None:
    policy = translate.policy(asked.policy)
    ledger.update(
        target_precision=policy.target_precision if paths & _PRECISION_PATHS else None,
        closed_chart=policy.closed_chart if paths & _CLOSED_PATHS else None,
        display_name=asked.display_name if "display_name" in paths else None,
        categories=translate.categories(asked.chart) if "chart" in paths else (),
        actor=current_caller().name,
    )
