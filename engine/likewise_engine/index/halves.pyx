"""Matrices of half precision, read as single precision."""

from libc.stdint cimport int64_t, uint16_t

import numpy as np

from likewise_engine.index.halves cimport product, product_of_each, widen, widen_each


def rows_of(matrix not None, const int64_t[::1] rows not None):
    """Some rows of a float16 matrix, float32 ``(len(rows), columns)``."""
    cdef const uint16_t[:, ::1] halves = matrix.view(np.uint16)
    cdef Py_ssize_t position, columns = halves.shape[1]
    found = np.empty((rows.shape[0], columns), dtype=np.float32)
    cdef float[:, ::1] into = found
    if columns:
        for position in range(rows.shape[0]):
            widen(&halves[rows[position], 0], columns, &into[position, 0])
    return found


def products(matrix not None, const float[::1] vector not None):
    """The scalar products of a vector with each row of a float16 matrix, float32 ``(len(matrix),)``."""
    cdef const uint16_t[:, ::1] halves = matrix.view(np.uint16)
    cdef Py_ssize_t row, columns = halves.shape[1]
    found = np.zeros(halves.shape[0], dtype=np.float32)
    cdef float[::1] into = found
    if columns:
        with nogil:
            for row in range(halves.shape[0]):
                into[row] = product(&halves[row, 0], &vector[0], columns)
    return found


def plainly(const uint16_t[::1] halves not None, const float[::1] vector not None):
    """What processors that widen one by one make of halves: themselves, and their product with a vector."""
    found = np.empty(halves.shape[0], dtype=np.float32)
    cdef float[::1] into = found
    widen_each(&halves[0], halves.shape[0], &into[0])
    return found, product_of_each(&halves[0], &vector[0], halves.shape[0])
