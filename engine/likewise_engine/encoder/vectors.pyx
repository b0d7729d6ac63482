"""Vectors of the static model, and whether any model's are of unit length; compiled, since onnxruntime and numpy
take ten times as long for one text.
"""

from libc.math cimport fabs, sqrt
from libc.stdint cimport int8_t, int16_t, int32_t
from libcpp.vector cimport vector

import numpy as np

cdef extern from *:
    """
    #include <stdint.h>

    /* As bytes may lie anywhere, it takes a promise that these do not overlap to have them added in lanes. */
    static inline void add_row(const int8_t* __restrict__ row, Py_ssize_t count, int16_t* __restrict__ sums) {
        for (Py_ssize_t column = 0; column < count; column++) sums[column] += row[column];
    }
    """
    void add_row(const int8_t* row, Py_ssize_t count, int16_t* sums) noexcept nogil

cdef enum:
    ROWS_PER_SUM = 256  # whose int8 add up to what an int16 holds


def vectors_of(
    const int8_t[:, ::1] token_rows not None,
    const int8_t[:, ::1] ngram_rows not None,
    const int32_t[:, ::1] token_ids not None,
    const int32_t[:, ::1] ngram_ids not None,
):
    """Sum each text's rows, scale either sum to unit length, join them, and scale what comes of it.

    Args:
        token_rows: of either table; ``(tokens, t)``.
        ngram_rows: ``(buckets, n)``.
        token_ids: numbers of rows, a text each row; ``(texts, most)``.
        ngram_ids: likewise.

    Returns:
        float32 ``(texts, t + n)``; a sum of zeros stays as it is.

    Raises:
        IndexError: there is no such row.
    """
    check_ids(token_ids, token_rows.shape[0])
    check_ids(ngram_ids, ngram_rows.shape[0])
    vectors = np.empty((token_ids.shape[0], token_rows.shape[1] + ngram_rows.shape[1]), dtype=np.float32)
    cdef float[:, ::1] into = vectors
    if len(vectors) == 1:
        # It takes a microsecond. To give the lock away is to wait for it.
        fill(token_rows, ngram_rows, token_ids, ngram_ids, into)
    else:
        with nogil:
            fill(token_rows, ngram_rows, token_ids, ngram_ids, into)
    return vectors


def are_unit(const float[:, ::1] vectors not None, double tolerance):
    """Whether every row is finite, and its squared length 1, give or take ``tolerance``."""
    cdef Py_ssize_t row
    for row in range(vectors.shape[0]):
        # Asked for what is right, not for what is wrong: every comparison with NaN is false.
        if not fabs(square_of(vectors[row]) - 1.0) <= tolerance:
            return False
    return True


cdef int check_ids(const int32_t[:, ::1] ids, Py_ssize_t count) except -1:
    cdef Py_ssize_t text, place
    for text in range(ids.shape[0]):
        for place in range(ids.shape[1]):
            if not 0 <= ids[text, place] < count:
                raise IndexError(f"there is no row {ids[text, place]} in a table of {count}")
    return 0


cdef void fill(
    const int8_t[:, ::1] token_rows,
    const int8_t[:, ::1] ngram_rows,
    const int32_t[:, ::1] token_ids,
    const int32_t[:, ::1] ngram_ids,
    float[:, ::1] into,
) noexcept nogil:
    cdef Py_ssize_t text, tokens = token_rows.shape[1]
    for text in range(into.shape[0]):
        add_unit(token_rows, token_ids[text], into[text, :tokens])
        add_unit(ngram_rows, ngram_ids[text], into[text, tokens:])
        scale(into[text])


cdef void add_unit(const int8_t[:, ::1] rows, const int32_t[::1] ids, float[::1] into) noexcept nogil:
    """The sum of some rows, in whole numbers and so in any order, scaled to unit length."""
    cdef vector[int16_t] sums
    cdef Py_ssize_t place = 0, end, column, columns = rows.shape[1]
    into[:] = 0.0
    while place < ids.shape[0]:
        sums.assign(columns, 0)
        end = min(place + <Py_ssize_t>ROWS_PER_SUM, ids.shape[0])
        while place < end:
            add_row(&rows[ids[place], 0], columns, sums.data())
            place += 1
        for column in range(columns):
            into[column] += sums[column]
    scale(into)


cdef void scale(float[::1] row) noexcept nogil:
    cdef double length = sqrt(square_of(row))
    cdef Py_ssize_t column
    if length > 0.0:
        for column in range(row.shape[0]):
            row[column] = <float>(row[column] / length)


cdef double square_of(const float[::1] row) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t column
    for column in range(row.shape[0]):
        total += <double>row[column] * row[column]
    return total
