"""From scores to probabilities in order, for the thirty candidates of a question; compiled.

All sums go from the least, and exponentials are the C library's one by one: the same bits for candidates in
any order.
"""

from libc.math cimport exp, log
from libc.stdint cimport int64_t
from libcpp.algorithm cimport sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

PROBABILITY_MIN = 1e-4
"""Nearer to 0 or 1 no history can tell apart, and a single surprise would weigh without bound."""
cdef double NEAREST = PROBABILITY_MIN

ctypedef pair[pair[double, int64_t], pair[int64_t, int64_t]] standing  # position last


def with_outside_option(const float[::1] scores not None):
    """The softmax over these scores and a 0 for none of them, without the latter."""
    cdef Py_ssize_t one, count = scores.shape[0]
    cdef double highest = 0.0, total
    cdef vector[double] ascending
    result = np.empty(count)
    cdef double[::1] weight = result
    for one in range(count):
        highest = max(highest, <double>scores[one])
    for one in range(count):
        weight[one] = exp(scores[one] - highest)
        ascending.push_back(weight[one])
    ascending.push_back(exp(-highest))
    total = sum_of(ascending)
    for one in range(count):
        weight[one] /= total
    return result


def calibrated(const double[::1] voted not None, double slope, double intercept):
    """Voted probabilities once the first is mapped by Platt's formula, and the others by the same factor.

    Equal firsts share what there is; the others never get more than is left.
    """
    cdef Py_ssize_t one, count = voted.shape[0]
    cdef double first = 0.0, probability, factor, rest, bounded
    cdef int firsts = 0
    cdef vector[double] ascending
    result = np.zeros(count)
    cdef double[::1] into = result
    for one in range(count):
        first = max(first, voted[one])
    if first <= 0.0:
        return result
    for one in range(count):
        if voted[one] == first:
            firsts += 1
        else:
            ascending.push_back(voted[one])
    rest = sum_of(ascending)
    bounded = min(max(first, NEAREST), 1.0 - NEAREST)
    probability = 1.0 / (1.0 + exp(-slope * log(bounded / (1.0 - bounded)) - intercept))
    probability = min(probability, 1.0 / firsts)
    factor = probability / first
    if rest > 0.0:
        factor = min(factor, (1.0 - probability * firsts) / rest)
    for one in range(count):
        into[one] = probability if voted[one] == first else voted[one] * factor
    return result


def ranking(
    const double[::1] probabilities not None,
    const int64_t[::1] candidates not None,
    const int64_t[::1] usage not None,
):
    """Positions, the likeliest first; of equals the category more used in the books, then the older one.

    ``usage`` is by category.
    """
    cdef vector[standing] standings
    cdef Py_ssize_t one, count = candidates.shape[0]
    result = np.empty(count, dtype=np.int64)
    cdef int64_t[::1] into = result
    for one in range(count):
        standings.push_back(
            standing(
                pair[double, int64_t](-probabilities[one], -usage[candidates[one]]),
                pair[int64_t, int64_t](candidates[one], one),
            )
        )
    sort(standings.begin(), standings.end())
    for one in range(count):
        into[one] = standings[one].second.second
    return result


cdef double sum_of(vector[double]& values) except? -1.0:
    """From the least; sorts them."""
    cdef double total = 0.0
    sort(values.begin(), values.end())
    for value in values:
        total += value
    return total
