"""The standard health service, for callers of whom nothing is known."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2

_UNKNOWN: Final = "?"


class HealthService(health.HealthServicer):  # type: ignore[misc]  # untyped
    """Tells and watches the health of some services; all others are one to it.

    grpcio-health-checking keeps what it made for each name that was ever watched, so whoever asked after ever
    new names took the memory.
    """

    def __init__(self, services: Iterable[str]) -> None:
        """Make ready to tell of services by these names, as yet unknown."""
        self._services: Final = frozenset(services)
        super().__init__()

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable[[Any], None] | None = None,
    ) -> Any:
        """Tell a service's health, and whenever it changes."""
        if request.service not in self._services:
            request = health_pb2.HealthCheckRequest(service=_UNKNOWN)
        return super().Watch(request, context, send_response_callback)
