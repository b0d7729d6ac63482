"""Hashed n-grams, for other kernels."""

from libc.stdint cimport uint32_t
from libcpp.vector cimport vector


# Append the hashes of a text's n-grams, wrapped in spaces, the shortest first.
cdef int add_ngrams(vector[uint32_t]& hashed, str text, int length_max, int buckets_log2) except -1
