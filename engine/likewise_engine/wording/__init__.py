"""Wording understood: bank and card strings taken to pieces."""

from likewise_engine.wording.naming import naming
from likewise_engine.wording.parse import parse
from likewise_engine.wording.parsed import Channel, ParsedWording, Part, Piece

__all__ = ["Channel", "ParsedWording", "Part", "Piece", "naming", "parse"]
