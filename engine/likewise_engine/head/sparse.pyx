"""Weights of which few are kept, compiled: packed after training, and summed for each question.

What a bucket says of most categories is the same. Adding one number to all weights of a bucket changes no
probability, so what the middle category gets is taken from each, and what is left of most rounds to nought.
"""

from libc.math cimport exp, log, rintf
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy
from libcpp.algorithm cimport nth_element
from libcpp.vector cimport vector

import numpy as np

cdef enum:
    LEVEL_MAX = 127

cdef double UNIT = 2.0**48  # so that even the sum of 10,000 probabilities of 1 fits 63 bits

ctypedef fused Place:
    uint8_t
    uint16_t


def packed(const float[:, ::1] weights not None, float step):
    """Round weights to levels, and keep those that are not nought.

    Args:
        weights: ``(b, c)`` with c below 2**16.
        step: between two levels. Weights beyond 127 steps are cut.

    Returns:
        starts: int32 ``(b + 1,)``, where each bucket's levels start.
        places: uint8 ``(k,)``, or uint16 where c is above 256: whose each is, ascending within a bucket.
        levels: int8 ``(k,)``.
    """
    cdef Py_ssize_t buckets = weights.shape[0], categories = weights.shape[1], middle = categories // 2
    cdef Py_ssize_t bucket, category
    cdef vector[float] sorted_row
    cdef vector[uint16_t] places
    cdef vector[int8_t] levels
    cdef float middle_weight, level
    starts = np.zeros(buckets + 1, dtype=np.int32)
    cdef int32_t[::1] into = starts
    with nogil:
        for bucket in range(buckets):
            sorted_row.assign(&weights[bucket, 0], &weights[bucket, 0] + categories)
            nth_element(sorted_row.begin(), sorted_row.begin() + middle, sorted_row.end())
            middle_weight = sorted_row[middle]
            for category in range(categories):
                level = rintf((weights[bucket, category] - middle_weight) / step)
                if level != 0.0:
                    places.push_back(<uint16_t>category)
                    levels.push_back(<int8_t>max(-LEVEL_MAX, min(LEVEL_MAX, level)))
            into[bucket + 1] = <int32_t>levels.size()
    wide = np.empty(places.size(), dtype=np.uint16)
    kept = np.empty(levels.size(), dtype=np.int8)
    cdef uint16_t[::1] wide_view = wide
    cdef int8_t[::1] kept_view = kept
    if levels.size():
        memcpy(&wide_view[0], places.data(), places.size() * sizeof(uint16_t))
        memcpy(&kept_view[0], levels.data(), levels.size())
    return starts, wide if categories > 256 else wide.astype(np.uint8), kept


def log_probabilities(
    const int32_t[::1] starts not None,
    const Place[::1] places not None,
    const int8_t[::1] levels not None,
    float step,
    Py_ssize_t categories,
    const int64_t[::1] buckets not None,
    const float[::1] values not None,
):
    """The logarithm of each category's probability; the same to the last bit wherever a category stands.

    Args:
        starts, places, levels, step: as of :func:`packed`; the number of buckets is a power of two.
        categories: how many there are.
        buckets: ``(f,)``, hashes, of which the lowest bits count.
        values: ``(f,)``.

    Returns:
        float64 ``(categories,)``.
    """
    found = np.zeros(categories, dtype=np.float64)
    cdef double[::1] scores = found
    cdef int64_t mask = starts.shape[0] - 2, bucket
    cdef Py_ssize_t feature, category
    cdef int32_t at
    cdef double value, largest
    # Of whole numbers, for their sum is the same in any order.
    cdef int64_t total = 0
    with nogil:
        for feature in range(buckets.shape[0]):
            bucket = buckets[feature] & mask
            value = values[feature] * step
            for at in range(starts[bucket], starts[bucket + 1]):
                scores[places[at]] += value * levels[at]
        largest = scores[0]
        for category in range(1, categories):
            largest = max(largest, scores[category])
        for category in range(categories):
            total += <int64_t>(exp(scores[category] - largest) * UNIT)
        largest += log(total / UNIT)
        for category in range(categories):
            scores[category] -= largest
    return found
