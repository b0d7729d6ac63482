"""EncoderService: which encoder tenants are to have, and how far the change to it is.

What is asked for is only written down here; :mod:`likewise_engine.changer` follows it, in this process or in
another one of the server.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import grpc
import structlog

from likewise.v1 import encoder_service_pb2 as pb
from likewise.v1.encoder_service_pb2_grpc import EncoderServiceServicer
from likewise_engine.audit import Action
from likewise_engine.encoder_change import ChangeFile, Decision, Stage
from likewise_engine.errors import EncoderNotFound, InvalidInput, PreconditionFailed
from likewise_engine.tenants import Tenants
from likewise_server.access.caller import current_caller
from likewise_server.service.border import check_caller

_STATES: Final[Mapping[Stage, pb.EncoderChangeState.ValueType]] = {
    stage: pb.EncoderChangeState.Value(f"ENCODER_CHANGE_STATE_{stage.name}") for stage in Stage
}

_log = structlog.stdlib.get_logger()


class EncoderService(EncoderServiceServicer):
    """Decides for the whole server."""

    def __init__(self, tenants: Tenants, file: ChangeFile) -> None:
        self._tenants = tenants
        self._file = file

    def ListEncoders(
        self, request: pb.ListEncodersRequest, context: grpc.ServicerContext
    ) -> pb.ListEncodersResponse:
        """List the encoders that are at hand."""
        wanted = self._tenants.encoder.fingerprint
        return pb.ListEncodersResponse(
            encoders=[
                pb.Encoder(fingerprint=fingerprint, name=_name(fingerprint), wanted=fingerprint == wanted)
                for fingerprint in sorted({*self._tenants.encoders.names(), wanted})
            ]
        )

    def GetEncoderChange(
        self, request: pb.GetEncoderChangeRequest, context: grpc.ServicerContext
    ) -> pb.GetEncoderChangeResponse:
        """Say how far the change is."""
        decision = self._file.decision()
        if decision is None:
            raise PreconditionFailed("no server was started on this data folder yet")
        return pb.GetEncoderChangeResponse(change=self._message(decision))

    def StartEncoderChange(
        self, request: pb.StartEncoderChangeRequest, context: grpc.ServicerContext
    ) -> pb.StartEncoderChangeResponse:
        """Start to change all tenants."""
        encoder = self._named(request.encoder)
        check_caller(context)
        folder = self._tenants.encoders.folder_of(encoder)
        change = self._decided(self._file.change(encoder, folder), Action.START_ENCODER_CHANGE)
        return pb.StartEncoderChangeResponse(change=change)

    def PauseEncoderChange(
        self, request: pb.PauseEncoderChangeRequest, context: grpc.ServicerContext
    ) -> pb.PauseEncoderChangeResponse:
        """Let the change rest."""
        check_caller(context)
        change = self._decided(self._file.pause(), Action.PAUSE_ENCODER_CHANGE)
        return pb.PauseEncoderChangeResponse(change=change)

    def ResumeEncoderChange(
        self, request: pb.ResumeEncoderChangeRequest, context: grpc.ServicerContext
    ) -> pb.ResumeEncoderChangeResponse:
        """Let the change go on."""
        check_caller(context)
        change = self._decided(self._file.resume(), Action.START_ENCODER_CHANGE)
        return pb.ResumeEncoderChangeResponse(change=change)

    def RollbackEncoderChange(
        self, request: pb.RollbackEncoderChangeRequest, context: grpc.ServicerContext
    ) -> pb.RollbackEncoderChangeResponse:
        """Change all tenants back."""
        decision = self._file.decision()
        if (
            decision is not None
            and decision.previous
            and self._tenants.encoders.of(decision.previous) is None
        ):
            raise PreconditionFailed(
                f"the encoder {decision.previous} is not at hand any more: bring its folder back"
            )
        check_caller(context)
        change = self._decided(self._file.roll_back(), Action.START_ENCODER_CHANGE)
        return pb.RollbackEncoderChangeResponse(change=change)

    def _named(self, named: str) -> str:
        """The fingerprint that is meant. Raises InvalidInput, EncoderNotFound."""
        if not named:
            raise InvalidInput.of(
                "encoder", "is required: a fingerprint, or a name that one encoder alone has"
            )
        known = self._tenants.encoders.names()
        found = [fingerprint for fingerprint in known if named in (fingerprint, _name(fingerprint))]
        if len(found) > 1:
            raise InvalidInput.of("encoder", f"is the name of {len(found)} encoders: give a fingerprint")
        if not found or self._tenants.encoders.of(found[0]) is None:
            at_hand = [_name(each) for each in known if self._tenants.encoders.of(each) is not None]
            raise EncoderNotFound(named, at_hand)
        return found[0]

    def _decided(self, decision: Decision, action: Action) -> pb.EncoderChange:
        self._tenants.audit.add(action, current_caller().name)
        _log.info("encoder decided on", encoder=decision.wanted, stage=decision.stage.value)
        return self._message(decision)

    def _message(self, decision: Decision) -> pb.EncoderChange:
        progress = self._file.progress(decision.wanted)
        change = pb.EncoderChange(
            wanted=decision.wanted,
            previous=decision.previous,
            state=_STATES[decision.stage],
            tenants=progress.tenants,
            tenants_done=progress.done,
            tenants_failed=progress.failed,
            texts_encoded=progress.texts,
            texts_per_second=progress.texts / progress.took_s if progress.took_s else 0.0,
        )
        change.start_time.FromDatetime(datetime.fromisoformat(decision.started))
        if decision.stage is Stage.RUNNING and progress.remaining_s >= 0:
            change.remaining.FromMilliseconds(int(progress.remaining_s * 1_000))
        return change


def _name(fingerprint: str) -> str:
    return fingerprint.partition("@")[0]
