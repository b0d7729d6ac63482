"""A power cut: of what was written to files and folders and not yet made durable, some is undone.

The model is that of ALICE (Pillai et al. 2014, "All file systems are not created equal") and CrashMonkey
(Mohan et al. 2018): fsync of a file makes its content and size durable, fsync of a folder the names in it.
Until then each sector of a file may be of any age since, a file's size too, and of the changes to the names
in a folder the latest may be missing, however many. What was renamed is under one name or the other.

The shim has logged each change with what was there before it, see ``faults.c``.
"""

import ctypes
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from crash_side.shim import Op

_SECTOR_BYTES: Final = (512, 4096)
"""Of one or the other kind of disk."""


class _Head(ctypes.Structure):
    """``struct record`` in ``faults.c``."""

    _fields_ = (
        ("op", ctypes.c_uint32),
        ("first_bytes", ctypes.c_uint32),
        ("second_bytes", ctypes.c_uint32),
        ("is_folder", ctypes.c_uint32),
        ("seq", ctypes.c_uint64),
        ("inode", ctypes.c_uint64),
        ("folder", ctypes.c_uint64),
        ("second_folder", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("size_before", ctypes.c_uint64),
        ("length", ctypes.c_uint64),
        ("until", ctypes.c_uint64),
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One change of a file or a folder.

    Attributes:
        op: what it was.
        seq: its number.
        inode: of the file or folder.
        folders: inodes of those whose names it changed.
        names: the name in each.
        offset: where content changed.
        until: where that ends; of SYNC the number of the last record that it covers.
        size_before: of the file.
        before: what was there.
        is_folder: whether that is what was renamed.
    """

    op: Op
    seq: int
    inode: int
    folders: tuple[int, ...]
    names: tuple[str, ...]
    offset: int
    until: int
    size_before: int
    before: bytes
    is_folder: bool


def records_of(log: bytes) -> Iterator[Record]:
    """The records of a log; one that was cut short is none, for nothing had happened yet."""
    start, head_bytes = 0, ctypes.sizeof(_Head)
    while start + head_bytes <= len(log):
        head = _Head.from_buffer_copy(log, start)
        ends = [start + head_bytes]
        for part_bytes in (head.first_bytes, head.second_bytes, head.length):
            ends.append(ends[-1] + part_bytes)
        start = ends[-1]
        if start > len(log):
            return
        first, second, before = (log[a:b] for a, b in pairwise(ends))
        yield Record(
            op=Op(head.op),
            seq=head.seq,
            inode=head.inode,
            folders=tuple(filter(None, (head.folder, head.second_folder))),
            names=tuple(os.fsdecode(name) for name in (first, second) if name),
            offset=head.offset,
            until=head.until,
            size_before=head.size_before,
            before=before,
            is_folder=bool(head.is_folder),
        )


def cut_power(root: Path, log: Path, grave: Path, random: Random) -> int:
    """Undo some of what is not durable below a folder. All its processes are dead by now.

    Args:
        root: the folder.
        log: of the changes since it was last durable as a whole; emptied.
        grave: where the shim keeps files whose last name is gone; emptied.
        random: decides.

    Returns:
        How many changes were not durable.
    """
    records = list(records_of(log.read_bytes())) if log.exists() else []
    synced: dict[int, int] = defaultdict(int)
    for record in records:
        if record.op is Op.SYNC:
            synced[record.inode] = max(synced[record.inode], record.until)
    # Before names are undone: a file's inode may be another's once it is gone.
    paths = _paths(root) | _paths(grave)
    changed = defaultdict(list)
    for record in records:
        if record.op in (Op.WRITE, Op.TRUNCATE) and record.seq > synced[record.inode]:
            changed[record.inode].append(record)
    for inode, changes in changed.items():
        if inode in paths and paths[inode].is_file():
            _undo_content(paths[inode], changes, random)
    at_risk = sum(map(len, changed.values())) + _undo_names(root, grave, records, synced, random)
    for index in root.rglob("*-shm"):
        index.unlink()
    log.unlink(missing_ok=True)
    shutil.rmtree(grave)
    grave.mkdir()
    return at_risk


def _paths(folder: Path) -> dict[int, Path]:
    """What lies below a folder, and it itself, by inode."""
    return {path.lstat().st_ino: path for path in (folder, *folder.rglob("*"))}


def _undo_names(
    root: Path, grave: Path, records: Sequence[Record], synced: dict[int, int], random: Random
) -> int:
    """Undo changes of names from the latest on, in each folder as far as chance has it."""
    kept: set[int] = set()
    at_risk = 0
    share_undone = random.choice((0.0, 0.5, 0.9, 1.0))
    for record in reversed(records):
        if not record.folders:
            continue
        is_durable = any(synced[folder] >= record.seq for folder in record.folders)
        at_risk += not is_durable
        if is_durable or kept.intersection(record.folders) or random.random() >= share_undone:
            kept.update(record.folders)
        else:
            _undo_name(_paths(root), grave / str(record.seq), record)
    return at_risk


def _undo_name(paths: dict[int, Path], buried: Path, record: Record) -> None:
    """Undo one change of a name; nothing where the folder is gone with it."""
    if any(folder not in paths for folder in record.folders):
        return
    places = [
        paths[folder] / name for folder, name in zip(_folders_by_name(record), record.names, strict=True)
    ]
    if record.op is Op.CREATE:
        if paths.get(record.inode) == places[0]:
            places[0].unlink()
    elif record.op is Op.MKDIR:
        shutil.rmtree(places[0], ignore_errors=True)
    elif record.op is Op.RMDIR:
        buried.rename(places[0])
    elif record.op is Op.UNLINK:
        if buried.exists() and not places[0].exists():
            os.link(buried, places[0])
    elif record.op is Op.RENAME:
        old, new = places
        if paths.get(record.inode) == new and not old.exists():
            new.rename(old)
            if buried.exists():
                os.link(buried, new)


def _folders_by_name(record: Record) -> tuple[int, ...]:
    """Of each name the inode of its folder; a rename within one folder names it twice."""
    return (record.folders * len(record.names))[: len(record.names)]


def _undo_content(path: Path, changes: Sequence[Record], random: Random) -> None:
    """Leave each sector of a file, and its size, at any age since it was last durable."""
    how = random.choice(("all", "none", "some", "some"))
    if how == "none":
        return
    sector_bytes = random.choice(_SECTOR_BYTES)
    size_kept = 0 if how == "all" else random.randint(0, len(changes))
    sizes = _sizes(changes, path.stat().st_size)
    touching: dict[int, list[int]] = defaultdict(list)
    for number, change in enumerate(changes):
        if change.op is Op.WRITE:
            for sector in range(change.offset // sector_bytes, -(-change.until // sector_bytes)):
                touching[sector].append(number)
    lost_from = {
        sector: numbers[0] if how == "all" else random.choice((*numbers, len(changes)))
        for sector, numbers in touching.items()
    }
    with path.open("r+b") as file:
        for number in reversed(range(len(changes))):
            change = changes[number]
            if change.op is Op.TRUNCATE:
                if number >= size_kept:
                    file.seek(change.offset)
                    file.write(change.before)
                continue
            for sector in range(change.offset // sector_bytes, -(-change.until // sector_bytes)):
                if number >= lost_from[sector]:
                    start = max(change.offset, sector * sector_bytes)
                    end = min(change.until, (sector + 1) * sector_bytes)
                    before = change.before[start - change.offset : end - change.offset]
                    file.seek(start)
                    file.write(before.ljust(end - start, b"\0"))
        file.truncate(sizes[size_kept])


def _sizes(changes: Sequence[Record], size_now: int) -> list[int]:
    """The file's size before each change, and at last."""
    return [*(change.size_before for change in changes), size_now]
