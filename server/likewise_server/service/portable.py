"""A tenant as one file, down a stream and up one.

Both work in pieces that give way to calls: a million entries take half a minute. What comes up is kept in a
nameless file in the data folder until all of it is there, for a zip file is read from its end; a short one in
memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, Final, TypeVar, cast

import grpc

from likewise.v1 import tenant_service_pb2 as pb
from likewise_engine import limits
from likewise_engine.departure import departing
from likewise_engine.errors import InvalidInput
from likewise_engine.faults import kind_of
from likewise_engine.folder import check_tenant_id
from likewise_engine.tenants import Tenants
from likewise_indexer.portable import archived, read_archive
from likewise_server.access.caller import current_caller
from likewise_server.service.border import check_caller
from likewise_server.workers import Workers

T = TypeVar("T")

_IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
"""Of an archive that comes up: some 100,000 entries."""


class PortableTenants:
    """Sends tenants, and takes them in."""

    def __init__(self, tenants: Tenants, workers: Workers, aside: Path) -> None:
        """Make ready.

        Args:
            tenants: to send, and to add to.
            workers: who answer calls.
            aside: folder for what has not come up whole yet.
        """
        self._tenants = tenants
        self._workers = workers
        self._aside = aside

    def sent(self, tenant: str, context: grpc.ServicerContext) -> Iterator[bytes]:
        """The file of a tenant, piece by piece. Meanwhile it is in use."""
        with (
            self._tenants.use(tenant) as ledger,
            departing(ledger, limits.IMPORT_PIECE_ITEMS) as everything,
        ):
            pieces = archived(everything)
            while True:
                # Not while the piece is sent: a slow receiver would hold up all who import.
                with self._workers.batches.passage():
                    check_caller(context)
                    piece = next(pieces, None)
                if piece is None:
                    return
                if piece:
                    yield piece

    def taken_in(self, requests: Iterator[pb.ImportTenantRequest], context: grpc.ServicerContext) -> str:
        """Create a tenant from its file; return its id."""
        with SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(self._aside)) as spooled:
            file = cast("BinaryIO", spooled)
            tenant = _received(requests, file, context)
            with read_archive(file, tenant) as arriving:
                entries = self._in_turns(arriving.entries, context)
                self._tenants.admit(replace(arriving, entries=entries), actor=current_caller().name)
        return tenant

    def _in_turns(
        self, batches: Iterable[Sequence[T]], context: grpc.ServicerContext
    ) -> Iterator[Sequence[T]]:
        """Batches, each read and written while it is this stream's turn."""
        rest = iter(batches)
        while True:
            with self._workers.batches.passage():
                check_caller(context)
                batch = next(rest, None)
                if batch is None:
                    return
                yield batch


def _received(
    requests: Iterator[pb.ImportTenantRequest], file: IO[bytes], context: grpc.ServicerContext
) -> str:
    """Write what comes up the stream to a file; return the tenant that it is for."""
    tenant, size_bytes = "", 0
    for position, request in enumerate(requests):
        check_caller(context)
        if position == 0:
            tenant = request.tenant
            check_tenant_id(tenant)
        elif request.tenant not in ("", tenant):
            raise InvalidInput.of(
                "tenant", f"changes from {tenant!r} to {request.tenant!r}: import each on its own"
            )
        size_bytes += len(request.chunk)
        if size_bytes > limits.PORTABLE_BYTES_MAX:
            raise InvalidInput.of("chunk", f"is beyond {limits.PORTABLE_BYTES_MAX} bytes in all")
        with _spooling():
            file.write(request.chunk)
    if not tenant:
        raise InvalidInput.of("tenant", "is required in the first message, and there was none")
    return tenant


@contextmanager
def _spooling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind_of(error)(f"could not keep what is imported: {error.strerror}") from error
