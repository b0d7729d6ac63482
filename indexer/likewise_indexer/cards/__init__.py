"""Cards of models and data sets (Mitchell et al. 2019; Gebru et al. 2021), generated from what was measured.

    measurements + what only people can say -> card.json, the record -> a template -> CARD.md

    record.py     what a record holds; read, checked and written
    making.py     what a training took: time, processor, energy, by which assumptions
    slices.py     a backtest's figures by language, size of the tenant and rarity of the category
    markdown.py   the card as Markdown
    shelf.py      which models there are

A card is what the generator makes of its record, and says nothing that the record does not: a test holds each
shipped card against it, and the fingerprints in it against the files.
"""

from likewise_indexer.cards.making import Assumptions, Meter
from likewise_indexer.cards.markdown import markdown_of
from likewise_indexer.cards.record import (
    RECORD_FILE,
    CardKind,
    CardRecord,
    FileRecord,
    Making,
    Section,
    Slice,
    Table,
    files_of,
    read_record,
    write_card,
)

__all__ = [
    "RECORD_FILE",
    "Assumptions",
    "CardKind",
    "CardRecord",
    "FileRecord",
    "Making",
    "Meter",
    "Section",
    "Slice",
    "Table",
    "files_of",
    "markdown_of",
    "read_record",
    "write_card",
]
