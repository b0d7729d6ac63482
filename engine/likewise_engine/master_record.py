"""Which master key a data folder's tenants need, so that the start tells if it is missing or wrong."""

import hashlib
import json
from pathlib import Path
from typing import Final

from likewise_engine.durable import write_whole
from likewise_engine.errors import KeyMissing, StoreCorrupt
from likewise_engine.faults import kind_of
from likewise_engine.keys import MasterKeys

_NAME: Final = "master-key.json"


def check_master(root: Path, masters: MasterKeys) -> None:
    """Check that the master key of a data folder is at hand; the first that is given becomes the folder's.

    Raises:
        KeyMissing: none was given, or another.
        StoreFault: the record cannot be read or written.
        StoreCorrupt: it is damaged.
    """
    master = recorded_master(root)
    if not master:
        if masters.first is not None:
            record_master(root, masters.first.id)
    elif masters.of_id(master) is None:
        given = f"the keys of {masters.file} are others" if masters.file else "none was given"
        raise KeyMissing(
            f"the tenants' keys in {root} are wrapped by master key {master}, and {given}: name its file by"
            " --master-key-file or LIKEWISE_MASTER_KEY_FILE"
        )


def recorded_master(root: Path) -> str:
    """Name of a data folder's master key; empty where it has none. Raises StoreFault, StoreCorrupt."""
    path = root / _NAME
    try:
        stated = json.loads(path.read_bytes())
        master = str(stated["master"])
        if stated["sha256"] != _checksum(master):
            raise ValueError("its checksum is another")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise kind_of(error)(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StoreCorrupt(
            f"{path} is damaged: delete it; it is written anew for the master key that you give"
        ) from error
    return master


def record_master(root: Path, master: str) -> None:
    """Record the name of a data folder's master key. Raises StoreFault."""
    content = json.dumps({"master": master, "sha256": _checksum(master)})
    write_whole(root / _NAME, content.encode())


def _checksum(master: str) -> str:
    return hashlib.sha256(f"likewise master {master}".encode()).hexdigest()
