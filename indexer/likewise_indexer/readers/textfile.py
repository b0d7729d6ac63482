"""Text files line by line: compression, encoding, and a bound on what one line may take.

Whether a file is UTF-8 is found out by decoding all of it, which takes a second a gigabyte and is exact; a
sample is how a single é in the last line comes out wrong. What is not UTF-8 is Windows-1252 (which Latin-1
is a part of) where that is plausible, and otherwise the user is asked: a wrong guess between code pages
would be silent.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from likewise_engine import limits
from likewise_indexer.readers.errors import UnreadableFile

_BLOCK_BYTES: Final = 256 * 1024
_ZEROS_ONE_IN: Final = 20
_GZIP_MAGIC: Final = b"\x1f\x8b"
_BYTE_ORDER_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its first half
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
_UNDEFINED_IN_CP1252: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_HIGH_RUNS: Final = re.compile(rb"[\x80-\xff]{3,}")
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_WHAT_TO_GIVE: Final = "give --encoding, such as cp1250, cp1251, cp1253, mac_roman or shift_jis"


def detect_encoding(path: Path) -> str:
    """Name the encoding of a text file, as Python calls it.

    Raises:
        UnreadableFile: the file cannot be read, or it is in an encoding that must be said.
    """
    with _translated(path), _opened(path) as (stream, _):
        head = stream.read(4_096)
        for mark, encoding in _BYTE_ORDER_MARKS:
            if head.startswith(mark):
                return encoding
        # A stray NUL spoils its own row; text of two bytes a character is full of them.
        if _ZEROS_ONE_IN * head.count(0) > len(head):
            return _utf16_by_zeros(path, head)
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        valid = invalid = high = high_in_runs = 0
        undefined = False
        block = head
        while block:
            text = decoder.decode(block)
            if not text.isascii():
                escaped = len(_ESCAPED.findall(text))
                invalid += escaped
                valid += len(_NOT_ASCII.findall(text)) - escaped
                high += len(_HIGH.findall(block))
                high_in_runs += sum(map(len, _HIGH_RUNS.findall(block)))
                undefined = undefined or _UNDEFINED_IN_CP1252.search(block) is not None
            block = stream.read(_BLOCK_BYTES)
        invalid += len(decoder.decode(b"", final=True))
    # A few bad bytes in a file that is UTF-8 all over: the rows that hold them are rejected, later.
    if valid >= invalid:
        return "utf-8"
    if undefined:
        raise UnreadableFile(path, f"is neither UTF-8 nor Windows-1252: {_WHAT_TO_GIVE}")
    # Western words hold single letters beyond ASCII; whole words of them are another script.
    if 2 * high_in_runs > high:
        raise UnreadableFile(path, f"is not UTF-8 and its script is not Latin: {_WHAT_TO_GIVE}")
    return "cp1252"


def _utf16_by_zeros(path: Path, head: bytes) -> str:
    """UTF-16 without a mark: every second byte of its ASCII characters is zero."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 4 * even:
        return "utf-16-le"
    if even > 4 * odd:
        return "utf-16-be"
    raise UnreadableFile(path, "holds zero bytes: it is no text file")


class TextLines:
    """An open text file, read line by line.

    Attributes:
        chars_read: how many characters were read so far.
    """

    def __init__(self, path: Path, text: io.TextIOWrapper, raw: io.BufferedReader) -> None:
        self._path = path
        self._text = text
        self._raw = raw
        self.chars_read = 0

    @property
    def bytes_read(self) -> int:
        """How much of the file was read, compressed bytes where it is compressed."""
        return self._raw.tell()

    def __iter__(self) -> Iterator[str]:
        """Yield the lines, each with its line end, whichever it is.

        Raises:
            UnreadableFile: the file is damaged, or a line is too long to be one.
        """
        chars_max = limits.FILE_LINE_CHARS_MAX
        readline = self._text.readline
        number = 0
        while line := readline(chars_max):
            number += 1
            self.chars_read += len(line)
            if len(line) == chars_max and line[-1] not in "\r\n":
                why = f"line {number} is longer than {chars_max:,} characters: it is no table"
                raise UnreadableFile(self._path, why)
            yield line


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextLines]:
    """Open a text file, compressed by gzip or not.

    Bytes that the encoding does not have come as lone surrogates (PEP 383), so that they spoil their own
    row and no other.

    Raises:
        UnreadableFile: the file cannot be opened; or, within the block, cannot be read on.
    """
    with _translated(path), _opened(path) as (stream, raw):
        try:
            text = io.TextIOWrapper(stream, encoding, "surrogateescape", newline="")
        except LookupError as error:
            raise UnreadableFile(path, f"{encoding!r} is not a text encoding: {_WHAT_TO_GIVE}") from error
        yield TextLines(path, text, raw)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[io.BufferedReader | gzip.GzipFile, io.BufferedReader]]:
    """The file's bytes, decompressed, and the file itself."""
    with path.open("rb") as raw:
        if raw.peek(2).startswith(_GZIP_MAGIC):
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream, raw
        else:
            yield raw, raw


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(path, f"is a damaged gzip file: {error}") from error
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            path, f"is not {error.encoding}: {error.reason} at byte {error.start}"
        ) from error
