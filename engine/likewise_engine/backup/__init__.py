"""Backups of a data folder: made beside a running server, verified, restored.

manifest.py    what a backup says that it holds
keys_file.py   the keys that lie beside it
container.py   a folder, or one tar file, that holds it
making.py      from a data folder
restoring.py   into one
"""

from likewise_engine.backup.container import open_backup
from likewise_engine.backup.making import MadeBackup, back_up
from likewise_engine.backup.manifest import BackedUpFile, BackedUpTenant, Manifest
from likewise_engine.backup.restoring import Restored, restore, verify

__all__ = [
    "BackedUpFile",
    "BackedUpTenant",
    "MadeBackup",
    "Manifest",
    "Restored",
    "back_up",
    "open_backup",
    "restore",
    "verify",
]
