"""ModelService: what answers, and what people should know of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc

from likewise.v1 import model_service_pb2 as pb
from likewise.v1.model_service_pb2_grpc import ModelServiceServicer
from likewise_engine import limits
from likewise_engine.errors import InvalidInput, ModelFault, ModelNotFound, PreconditionFailed
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
        encoder: the encoder that tenants are to have now. Asked with each call, for it may be changed
            meanwhile.
        vote: the vote that serves.
    """

    def __init__(self, encoder: Callable[[], "Serving"], vote: "Serving") -> None:
        self._encoder = encoder
        self._vote = vote
        self._read: dict[Path, Model] = {}

    def ListModels(
        self, request: pb.ListModelsRequest, context: grpc.ServicerContext
    ) -> pb.ListModelsResponse:
        """List what serves."""
        return pb.ListModelsResponse(models=map(self._listed, self._serving()))

    def GetModelCard(
        self, request: pb.GetModelCardRequest, context: grpc.ServicerContext
    ) -> pb.GetModelCardResponse:
        """Return a model's card."""
        if not 1 <= len(request.fingerprint) <= limits.CARD_LINE_CHARS_MAX:
            raise InvalidInput.of("fingerprint", f"is to have 1 to {limits.CARD_LINE_CHARS_MAX} characters")
        for serving in self._serving():
            if request.fingerprint in serving.names:
                listed = self._listed(serving)
                if listed.fault:
                    raise PreconditionFailed(f"its card cannot be shown: {listed.fault}")
                model = self._model(serving)
                return pb.GetModelCardResponse(
                    model=listed,
                    markdown=model.markdown(),
                    record_json=model.card.model_dump_json() if model.card else "",
                )
        raise ModelNotFound(request.fingerprint)

    def _serving(self) -> Sequence["Serving"]:
        return self._encoder(), self._vote

    def _listed(self, serving: "Serving") -> pb.Model:
        """The model as it is listed; where its folder holds none any more, the one that was loaded."""
        try:
            return _message(self._model(serving))
        except ModelFault as error:
            fault = _told(error.message, _folder_of(serving))
            return pb.Model(kind=_KINDS[serving.kind], fingerprint=serving.fingerprint, fault=fault)

    def _model(self, serving: "Serving") -> "Model":
        """Read when first asked for, for what reads cards takes a tenth of a second to import; and again
        as long as something is wrong with it. Raises ModelFault where it is not the one that serves."""
        from likewise_indexer.cards.shelf import listed_in

        folder = _folder_of(serving)
        if folder not in self._read:
            model = listed_in(folder)
            if model.serves_as != serving.fingerprint:
                raise ModelFault("its folder holds it no more: it serves until the server stops")
            if model.fault:
                return model
            self._read[folder] = model
        return self._read[folder]


@dataclass(frozen=True, slots=True)
class Serving:
    """A model that serves.

    Attributes:
        kind: ``encoder`` or ``vote``.
        fingerprint: of it as it was loaded.
        folder: that it was loaded from; None for the one that is shipped.
    """

    kind: str
    fingerprint: str
    folder: Path | None

    @property
    def names(self) -> tuple[str, str]:
        """Its fingerprint, with the version of texts and without."""
        return self.fingerprint, self.fingerprint.removesuffix(f"+text{TEXT_VERSION}")


def _folder_of(serving: Serving) -> Path:
    from likewise_indexer.cards.shelf import shipped_folder

    return serving.folder or shipped_folder(serving.kind)


def _message(model: "Model") -> pb.Model:
    return pb.Model(
        kind=_KINDS[model.kind.value],
        name=model.name,
        fingerprint=model.serves_as,
        form=model.form,
        dimensions=model.dimensions,
        size_bytes=model.bytes,
        licence=model.licence,
        fault=_told(model.fault, model.folder),
    )


def _told(fault: str, folder: Path) -> str:
    """What is wrong, without where on this machine: callers are told of files, not of folders."""
    return fault.replace(f"{folder}/", "").replace(str(folder), "its folder")
