"""What the tests of backups share: a data folder with small tenants, and what one can tell of a tenant."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine_world import ENCODER, Books, labelled
from likewise_engine.backup import Manifest
from likewise_engine.folder import STORE_NAME, place_of
from likewise_engine.keys import KeyFile, MasterKeys, TenantKey
from likewise_engine.store.base import Entry
from likewise_engine.store.connection import Connection, connect
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants


def open_tenants(data: Path, master: Path | None = None) -> Tenants:
    """The tenants of a data folder."""
    return Tenants.open_folder(data, ENCODER, master_key_file=master)


def fill(data: Path, *tenants: str, labels: int = 20, master: Path | None = None) -> None:
    """Make tenants, each with books of its own."""
    with open_tenants(data, master) as opened:
        for number, tenant in enumerate(tenants):
            opened.create(tenant, display_name=tenant.title())
            books = Books(seed=number)
            with opened.use(tenant) as ledger:
                ledger.learn([books.item(f"{tenant}-{row}") for row in range(labels)])


def learn(data: Path, tenant: str, *ids: str, payee: str = "Corner Bakery") -> None:
    """Teach a tenant something more."""
    with open_tenants(data) as opened, opened.use(tenant) as ledger:
        ledger.learn([labelled(transaction_id, payee) for transaction_id in ids])


def entries_of(data: Path, tenant: str, master: Path | None = None) -> Sequence[Entry]:
    """All entries of a tenant, from its store."""
    with closing(SqliteStore(store_of(data, tenant), key_of(data, tenant, master))) as store:
        return store.entries_after(-1, 1_000_000)


def store_of(data: Path, tenant: str) -> Path:
    """Where a tenant's store is, in a data folder and in the folder of a backup."""
    return data / place_of(tenant) / STORE_NAME


def key_of(data: Path, tenant: str, master: Path | None = None) -> TenantKey:
    """A tenant's key, in a data folder and in the folder of a backup."""
    key_file = KeyFile.read(store_of(data, tenant).parent)
    assert key_file is not None
    return key_file.opened(tenant, MasterKeys(master))


def raw_store_of(data: Path, tenant: str) -> Connection:
    """A connection to a tenant's store, by which a test changes it."""
    return connect(store_of(data, tenant), key_of(data, tenant).of_pages())


def manifest_of(backup: Path) -> Manifest:
    """The manifest of a backup that is a folder."""
    return Manifest.decoded((backup / "manifest.json").read_bytes())


def damage(path: Path, position: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)
