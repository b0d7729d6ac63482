"""CardService: what is remembered of a tenant, and how well it serves."""

import grpc

from likewise.v1 import card_service_pb2 as pb
from likewise.v1.card_service_pb2_grpc import CardServiceServicer
from likewise_engine.tenants import Tenants
from likewise_server.settings import Settings


class CardService(CardServiceServicer):
    """Writes the cards of tenants."""

    def __init__(self, tenants: Tenants, settings: Settings) -> None:
        self._tenants = tenants
        self._settings = settings

    def GetCard(self, request: pb.GetCardRequest, context: grpc.ServicerContext) -> pb.GetCardResponse:
        """Write a tenant's card."""
        # Imported when first asked for: what fills in templates takes a tenth of a second.
        from likewise_indexer.cards.tenant import Retention, tenant_card
        from likewise_indexer.cards.tenant_page import tenant_html, tenant_markdown

        retention = Retention(self._settings.predictions_kept_max, self._settings.prediction_days_max)
        with self._tenants.use(request.tenant) as ledger:
            vote = self._tenants.vote.fingerprint
            card = tenant_card(ledger, vote, retention, wordings=request.wordings)
        return pb.GetCardResponse(
            record_json=card.model_dump_json(indent=1), markdown=tenant_markdown(card), html=tenant_html(card)
        )
