"""What can be wrong with a file as a whole. What is wrong with one row is a :class:`RejectedRow`."""

from pathlib import Path

from likewise_engine.errors import LikewiseError


class UnreadableFile(LikewiseError):
    """A file is missing, damaged, or of a kind that is not read here."""

    reason = "UNREADABLE_FILE"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}", path=str(path))


class ColumnsUnclear(LikewiseError):
    """The columns of a file cannot be told apart, or one that is needed is missing."""

    reason = "COLUMNS_UNCLEAR"
