"""Who is nearest: compiled, since numpy sorts all where a few are wanted."""

from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint16_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport sort
from libcpp.queue cimport priority_queue
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

from likewise_engine.index.dot cimport dot
from likewise_engine.index.halves cimport widen

ctypedef pair[pair[boolean, float], int64_t] standing  # what to sort by, ascending: unlike the known, far, number

ctypedef vector[standing] standings_of

def best_of(
    const float[::1] similarities not None, const boolean[::1] alive not None, Py_ssize_t count_max, float rounding
):
    cdef priority_queue[float] worst_first  # of the best so far, negated
    cdef Py_ssize_t position, found = 0, count = similarities.shape[0]
    cdef float least = -INFINITY
    for position in range(count):
        if similarities[position] > least and alive[position]:
            worst_first.push(-similarities[position])
            if <Py_ssize_t>worst_first.size() > count_max:
                worst_first.pop()
            if <Py_ssize_t>worst_first.size() == count_max:
                least = -worst_first.top()
    least -= rounding
    cdef vector[int64_t] near
    for position in range(count):
        if similarities[position] >= least and alive[position]:
            near.push_back(position)
    texts = np.empty(near.size(), dtype=np.int64)
    cdef int64_t[::1] into = texts
    for position in range(<Py_ssize_t>near.size()):
        into[position] = near[position]
    return texts


def ranked(
    matrix not None,
    const float[::1] asked not None,
    const int64_t[::1] texts not None,
    Py_ssize_t count_max,
    int64_t known,
):
    cdef const uint16_t[:, ::1] halves = matrix.view(np.uint16)
    cdef vector[float] widened
    cdef standings_of standings
    cdef Py_ssize_t position, count
    cdef bint is_met = known < 0
    widened.resize(halves.shape[1])
    for position in range(texts.shape[0]):
        is_met = is_met or texts[position] == known
        stand(standings, halves, widened.data(), asked, texts[position], known)
    if not is_met:
        stand(standings, halves, widened.data(), asked, known, known)
    sort(standings.begin(), standings.end())
    count = min(count_max, <Py_ssize_t>standings.size())
    numbers, similarities = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float32)
    cdef int64_t[::1] number = numbers
    cdef float[::1] similarity = similarities
    for position in range(count):
        number[position], similarity[position] = standings[position].second, -standings[position].first.second
    return numbers, similarities


cdef inline void stand(
    standings_of& standings,
    const uint16_t[:, ::1] halves,
    float* widened,
    const float[::1] asked,
    int64_t text,
    int64_t known,
) noexcept:
    widen(&halves[text, 0], asked.shape[0], widened)
    cdef float similarity = dot(widened, &asked[0], asked.shape[0])
    standings.push_back(standing(pair[boolean, float](text != known, -similarity), text))
