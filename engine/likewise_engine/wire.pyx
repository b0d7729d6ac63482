"""Protobuf's wire format, as far as an ONNX model needs it; compiled, since a vote has 160,000 numbers.

See protobuf.dev/programming-guides/encoding.
"""

from libc.stdint cimport uint64_t

cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5
    VARINT_BITS_MAX = 64


def message(bytes content not None):
    """The values of each field, by its number: bytes, or an int where it is a number.

    Raises ValueError: it is no message.
    """
    cdef const unsigned char* bytes_ = content
    cdef Py_ssize_t position = 0, size = len(content), end
    cdef uint64_t key, number
    fields = {}
    while position < size:
        key = varint(bytes_, size, &position)
        if key & 7 == VARINT:
            value = varint(bytes_, size, &position)
        elif key & 7 in (BYTES, FIXED64, FIXED32):
            if key & 7 == BYTES:
                number = varint(bytes_, size, &position)
            else:
                number = 8 if key & 7 == FIXED64 else 4
            if number > <uint64_t>(size - position):
                raise ValueError("it ends within a field")
            end = position + <Py_ssize_t>number
            value = content[position:end]
            position = end
        else:
            raise ValueError("it is no protobuf message")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def only(message, int number):
    """The value of a field that is there once. Raises ValueError: it is not."""
    found = message.get(number, ())
    if len(found) != 1:
        raise ValueError(f"it has field {number} {len(found)} times")
    return found[0]


def varints(bytes packed not None):
    """Numbers that stand one after another. Raises ValueError: it ends within one."""
    cdef const unsigned char* bytes_ = packed
    cdef Py_ssize_t position = 0, size = len(packed)
    numbers = []
    while position < size:
        numbers.append(varint(bytes_, size, &position))
    return numbers


cdef uint64_t varint(const unsigned char* content, Py_ssize_t size, Py_ssize_t* position) except? 0:
    """A number; ``position`` is moved to where it ends."""
    cdef uint64_t value = 0, byte
    cdef int shift = 0
    while position[0] < size and shift < VARINT_BITS_MAX:
        byte = content[position[0]]
        value |= (byte & 0x7F) << shift
        position[0] += 1
        shift += 7
        if byte < 0x80:
            return value
    raise ValueError("it ends within a number")
