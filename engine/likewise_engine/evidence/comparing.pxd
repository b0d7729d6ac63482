"""Comparisons that several witnesses make."""

from libc.math cimport INFINITY, exp, log


cdef inline void best_other(const double[::1] values, double[::1] best) noexcept nogil:
    """For each value the greatest of the others; 0 where there are none."""
    cdef double first = -INFINITY, second = -INFINITY
    cdef Py_ssize_t position, count = values.shape[0]
    for position in range(count):
        if values[position] > first:
            first, second = values[position], first
        elif values[position] > second:
            second = values[position]
    for position in range(count):
        best[position] = 0.0 if count == 1 else second if values[position] == first else first


cdef inline double log_sum_exp(const double* sorted_values, Py_ssize_t count) noexcept nogil:
    """log(sum(exp)) of ascending values: summed from the least, hence the same however they are numbered."""
    cdef double total = 0.0
    cdef Py_ssize_t position
    if count == 0:
        return -INFINITY
    for position in range(count):
        total += exp(sorted_values[position] - sorted_values[count - 1])
    return sorted_values[count - 1] + log(total)
