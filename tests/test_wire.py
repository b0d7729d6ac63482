"""Protobuf's wire format, read by us, against protobuf's own writer; and what is no message."""

import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import wire

EXTENSION_START, EXTENSION_END = 1, 2
MESSAGE_EXTENSION_RANGE, MESSAGE_NAME = 5, 1


@given(st.text(), st.lists(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))))
def test_what_protobuf_writes_is_read(name: str, ranges: list[tuple[int, int]]) -> None:
    written = descriptor_pb2.DescriptorProto(name=name)
    for start, end in ranges:
        written.extension_range.add(start=start, end=end)
    read = wire.message(written.SerializeToString())
    assert read[MESSAGE_NAME] == [name.encode()]
    inner = [wire.message(each) for each in read.get(MESSAGE_EXTENSION_RANGE, []) if isinstance(each, bytes)]
    assert [(each[EXTENSION_START], each[EXTENSION_END]) for each in inner] == [
        ([start], [end]) for start, end in ranges
    ]


@given(st.lists(st.integers(0, 2**31 - 1)))
def test_packed_numbers_are_read(numbers: list[int]) -> None:
    # The path of a SourceCodeInfo's location is packed: field 1 of field 1.
    written = descriptor_pb2.SourceCodeInfo()
    written.location.add(path=numbers)
    (location,) = wire.message(written.SerializeToString())[1]
    assert isinstance(location, bytes)
    (packed,) = wire.message(location).get(1, [b""])
    assert isinstance(packed, bytes)
    assert wire.varints(packed) == numbers


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x08", "within a number"),
        (b"\x08\xff", "within a number"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "within a number"),
        (b"\x0a\x05abc", "within a field"),
        (b"\x0a" + b"\xff" * 9 + b"\x01abc", "within a field"),
        (b"\x0d\x00", "within a field"),
        (b"\x0b", "no protobuf message"),
    ],
)
def test_what_is_no_message_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        wire.message(content)


@given(st.binary(max_size=64))
def test_whatever_is_read_it_ends(content: bytes) -> None:
    try:
        fields = wire.message(content)
    except ValueError:
        return
    assert all(isinstance(value, bytes | int) for values in fields.values() for value in values)
