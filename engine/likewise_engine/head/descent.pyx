"""The steps by which a head learns, compiled: some billion cells a second, and the interpreter's lock let go."""

from libc.math cimport expf, sqrtf
from libc.stdint cimport int64_t
from libcpp.vector cimport vector


def descend(
    float[:, ::1] weights not None,
    float[::1] squares not None,
    const int64_t[::1] starts not None,
    const int64_t[::1] buckets not None,
    const float[::1] values not None,
    const int64_t[::1] targets not None,
    const int64_t[::1] order not None,
    float rate,
):
    """Learn labels one after another, in place, by AdaGrad with one rate a bucket.

    Args:
        weights: ``(b, c)``; b is a power of two.
        squares: ``(b,)``, the sum of each bucket's squared gradients so far, greater than 0.
        starts: ``(n + 1,)``, where each transaction's features start.
        buckets: ``(starts[-1],)``, hashes, of which the lowest bits count.
        values: ``(starts[-1],)``.
        targets: ``(n,)``, the category of each transaction, less than c.
        order: of the transactions.
        rate: of learning.
    """
    cdef vector[float] errors
    cdef Py_ssize_t position
    cdef int64_t row
    errors.resize(weights.shape[1])
    with nogil:
        for position in range(order.shape[0]):
            row = order[position]
            step(
                &weights[0, 0],
                weights.shape[1],
                &squares[0],
                weights.shape[0] - 1,
                &buckets[starts[row]],
                &values[starts[row]],
                starts[row + 1] - starts[row],
                targets[row],
                rate,
                errors.data(),
            )


cdef void step(
    float* weights,
    Py_ssize_t categories,
    float* squares,
    int64_t mask,
    const int64_t* buckets,
    const float* values,
    Py_ssize_t features,
    int64_t target,
    float rate,
    float* errors,
) noexcept nogil:
    """Learn one label. Features that share a bucket add up."""
    cdef Py_ssize_t feature, category
    cdef float* row
    cdef float value, largest
    # Of many numbers, sums in double are, once rounded, the same in whatever order the categories stand.
    cdef double total = 0.0, squared = 0.0
    for category in range(categories):
        errors[category] = 0.0
    for feature in range(features):
        row = weights + (buckets[feature] & mask) * categories
        value = values[feature]
        for category in range(categories):
            errors[category] += value * row[category]
    largest = errors[0]
    for category in range(1, categories):
        largest = max(largest, errors[category])
    for category in range(categories):
        errors[category] = expf(errors[category] - largest)
        total += errors[category]
    for category in range(categories):
        errors[category] = <float>(errors[category] / total)
    errors[target] -= 1.0
    for category in range(categories):
        squared += <double>errors[category] * errors[category]
    for feature in range(features):
        squares[buckets[feature] & mask] += values[feature] * values[feature] * <float>squared
    for feature in range(features):
        row = weights + (buckets[feature] & mask) * categories
        value = rate * values[feature] / sqrtf(squares[buckets[feature] & mask])
        for category in range(categories):
            row[category] -= value * errors[category]
