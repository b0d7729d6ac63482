"""Files that are read anew when they change, by one thread that looks at them twice a second and more.

Looking is a stat(2) of what the path leads to, so a symbolic link that is turned (as Kubernetes does with
secrets) is a change. inotify would be told at once, but not on all file systems.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

LOOKED_EVERY_S: Final = 0.25
"""What was revoked is refused within a second, and a thread that wakes four times a second costs nothing."""

_Signature = tuple[tuple[int, ...] | None, ...]

_log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class _Watched:
    paths: Sequence[Path]
    read: Callable[[], None]
    signature: _Signature


class Watch:
    """Has files read anew when they have changed, until it is closed."""

    def __init__(self) -> None:
        self._watched: list[_Watched] = []
        self._routines: list[Callable[[], None]] = []
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, paths: Sequence[Path], read: Callable[[], None]) -> None:
        """Have files that belong together read: now, and whenever one of them has changed.

        Args:
            paths: of files that may be there or not.
            read: reads them. What it raises now is raised here; later on it is logged.
        """
        watched = _Watched(paths, read, _signature(paths))
        read()
        self._watched.append(watched)

    def add_routine(self, do: Callable[[], None]) -> None:
        """Have something done each time that files were looked at. What it raises is logged."""
        self._routines.append(do)

    def start(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._look, name="likewise-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._closed.wait(LOOKED_EVERY_S):
            for watched in self._watched:
                signature = _signature(watched.paths)
                if signature != watched.signature:
                    watched.signature = signature
                    _try(watched.read, "a changed file was not taken over")
            for routine in self._routines:
                _try(routine, "a routine failed")


def _try(do: Callable[[], None], otherwise: str) -> None:
    try:
        do()
    except Exception as error:  # noqa: BLE001 - it is logged; whatever else is watched is watched still
        _log.error(otherwise, exc_info=error)


def _signature(paths: Sequence[Path]) -> _Signature:
    """Of what the files are: which ones, how large, and when last changed."""
    return tuple(map(_looked_at, paths))


def _looked_at(path: Path) -> tuple[int, ...] | None:
    """None of a file that is not there; one that cannot be looked at is another thing, and read to say so."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        return (error.errno or 0,)
    # Not when its content was last written: a file that is given to another owner can be read, or no longer.
    return status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns
