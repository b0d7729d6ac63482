"""The zip file of a tenant: written as a stream, and read with every doubt.

    tenant.json           the tenant: name, policy, revision, models
    chart.ndjson          its categories, with former ids and mergers
    entries.ndjson        its labelled transactions, in the order in which they were last written
    corrections.ndjson    labels that were given where another had been predicted
    outcomes.ndjson       what would have been answered before a label was known: its calibration
    requests.ndjson       requests that are remembered, by a digest of their ids, with their answers
    testimonies.ndjson    what a language model said, and what became of it (from format 2 on)
    audit.ndjson          who did what and when, the latest first; it is told, and not taken in again
    rules.ndjson          its rules, the oldest first; how they have done follows from the entries
    tallies.ndjson        how many answers there were and how many were right, by day
    profiles.ndjson       how questions were distributed, by day: counts in bins
    predictions.ndjson    what was answered, the latest first; it is told, and not taken in again
    manifest.json         the format, and of each of these the SHA-256, bytes and records

A zip file tells how large its members are, and may lie; what it lists is read into memory, and may be huge.
So its list is measured before it is read, a member is read no further than it says, each line is as long as a
record can be at most, and nothing is ever unpacked to disk.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import IO, Any, BinaryIO, Final, TypeVar

from likewise_engine import limits
from likewise_engine.errors import InvalidInput
from likewise_engine.store.everything import Everything
from likewise_indexer.portable import records
from likewise_indexer.portable.records import Record, WrongRecord

T = TypeVar("T")

FORMAT: Final = 2
MANIFEST_NAME: Final = "manifest.json"
TENANT_NAME: Final = "tenant.json"
CHART_NAME: Final = "chart.ndjson"
ENTRIES_NAME: Final = "entries.ndjson"
CORRECTIONS_NAME: Final = "corrections.ndjson"
OUTCOMES_NAME: Final = "outcomes.ndjson"
REQUESTS_NAME: Final = "requests.ndjson"
AUDIT_NAME: Final = "audit.ndjson"
RULES_NAME: Final = "rules.ndjson"
TESTIMONIES_NAME: Final = "testimonies.ndjson"
TALLIES_NAME: Final = "tallies.ndjson"
PROFILES_NAME: Final = "profiles.ndjson"
PREDICTIONS_NAME: Final = "predictions.ndjson"
_SINCE: Final = {
    TENANT_NAME: 1,
    CHART_NAME: 1,
    ENTRIES_NAME: 1,
    CORRECTIONS_NAME: 1,
    OUTCOMES_NAME: 1,
    REQUESTS_NAME: 1,
    AUDIT_NAME: 1,
    RULES_NAME: 2,
    TESTIMONIES_NAME: 2,
    TALLIES_NAME: 2,
    PROFILES_NAME: 2,
    PREDICTIONS_NAME: 2,
}
"""The format that each member came with: archives of earlier ones lack it, and are read all the same."""

_BATCH: Final = 200
"""Records read at once: some milliseconds of work."""
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\5\6"
_ZIP64_LOCATOR_BYTES: Final = 20
_ZIP64_LOCATOR_SIGNATURE: Final = b"PK\6\7"
# zipfile raises the last two at a header that names a compression that it does not know, or an encryption.
_DAMAGES: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def archived(everything: Everything) -> Iterator[bytes]:
    """The archive of a tenant, piece by piece: of about PORTABLE_CHUNK_BYTES, or empty after less work.

    Raises:
        StoreFault, PreconditionFailed: reading the tenant ended.
    """
    outbox = _Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_DEFLATED) as file:
        stated = {}
        for name, batches in _parts(everything).items():
            with file.open(_member(name), "w", force_zip64=True) as member:
                digest, size_bytes, count = hashlib.sha256(), 0, 0
                for batch in batches:
                    content = b"".join(map(records.encoded, batch))
                    member.write(content)
                    digest.update(content)
                    size_bytes += len(content)
                    count += len(batch)
                    yield outbox.piece(limits.PORTABLE_CHUNK_BYTES)
            stated[name] = {"sha256": digest.hexdigest(), "bytes": size_bytes, "records": count}
        manifest = {
            "format": FORMAT,
            "likewise": version("likewise"),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "files": stated,
        }
        file.writestr(_member(MANIFEST_NAME), json.dumps(manifest, indent=1))
    yield outbox.piece(1)


@contextmanager
def read_archive(file: BinaryIO, tenant: str = "") -> Iterator[Everything]:
    """A tenant as its archive has it, to be read within.

    Args:
        file: the archive, which can be searched.
        tenant: the id that it is to have; its own if empty.

    Raises:
        InvalidInput: it is no archive of a tenant, or damaged, of a later format, or larger than one can be.
            What is read within raises it too.
    """
    _check_directory(file)
    with _doubted("archive"):
        archive = zipfile.ZipFile(file)
    with archive:
        stated = _manifest(archive)
        with _doubted(TENANT_NAME):
            (about,) = _records(archive, TENANT_NAME, stated)
            tenant_id = tenant or about.get("id")
            if not isinstance(tenant_id, str):
                raise WrongRecord("id: is missing")
            record = records.tenant(about, tenant_id)
        with _doubted(CHART_NAME):
            told = list(islice(_records(archive, CHART_NAME, stated), limits.CATEGORIES_MAX + 1))
            chart = records.chart(told)
        numbers = {(c.dimension, c.id): number for number, c in enumerate(chart) if not c.is_purged}

        def batches(name: str, value: Callable[[Record], T]) -> Iterator[Sequence[T]]:
            return _batches(archive, name, stated, value) if name in stated else iter(())

        yield Everything(
            record=record,
            chart=chart,
            entries=batches(ENTRIES_NAME, partial(records.entry, numbers=numbers)),
            corrections=batches(CORRECTIONS_NAME, records.correction),
            outcomes=batches(OUTCOMES_NAME, partial(records.outcome, numbers=numbers)),
            requests=batches(REQUESTS_NAME, records.request),
            rules=batches(RULES_NAME, partial(records.rule, chart=chart)),
            testimonies=batches(TESTIMONIES_NAME, partial(records.testimony, numbers=numbers)),
            tallies=batches(TALLIES_NAME, partial(records.tally, numbers=numbers)),
            bins=batches(PROFILES_NAME, records.bin_count),
        )


class _Outbox(io.RawIOBase):
    """Holds what was written until it is fetched. As it cannot be searched, zipfile writes straight on."""

    def __init__(self) -> None:
        self._content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._content += content
        return len(content)

    def piece(self, least_bytes: int) -> bytes:
        """What there is, if it is so much; else nothing yet."""
        if len(self._content) < least_bytes:
            return b""
        piece = bytes(self._content)
        self._content.clear()
        return piece


def _parts(everything: Everything) -> dict[str, Iterable[Sequence[Record]]]:
    """The records of each member, in batches."""
    chart = everything.chart
    return {
        TENANT_NAME: [[records.of_tenant(everything.record)]],
        CHART_NAME: [[records.of_category(category, chart) for category in chart]],
        ENTRIES_NAME: ([*map(records.of_entry, batch)] for batch in everything.entries),
        CORRECTIONS_NAME: ([*map(records.of_correction, batch)] for batch in everything.corrections),
        OUTCOMES_NAME: (
            [records.of_outcome(outcome, chart) for outcome in batch] for batch in everything.outcomes
        ),
        REQUESTS_NAME: ([*map(records.of_request, batch)] for batch in everything.requests),
        TESTIMONIES_NAME: (
            [records.of_testimony(testimony, chart) for testimony in batch]
            for batch in everything.testimonies
        ),
        AUDIT_NAME: ([*map(records.of_audit, batch)] for batch in everything.audit),
        RULES_NAME: ([records.of_rule(kept, chart) for kept in batch] for batch in everything.rules),
        TALLIES_NAME: ([records.of_tally(tally, chart) for tally in batch] for batch in everything.tallies),
        PROFILES_NAME: ([*map(records.of_bin_count, batch)] for batch in everything.bins),
        PREDICTIONS_NAME: (
            [records.of_prediction(recorded, chart) for recorded in batch] for batch in everything.predictions
        ),
    }


def _member(name: str) -> zipfile.ZipInfo:
    """Of no particular time: the same tenant gives the same file."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o600 << 16
    return member


def _check_directory(file: BinaryIO) -> None:
    """Measure the list of members before it is read. Raises InvalidInput."""
    size_bytes = file.seek(0, io.SEEK_END)
    if size_bytes > limits.PORTABLE_BYTES_MAX:
        raise InvalidInput.of("archive", f"has {size_bytes} bytes; at most {limits.PORTABLE_BYTES_MAX}")
    tail_bytes = _END.size + _ZIP64_LOCATOR_BYTES
    if size_bytes < tail_bytes:
        raise InvalidInput.of("archive", "is too short to be one")
    file.seek(-tail_bytes, io.SEEK_END)
    tail = file.read(tail_bytes)
    signature, _, _, _, _, directory_bytes, _, _ = _END.unpack(tail[_ZIP64_LOCATOR_BYTES:])
    # A locator would lead to another list, of any size. Ours never needs one.
    if signature != _END_SIGNATURE or tail.startswith(_ZIP64_LOCATOR_SIGNATURE):
        raise InvalidInput.of("archive", "is no zip file of ours, or was cut short")
    if directory_bytes > limits.PORTABLE_DIRECTORY_BYTES_MAX:
        raise InvalidInput.of("archive", "claims to have more members than any of ours")


def _manifest(archive: zipfile.ZipFile) -> Mapping[str, Record]:
    """What is stated of each member. Raises InvalidInput."""
    with _doubted(MANIFEST_NAME):
        names = sorted(archive.namelist())
        if MANIFEST_NAME not in names:
            raise WrongRecord(f"there is no {MANIFEST_NAME}")
        with archive.open(MANIFEST_NAME) as file:
            manifest = records.decoded(file.read(limits.PORTABLE_MANIFEST_BYTES_MAX))
        made_by_format, files = manifest.get("format"), manifest.get("files")
        if not isinstance(made_by_format, int) or not isinstance(files, dict):
            raise WrongRecord("is no manifest of a tenant's archive")
        if made_by_format > FORMAT:
            raise WrongRecord(f"a later Likewise wrote it (format {made_by_format}): upgrade")
        expected = [name for name, since in _SINCE.items() if since <= made_by_format]
        if names != sorted((*expected, MANIFEST_NAME)):
            raise WrongRecord(f"its members are not {', '.join(expected)} and {MANIFEST_NAME}")
        for name in expected:
            if not isinstance(files.get(name), dict):
                raise WrongRecord(f"does not state {name}")
            if archive.getinfo(name).file_size > limits.PORTABLE_FILE_BYTES_MAX:
                raise WrongRecord(f"{name} claims to be larger than any of ours")
        return {name: files[name] for name in expected}


def _batches(
    archive: zipfile.ZipFile, name: str, stated: Mapping[str, Record], value: Callable[[Record], T]
) -> Iterator[Sequence[T]]:
    """Values of a member's records. Raises InvalidInput."""
    found = _records(archive, name, stated)
    line = 1
    while True:
        with _doubted(name):
            lines = list(islice(found, _BATCH))
        if not lines:
            return
        batch = []
        for record in lines:
            with _doubted(f"{name}, line {line}"):
                batch.append(value(record))
            line += 1
        yield batch


def _records(archive: zipfile.ZipFile, name: str, stated: Mapping[str, Record]) -> Iterator[Record]:
    """The records of a member; at its end it has to be what is stated. Raises WrongRecord and _DAMAGES."""
    digest = hashlib.sha256()
    with archive.open(name) as file:
        for line in _lines(file):
            digest.update(line)
            yield records.decoded(line)
    if stated[name].get("sha256") != digest.hexdigest():
        raise WrongRecord("is damaged: its checksum does not fit")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    while line := file.readline(limits.PORTABLE_LINE_BYTES_MAX):
        if not line.endswith(b"\n"):
            raise WrongRecord("has a line that is longer than any record, or was cut short")
        yield line


@contextmanager
def _doubted(what: str) -> Iterator[None]:
    """Say of what is wrong where it is. Raises InvalidInput."""
    try:
        yield
    except (*_DAMAGES, WrongRecord, ValueError) as error:
        raise InvalidInput.of("archive", f"{what}: {error}") from error
