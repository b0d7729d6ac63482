"""The heads of all dimensions of a tenant, and their cache file.

A head is a cache, as the graph is: trained aside from a view and swapped in whole, thrown away when anything
about it is in doubt, and when what it learned from is forgotten.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from likewise_engine import cache_file
from likewise_engine.head.linear import Head
from likewise_engine.keys import TenantKey

_FORMAT: Final = "heads-5"
_DIMENSIONS: Final = "dimensions"
_ARRAYS: Final = ("categories", "starts", "places", "levels")
_GROWTH_SHARE: Final = 10


@dataclass(frozen=True, slots=True)
class Heads:
    """Immutable.

    Attributes:
        of_dimension: the heads that there are, by dimension.
        labels: live entries of the tenant when they were trained.
        revision: of the tenant, likewise.
    """

    of_dimension: Mapping[str, Head] = field(default_factory=dict)
    labels: int = 0
    revision: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of main memory."""
        return sum(head.nbytes for head in self.of_dimension.values())

    def is_due(self, labels: int) -> bool:
        """Whether a tenant with so many live entries should have new ones."""
        return labels > self.labels + self.labels // _GROWTH_SHARE or labels < self.labels / 2

    def save(self, path: Path, key: TenantKey, identity: str) -> None:
        """Cache the heads in a file.

        Args:
            path: of the cache file.
            key: of the tenant.
            identity: of what hashes texts; :meth:`load` wants the same.

        Raises:
            StoreFault: it could not be written whole. Nothing is left behind then.
        """

        def pack() -> bytes:
            content = BytesIO()
            self.write(content)
            return content.getvalue()

        cache_file.save(path, key, self.stated(identity), pack)

    def stated(self, identity: str) -> dict[str, Any]:
        """What :meth:`read` has to know besides the content, as JSON values by name."""
        return {
            "format": _FORMAT,
            "identity": identity,
            "labels": self.labels,
            "revision": self.revision,
        }

    def write(self, file: BinaryIO) -> None:
        """Write the content."""
        names = json.dumps(list(self.of_dimension)).encode()
        arrays: dict[str, Any] = {_DIMENSIONS: np.frombuffer(names, dtype=np.uint8)}
        for position, head in enumerate(self.of_dimension.values()):
            arrays |= {f"{name}_{position}": getattr(head, name) for name in _ARRAYS}
        np.savez(file, **arrays)

    @classmethod
    def load(
        cls, path: Path, key: TenantKey, identity: str, categories: int, revision: int
    ) -> "Heads | None":
        """Read a cache file that is beyond doubt.

        Args:
            path: of the cache file.
            key: of the tenant.
            identity: as it was saved with.
            categories: how many the tenant has.
            revision: of the tenant. Heads of a later one are of a store that was replaced by an older copy.

        Returns:
            The heads; None where there are none or anything about them is in doubt: then the file is deleted.
        """

        def is_wanted(stated: Mapping[str, Any]) -> bool:
            return bool(
                stated["format"] == _FORMAT
                and stated["identity"] == identity
                and stated["revision"] <= revision
            )

        def read(content: bytearray, stated: Mapping[str, Any]) -> Heads:
            return cls.read(BytesIO(content), stated, categories)

        return cache_file.load(path, key, is_wanted, read)

    @classmethod
    def read(cls, file: BinaryIO, stated: Mapping[str, Any], categories: int) -> "Heads":
        """Read what :meth:`write` has written. Raises ValueError, KeyError where it is something else."""
        try:
            with np.load(file) as arrays:
                heads = {
                    dimension: Head(*(arrays[f"{name}_{position}"] for name in _ARRAYS))
                    for position, dimension in enumerate(json.loads(arrays[_DIMENSIONS].tobytes()))
                }
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            NotImplementedError,  # zipfile: a damaged header that names a compression that it does not know
            RuntimeError,  # … or says that the content is encrypted
            OSError,
        ) as error:
            raise ValueError(f"it is no archive of arrays: {error}") from error
        for head in heads.values():
            head.check()
        if any(head.categories.max() >= categories for head in heads.values()):
            raise ValueError("it knows categories that the tenant does not have")
        return cls(heads, int(stated["labels"]), int(stated["revision"]))
