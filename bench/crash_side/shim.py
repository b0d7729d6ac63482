"""The shim by which faults are injected (``faults.c``): compiled where there is a compiler, and steered.

It is steered by a control block, a small file that is mapped by the tests and by every process that has the
shim loaded (LD_PRELOAD) and attached to it.
"""

import ctypes
import mmap
import os
import shutil
import subprocess
from enum import IntFlag
from pathlib import Path
from typing import Final, Self

_SOURCE: Final = Path(__file__).with_name("faults.c")
CONTROL_VARIABLE: Final = "FAULTS_CONTROL"
"""Names the control block to processes that are started, as other programs, by those that have the shim."""


class NoCompiler(Exception):
    """There is no C compiler, so no faults can be injected."""


class Op(IntFlag):
    """Calls that change, or read, files."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 4
    SYNC = 8
    RENAME = 16
    UNLINK = 32
    MKDIR = 64
    RMDIR = 128
    READ = 256


CHANGES: Final = Op(255)
"""All but READ."""


class Block(ctypes.Structure):
    """The control block; ``struct control`` in ``faults.c``.

    Attributes:
        lock: held by whoever changes a file, where there is a log.
        is_logging: whether changes are logged, for power cuts.
        is_torn: whether the write that is died in is half done first.
        drops_syncs: whether fsync makes nothing durable, and says it did.
        seen: changes so far.
        matched: those of ``kill_ops`` at a path with ``match`` in it.
        kill_at: the one of these at which all die; 0 for none.
        logged: records so far.
        kill_ops, fail_ops: of :class:`Op`.
        fail_errno: with which ``fail_ops`` at a path with ``match`` in it fail.
        is_short: whether writes that were to fail write half instead.
        clock_shift_s: added to the time of day.
        sync_delay_us: how long fsync takes, where there is a log.
        group: the process group that dies.
        is_killed, killed_op, killed_path: where it died.
        root: of the files that count.
        match: see above; empty for all.
        log: path of the log.
        grave: folder for files whose last name was removed.
    """

    _fields_ = (
        ("lock", ctypes.c_uint32),
        ("is_logging", ctypes.c_uint32),
        ("is_torn", ctypes.c_uint32),
        ("drops_syncs", ctypes.c_uint32),
        ("seen", ctypes.c_uint64),
        ("matched", ctypes.c_uint64),
        ("kill_at", ctypes.c_uint64),
        ("logged", ctypes.c_uint64),
        ("kill_ops", ctypes.c_uint32),
        ("fail_ops", ctypes.c_uint32),
        ("fail_errno", ctypes.c_uint32),
        ("is_short", ctypes.c_uint32),
        ("clock_shift_s", ctypes.c_int64),
        ("sync_delay_us", ctypes.c_uint32),
        ("group", ctypes.c_int32),
        ("is_killed", ctypes.c_int32),
        ("killed_op", ctypes.c_uint32),
        ("root", ctypes.c_char * 512),
        ("match", ctypes.c_char * 128),
        ("log", ctypes.c_char * 512),
        ("grave", ctypes.c_char * 512),
        ("killed_path", ctypes.c_char * 512),
    )


class Control:
    """A control block in a file of its own. ``block`` may be read and set at any time."""

    def __init__(self, path: Path, root: Path) -> None:
        """Make one that injects nothing yet.

        Args:
            path: of the file, which is made.
            root: the files below it count.
        """
        self.path = path
        with path.open("wb") as file:
            file.truncate(ctypes.sizeof(Block))
        descriptor = os.open(path, os.O_RDWR)
        try:
            self._mapped = mmap.mmap(descriptor, ctypes.sizeof(Block))
        finally:
            os.close(descriptor)
        self.block = Block.from_buffer(self._mapped)
        self.block.root = os.fsencode(root.resolve())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it; processes that are attached keep it."""
        del self.block
        self._mapped.close()

    def fail(self, errno: int, ops: Op = CHANGES, match: str = "", *, is_short: bool = False) -> None:
        """Let calls fail from now on."""
        self.block.match, self.block.fail_errno, self.block.is_short = match.encode(), errno, is_short
        self.block.fail_ops = ops

    def mend(self) -> None:
        """Let calls work again."""
        self.block.fail_ops = 0


class Shim:
    """The shim, compiled."""

    def __init__(self, folder: Path) -> None:
        """Compile it into a folder. Raises NoCompiler."""
        compiler = shutil.which(os.environ.get("CC", "cc"))
        if compiler is None:
            raise NoCompiler("there is no C compiler (cc), by which the fault shim is made")
        self.path = folder / "faults.so"
        command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(self.path), str(_SOURCE), "-ldl"]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise NoCompiler(f"the C compiler does not make the fault shim here: {made.stderr.strip()}")
        self._library = ctypes.CDLL(str(self.path))

    @property
    def environment(self) -> dict[str, str]:
        """With this a program has the shim loaded; it does nothing before it is attached."""
        return {**os.environ, "LD_PRELOAD": str(self.path)}

    def kill(self, block: Block) -> None:
        """Kill the block's process group, when nobody is halfway between a change and its record."""
        self._library.faults_kill(ctypes.byref(block))


def attach(path: Path) -> None:
    """Attach this process, which has the shim loaded, to a control block; and all that it will start.

    Raises:
        OSError: that is not possible.
    """
    if ctypes.CDLL(None).faults_attach(os.fsencode(path)):
        raise OSError(f"cannot attach to {path}")
    os.environ[CONTROL_VARIABLE] = str(path)
