"""Hashes n-grams; compiled, since numpy takes longer to be called than they take. The encoder and heads share it.

The hash is multilinear: the upper bits of the sum of each code point times the multiplier of its place,
modulo 2**32 (Lemire & Kaser 2014).
"""

from libc.stdint cimport int32_t, uint32_t
from libcpp.vector cimport vector

import numpy as np

LENGTH_MAX = 6
"""Code points of the longest n-gram: there is a multiplier for each place."""

# Odd, of well-mixed bits: constants of xxHash and MurmurHash3.
cdef uint32_t[6] MULTIPLIERS = [0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0xCC9E2D51]


def ids_of(texts not None, int length_max, int buckets_log2):
    """Hash the n-grams of texts; :meth:`likewise_engine.encoder.ngrams.NgramHash.ids` says how."""
    cdef vector[uint32_t] hashed
    cdef vector[Py_ssize_t] ends
    cdef Py_ssize_t position = 0, row, column, width = 0
    cdef str text
    for text in texts:
        add_ngrams(hashed, text, length_max, buckets_log2)
        ends.push_back(hashed.size())
        width = max(width, ends.back() - position)
        position = ends.back()
    ids = np.empty((ends.size(), width), dtype=np.int32)
    cdef int32_t[:, ::1] into = ids
    position = 0
    for row in range(<Py_ssize_t>ends.size()):
        for column in range(width):
            if position < ends[row]:
                into[row, column] = hashed[position]
                position += 1
            else:
                into[row, column] = 1 << buckets_log2
    return ids


cdef int add_ngrams(vector[uint32_t]& hashed, str text, int length_max, int buckets_log2) except -1:
    cdef vector[uint32_t] codes, sums
    cdef Py_ssize_t position, count = len(text) + 2
    cdef int place
    cdef Py_UCS4 code
    cdef uint32_t space = c" "
    codes.reserve(count)
    codes.push_back(space)
    for code in text:
        codes.push_back(<uint32_t>code)
    codes.push_back(space)
    sums.reserve(count)
    for position in range(count):
        sums.push_back(codes[position] * MULTIPLIERS[0])
    for place in range(1, min(<Py_ssize_t>length_max, count)):
        for position in range(count - place):
            sums[position] += codes[position + place] * MULTIPLIERS[place]
            hashed.push_back(sums[position] >> (32 - buckets_log2))
    return 0
