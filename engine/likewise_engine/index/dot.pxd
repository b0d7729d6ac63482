"""The scalar product of two vectors."""


cdef inline float dot(const float* one, const float* other, Py_ssize_t count) noexcept nogil:
    """In lanes, so that it is vectorised; always in the same order, whatever stands beside it."""
    cdef float[8] sums
    cdef Py_ssize_t position = 0, lane
    cdef float total = 0.0
    for lane in range(8):
        sums[lane] = 0.0
    while position + 8 <= count:
        for lane in range(8):
            sums[lane] += one[position + lane] * other[position + lane]
        position += 8
    for lane in range(8):
        total += sums[lane]
    while position < count:
        total += one[position] * other[position]
        position += 1
    return total
