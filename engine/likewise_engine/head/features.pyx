"""The features of a transaction, hashed; compiled, since each question has some hundred of them.

Words and names are hashed by CRC-32 as zlib has it: a sum can be continued, so that "payee", "payee and amount"
and so on take one pass over the payee. N-grams are hashed as the encoder does.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.math cimport fabs, fmod, isnan, log1p, rint, sqrt
from libc.stdint cimport int64_t, uint32_t
from libc.stdio cimport snprintf
from libc.string cimport strlen
from libcpp.vector cimport vector

import numpy as np

from likewise_engine.encoder.ngram_kernel cimport add_ngrams

cdef enum:
    NGRAM_LENGTH_MAX = 4
    NGRAM_BUCKETS_LOG2 = 15  # as the encoder's have by default
    GRAIN_BYTES_MAX = 64  # an amount has 15 digits at most

cdef double[3] WEIGHTS = [1.0, 1.5, 0.7]  # of words, of payee and amount, of n-grams: by hand, on real books
cdef double ROUND_AMOUNT = 5.0  # multiples of it are round: somebody chose them
cdef uint32_t[256] CRC_TABLE


cdef void fill_crc_table() noexcept:
    """RFC 1952, section 8."""
    cdef uint32_t entry
    cdef int byte
    for byte in range(256):
        entry = byte
        for _ in range(8):
            entry = 0xEDB88320U ^ (entry >> 1) if entry & 1 else entry >> 1
        CRC_TABLE[byte] = entry


fill_crc_table()


def hashed_features(str text not None, str payee, double amount):
    """Hash a transaction.

    Args:
        text: normalised.
        payee: normalised; None where it is nobody in particular.
        amount: NaN where it is not known.

    Returns:
        int64 ``(f,)`` hashes and float32 ``(f,)`` weights.
    """
    cdef vector[uint32_t] buckets
    buckets.reserve(64 + 3 * len(text))
    cdef Py_ssize_t[3] ends
    add_words(buckets, text)
    ends[0] = buckets.size()
    add_payee_and_amount(buckets, text, payee, amount)
    ends[1] = buckets.size()
    add_ngrams(buckets, text, NGRAM_LENGTH_MAX, NGRAM_BUCKETS_LOG2)
    ends[2] = buckets.size()

    hashes, weights = np.empty(ends[2], dtype=np.int64), np.empty(ends[2], dtype=np.float32)
    cdef int64_t[::1] into = hashes
    cdef float[::1] weigh = weights
    cdef Py_ssize_t position = 0, start = 0
    cdef float weight
    cdef int group
    for group in range(3):
        weight = WEIGHTS[group] / sqrt(max(1, ends[group] - start))
        while position < ends[group]:
            into[position], weigh[position] = buckets[position], weight
            position += 1
        start = ends[group]
    return hashes, weights


cdef int add_words(vector[uint32_t]& buckets, str text) except -1:
    cdef Py_ssize_t size, start = 0, end = 0
    cdef const char* read = PyUnicode_AsUTF8AndSize(text, &size)
    while start < size:
        end = start
        while end < size and read[end] != b" ":
            end += 1
        # What stands between payee and description is no word.
        if end > start and not (end == start + 1 and read[start] == b"|"):
            buckets.push_back(finished(continued(read + start, end - start, started(b"w"))))
        start = end + 1
    return 0


cdef int add_payee_and_amount(vector[uint32_t]& buckets, str text, str payee, double amount) except -1:
    cdef uint32_t[2] who
    cdef int one, known = 1 if payee is None else 2
    who[0] = with_name(b"t", text)
    if payee is not None:
        who[1] = with_name(b"p", payee)
    for one in range(known):
        buckets.push_back(finished(who[one]))
    if isnan(amount):
        return 0
    cdef double log_amount = log1p(fabs(amount))
    cdef const char* sign = b"-" if amount < 0 else b"+"
    cdef const char* roundness = b"rTrue" if fmod(amount, ROUND_AMOUNT) == 0.0 else b"rFalse"
    cdef char[GRAIN_BYTES_MAX] size, exact, coarse, fine
    snprintf(size, GRAIN_BYTES_MAX, b"a%.0f", rint(2.0 * log_amount))
    snprintf(exact, GRAIN_BYTES_MAX, b"x%.2f", amount)
    snprintf(coarse, GRAIN_BYTES_MAX, b"c%.0f", rint(log_amount))
    snprintf(fine, GRAIN_BYTES_MAX, b"f%.0f", rint(6.0 * log_amount))
    cdef uint32_t narrowest = who[known - 1]
    buckets.push_back(finished(also(sign, EMPTY)))
    buckets.push_back(finished(also(roundness, EMPTY)))
    buckets.push_back(finished(also(roundness, also(b" ", narrowest))))
    buckets.push_back(finished(also(size, EMPTY)))
    buckets.push_back(finished(also(exact, EMPTY)))
    for one in range(known):
        buckets.push_back(finished(also(size, also(b" ", who[one]))))
        buckets.push_back(finished(also(exact, also(b" ", who[one]))))
    buckets.push_back(finished(also(coarse, also(b" ", narrowest))))
    buckets.push_back(finished(also(fine, also(b" ", narrowest))))
    buckets.push_back(finished(also(sign, also(b" ", narrowest))))
    return 0


# --- CRC-32, unfinished sums of which can be continued ------------------------------------------

cdef enum:
    EMPTY = 0xFFFFFFFF


cdef inline uint32_t continued(const char* data, Py_ssize_t size, uint32_t crc) noexcept:
    cdef Py_ssize_t position
    for position in range(size):
        crc = CRC_TABLE[(crc ^ <unsigned char>data[position]) & 0xFF] ^ (crc >> 8)
    return crc


cdef inline uint32_t also(const char* data, uint32_t crc) noexcept:
    return continued(data, strlen(data), crc)


cdef inline uint32_t started(const char* data) noexcept:
    return also(data, EMPTY)


cdef uint32_t with_name(const char* kind, str name) except? 0:
    cdef Py_ssize_t size
    cdef const char* read = PyUnicode_AsUTF8AndSize(name, &size)
    return continued(read, size, started(kind))


cdef inline uint32_t finished(uint32_t crc) noexcept:
    return crc ^ 0xFFFFFFFFU
