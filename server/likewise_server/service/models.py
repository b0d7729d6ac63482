"""ModelService: what answers, and what people should know of it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from likewise.v1 import model_service_pb2 as pb
from likewise.v1.model_service_pb2_grpc import ModelServiceServicer
from likewise_engine import limits
from likewise_engine.errors import InvalidInput, ModelNotFound
from likewise_engine.text import TEXT_VERSION

if TYPE_CHECKING:
    from likewise_indexer.cards.shelf import Model

_KINDS: Final[Mapping[str, pb.ModelKind.ValueType]] = {
    "encoder": pb.MODEL_KIND_ENCODER,
    "vote": pb.MODEL_KIND_VOTE,
}


class ModelService(ModelServiceServicer):
    """Shows the models of a server.

    Args:
        encoder: folder of the encoder that tenants are to have now; None for the one that is shipped. Asked
            with each call, for the encoder may be changed meanwhile.
        vote: folder of the vote that serves; None for the one that is shipped.
    """

    def __init__(self, encoder: Callable[[], Path | None], vote: Path | None) -> None:
        self._encoder = encoder
        self._vote = vote
        self._read: dict[Path, Model] = {}

    def ListModels(
        self, request: pb.ListModelsRequest, context: grpc.ServicerContext
    ) -> pb.ListModelsResponse:
        """List what serves."""
        return pb.ListModelsResponse(models=map(_message, self._models))

    def GetModelCard(
        self, request: pb.GetModelCardRequest, context: grpc.ServicerContext
    ) -> pb.GetModelCardResponse:
        """Return a model's card."""
        if not 1 <= len(request.fingerprint) <= limits.CARD_LINE_CHARS_MAX:
            raise InvalidInput.of("fingerprint", f"is to have 1 to {limits.CARD_LINE_CHARS_MAX} characters")
        for model in self._models:
            if request.fingerprint in (model.fingerprint, _serving(model)):
                return pb.GetModelCardResponse(
                    model=_message(model),
                    markdown=model.markdown(),
                    record_json=model.card.model_dump_json() if model.card else "",
                )
        raise ModelNotFound(request.fingerprint)

    @property
    def _models(self) -> Sequence["Model"]:
        """Each is read when first asked for: what reads cards takes a tenth of a second to import."""
        from likewise_indexer.cards.shelf import model_in, shipped_folder

        folders = (self._encoder() or shipped_folder("encoder"), self._vote or shipped_folder("vote"))
        for folder in folders:
            if folder not in self._read:
                self._read[folder] = model_in(folder)
        return [self._read[folder] for folder in folders]


def _serving(model: "Model") -> str:
    """Its fingerprint as tenants' statistics have it."""
    is_encoder = _KINDS[model.kind.value] == pb.MODEL_KIND_ENCODER
    return f"{model.fingerprint}+text{TEXT_VERSION}" if is_encoder else model.fingerprint


def _message(model: "Model") -> pb.Model:
    return pb.Model(
        kind=_KINDS[model.kind.value],
        name=model.name,
        fingerprint=_serving(model),
        form=model.form,
        dimensions=model.dimensions,
        size_bytes=model.bytes,
        licence=model.licence,
    )
