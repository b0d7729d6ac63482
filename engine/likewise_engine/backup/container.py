"""What holds a backup: a folder, or one tar file of the same files, gzipped where its name says so.

A tar file has the manifest first and then the files in its order, so it is read once from front to end, and
each member is one that the manifest names, of the size that it says, before a byte of it is read. Nothing is
ever unpacked to where a member's name leads. tarfile reads extended headers into memory whole, of whatever
size they claim to be: ``_Sparing`` refuses that.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Protocol, cast

from likewise_engine import limits
from likewise_engine.backup.manifest import MANIFEST_NAME, BackedUpFile, Manifest
from likewise_engine.durable import READ_BYTES
from likewise_engine.errors import BackupRefused, InvalidInput

TAR_MODES: Final = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz"}
_NO_TAR: Final = (".zst", ".bz2", ".xz", ".zip", ".7z", ".gz")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_DAMAGES: Final = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError)


class Backup(Protocol):
    """A backup that is read, in the order of its manifest."""

    @property
    def manifest(self) -> Manifest:
        """What it says that it holds."""

    def copy(self, file: BackedUpFile, target: IO[bytes] | None) -> None:
        """Read a file, and write it to the target if there is one.

        Raises:
            BackupRefused: it is not what the manifest says. What was written of it is worth nothing.
            OSError: the target could not be written.
        """


def tar_mode(path: Path) -> str | None:
    """How tarfile is to write a backup of this name; None where it becomes a folder.

    Raises:
        InvalidInput: the name promises another format.
    """
    for suffix, mode in TAR_MODES.items():
        if path.name.endswith(suffix):
            return mode
    if path.suffix in _NO_TAR:
        raise InvalidInput.of("out", f"{path.name}: give a folder, or a file that ends in .tar or .tar.gz")
    return None


def pack(folder: Path, manifest: Manifest, target: Path, mode: str) -> None:
    """Write the files of a backup's folder to a tar file. Raises OSError."""
    names = [MANIFEST_NAME, *(file.path for told in manifest.tenants for file in told.files)]
    # tarfile's own default, 9, takes thrice as long for a hundredth less.
    options: dict[str, Any] = {"compresslevel": 6} if mode.endswith("gz") else {}
    with (
        target.open("xb") as file,
        tarfile.open(fileobj=file, mode=cast("Any", mode), format=tarfile.GNU_FORMAT, **options) as tar,
    ):
        target.chmod(0o600)
        for name in names:
            path = folder / name
            member = tarfile.TarInfo(name)
            member.size, member.mode = path.stat().st_size, 0o600
            member.mtime = int(manifest.made.timestamp())
            with path.open("rb") as content:
                tar.addfile(member, content)


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup: a folder or a tar file, whatever it is called.

    Raises:
        BackupRefused: it is none, or its manifest is damaged or of a later format.
    """
    if path.is_dir():
        yield _FolderBackup(path)
    elif path.is_file():
        with path.open("rb") as raw:
            is_gzip = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            raw.seek(0)
            plain = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
            with closing(_TarBackup(path, plain)) as backup:
                yield backup
    else:
        raise BackupRefused(f"there is no backup at {path}")


class _FolderBackup:
    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        try:
            with self._open(MANIFEST_NAME) as file:
                content = file.read(limits.BACKUP_MANIFEST_BYTES_MAX)
        except OSError as error:
            raise BackupRefused(f"{root} is no backup, or an unfinished one: no {MANIFEST_NAME}") from error
        self.manifest = Manifest.decoded(content)

    def copy(self, file: BackedUpFile, target: IO[bytes] | None) -> None:
        try:
            source = self._open(file.path)
        except OSError as error:
            raise BackupRefused(f"{file.path} of the backup cannot be read: {error.strerror}") from error
        with source:
            _copy_verified(file, source, target)

    def _open(self, name: str) -> BinaryIO:
        path = self._root / name
        if path.resolve() != path:
            raise BackupRefused(f"{name} of the backup is a link to elsewhere")
        return path.open("rb")


class _TarBackup:
    def __init__(self, path: Path, plain: BinaryIO) -> None:
        """Read the manifest. Raises BackupRefused."""
        self._path = path
        with self._damages(path.name):
            self._tar = tarfile.TarFile(fileobj=cast("BinaryIO", _Sparing(plain)))
        with self._damages(MANIFEST_NAME):
            member = self._tar.next()
            if member is None or member.name != MANIFEST_NAME or not _is_plain(member):
                raise BackupRefused(f"{path} is no backup: it does not begin with {MANIFEST_NAME}")
            if member.size > limits.BACKUP_MANIFEST_BYTES_MAX:
                raise BackupRefused(f"{MANIFEST_NAME} of {path} claims to have {member.size} bytes")
            content = io.BytesIO()
            with self._content(member) as source:
                while chunk := source.read(READ_BYTES):
                    content.write(chunk)
        self.manifest = Manifest.decoded(content.getvalue())
        self._sizes = {file.path: file.size_bytes for told in self.manifest.tenants for file in told.files}

    def copy(self, file: BackedUpFile, target: IO[bytes] | None) -> None:
        with self._damages(file.path):
            while member := self._tar.next():
                # Those that nobody asked for are passed over; of any other there is no telling.
                if self._sizes.get(member.name) != member.size or not _is_plain(member):
                    raise BackupRefused(
                        f"{self._path} holds {member.name!r}, of which its manifest knows nothing"
                    )
                if member.name == file.path:
                    with self._content(member) as source:
                        _copy_verified(file, source, target)
                    return
        raise BackupRefused(f"{self._path} was cut short: {file.path} is missing")

    def close(self) -> None:
        self._tar.close()

    def _content(self, member: tarfile.TarInfo) -> IO[bytes]:
        content = self._tar.extractfile(member)
        if content is None:
            raise BackupRefused(f"{member.name} of {self._path} has no content")
        return content

    @contextmanager
    def _damages(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGES as error:
            raise BackupRefused(f"{self._path} is damaged, or cut short, at {name}: {error}") from error


class _Sparing(io.RawIOBase):
    """A file of which no more is read at once than we ever ask for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= READ_BYTES:
            raise tarfile.ReadError(f"a header claims to have {size} bytes")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)


def _copy_verified(file: BackedUpFile, source: IO[bytes], target: IO[bytes] | None) -> None:
    digest, size_bytes = hashlib.sha256(), 0
    while chunk := source.read(READ_BYTES):
        size_bytes += len(chunk)
        if size_bytes > file.size_bytes:
            break
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
    if size_bytes != file.size_bytes:
        raise BackupRefused(f"{file.path} of the backup is damaged: it has not {file.size_bytes} bytes")
    if digest.hexdigest() != file.sha256:
        raise BackupRefused(f"{file.path} of the backup is damaged: its checksum does not fit")
