"""All that is known about a tenant, as one file that any program can read and any Likewise can take in again.

archive.py    the zip file: its members, their checksums, and what is refused
records.py    what stands in them: engine values as JSON, one record a line
"""

from likewise_indexer.portable.archive import archived, read_archive

__all__ = ["archived", "read_archive"]
