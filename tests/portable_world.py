"""What tests of portable exports share: archives made, opened up, changed and packed again."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from likewise_engine.departure import departing
from likewise_engine.tenants import Tenants
from likewise_indexer.portable import archived, read_archive

MEMBERS = (
    "tenant.json",
    "chart.ndjson",
    "entries.ndjson",
    "corrections.ndjson",
    "outcomes.ndjson",
    "requests.ndjson",
    "testimonies.ndjson",
    "rules.ndjson",
    "tallies.ndjson",
    "profiles.ndjson",
    "predictions.ndjson",
    "audit.ndjson",
)


def exported(tenants: Tenants, tenant: str) -> bytes:
    with tenants.use(tenant) as ledger, departing(ledger, 7) as everything:
        return b"".join(archived(everything))


def imported(tenants: Tenants, archive: bytes, tenant: str = "") -> None:
    with read_archive(io.BytesIO(archive), tenant) as arriving:
        tenants.admit(arriving)


def contents(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def packed(members: Mapping[str, bytes], *, states: bool = True) -> bytes:
    """An archive of these members, with a manifest that fits them if it is to state them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if name != "manifest.json":
                archive.writestr(name, content)
        manifest = json.loads(members["manifest.json"])
        if states:
            for name in manifest["files"]:
                manifest["files"][name]["sha256"] = hashlib.sha256(members[name]).hexdigest()
        archive.writestr("manifest.json", json.dumps(manifest))
    return file.getvalue()


def changed(archive: bytes, name: str, change: Callable[[Any], object], line: int = 0) -> bytes:
    """The archive with another record."""
    members = contents(archive)
    lines = members[name].splitlines()
    record = json.loads(lines[line])
    change(record)
    lines[line] = json.dumps(record).encode()
    members[name] = b"".join(line + b"\n" for line in lines)
    return packed(members)
