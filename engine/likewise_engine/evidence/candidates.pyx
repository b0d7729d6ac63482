"""Who is a candidate: the labels of the rows, and what names, head and successions propose; compiled.

Candidates are the labels among the rows around the question and, since a chart may be known before there are
labels, the categories whose names are nearest to the question's text; those that the tenant's own head finds
likeliest; and those that have followed the one that the rows speak for most.
"""

from libc.math cimport exp
from libc.stdint cimport int32_t, int64_t, uint16_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport partial_sort, sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

from likewise_engine.evidence.comparing cimport log_sum_exp
from likewise_engine.index.dot cimport dot
from likewise_engine.index.halves cimport widen

NAMED_CANDIDATES_MAX = 5
"""Categories that are candidates for their names alone: as many as an answer shows unless asked for more."""
HEAD_CANDIDATES_MAX = 3
"""Categories that are candidates because the tenant's own head finds them likeliest."""
SUCCESSOR_SHARE_MIN = 0.2
"""A category is a candidate if it is so much of what followed the one that the rows speak for most; at most
four are."""
HEAD_MIN = -30.0
"""Log probability of what the head does not know."""

cdef Py_ssize_t NAMED_MAX = NAMED_CANDIDATES_MAX, HEARD_MAX = HEAD_CANDIDATES_MAX
cdef double SUCCESSOR_MIN = SUCCESSOR_SHARE_MIN, UNHEARD = HEAD_MIN
ctypedef pair[double, int64_t] ranked  # what to sort by, ascending, and then the number


def labelled_rows(const int64_t[::1] rows not None, const int32_t[::1] labels not None, const boolean[::1] active not None):
    """Positions of the rows that have an active label, int64 ``(k,)``, and their labels, int64 ``(k,)``."""
    cdef Py_ssize_t position, found = 0
    cdef int32_t label
    positions, given = np.empty(rows.shape[0], dtype=np.int64), np.empty(rows.shape[0], dtype=np.int64)
    cdef int64_t[::1] into_positions = positions, into_given = given
    for position in range(rows.shape[0]):
        label = labels[rows[position]]
        if label >= 0 and active[label]:
            into_positions[found], into_given[found] = position, label
            found += 1
    return positions[:found], given[:found]


def nearness_of_names(
    names not None, descriptions not None, const int64_t[::1] described not None, const float[::1] asked not None
):
    """Cosines of the asked with what each category is called or, where that is greater, described by."""
    nearness = cosines_with(names, asked)
    cdef double[::1] into = nearness
    cdef const double[::1] of_description = cosines_with(descriptions, asked)
    cdef Py_ssize_t position
    for position in range(described.shape[0]):
        into[described[position]] = max(into[described[position]], of_description[position])
    return nearness


cdef object cosines_with(object vectors, const float[::1] asked):
    cdef const uint16_t[:, ::1] halves = vectors.view(np.uint16)
    cdef vector[float] widened = vector[float](halves.shape[1], 0.0)
    cdef Py_ssize_t row
    cosines = np.empty(halves.shape[0])
    cdef double[::1] into = cosines
    for row in range(halves.shape[0]):
        widen(&halves[row, 0], asked.shape[0], widened.data())
        into[row] = dot(widened.data(), &asked[0], asked.shape[0])
    return cosines


def heard_of(const int64_t[::1] categories not None, const double[::1] given not None, const boolean[::1] active not None):
    cdef Py_ssize_t position, category
    cdef double mass
    cdef vector[double] sorted_given
    heard = np.full(active.shape[0], HEAD_MIN)
    cdef double[::1] into = heard
    for position in range(categories.shape[0]):
        if active[categories[position]]:
            sorted_given.push_back(given[position])
    sort(sorted_given.begin(), sorted_given.end())
    mass = log_sum_exp(sorted_given.data(), sorted_given.size())
    for position in range(categories.shape[0]):
        category = categories[position]
        if active[category]:
            into[category] = max(given[position] - mass, UNHEARD)
    return heard


def candidates_of(
    const int64_t[::1] labels not None,
    const int64_t[::1] positions not None,
    const double[::1] log_weight not None,
    const int64_t[::1] named not None,
    const double[::1] nearness not None,
    const double[::1] heard not None,
    successions not None,
    const boolean[::1] active not None,
):
    cdef vector[boolean] is_candidate = vector[boolean](active.shape[0], False)
    cdef vector[ranked] proposed
    cdef Py_ssize_t position
    for position in range(labels.shape[0]):
        is_candidate[labels[position]] = True
    for position in range(named.shape[0]):
        proposed.push_back(ranked(-nearness[named[position]], named[position]))
    propose(is_candidate, proposed, NAMED_MAX)
    proposed.clear()
    for position in range(heard.shape[0]):
        if heard[position] > UNHEARD:
            proposed.push_back(ranked(-heard[position], position))
    propose(is_candidate, proposed, HEARD_MAX)
    if labels.shape[0]:
        propose_successors(is_candidate, leading(labels, positions, log_weight), successions, active)

    cdef vector[int64_t] of_category = vector[int64_t](active.shape[0], -1)
    cdef Py_ssize_t count = 0
    for position in range(active.shape[0]):
        if is_candidate[position]:
            of_category[position] = count
            count += 1
    candidates, of_row = np.empty(count, dtype=np.int64), np.empty(labels.shape[0], dtype=np.int64)
    cdef int64_t[::1] into = candidates, into_of_row = of_row
    for position in range(active.shape[0]):
        if is_candidate[position]:
            into[of_category[position]] = position
    for position in range(labels.shape[0]):
        into_of_row[position] = of_category[labels[position]]
    return candidates, of_row


cdef int propose(vector[boolean]& is_candidate, vector[ranked]& proposed, Py_ssize_t count_max) except -1:
    cdef Py_ssize_t position, count = min(count_max, <Py_ssize_t>proposed.size())
    partial_sort(proposed.begin(), proposed.begin() + count, proposed.end())
    for position in range(count):
        is_candidate[proposed[position].second] = True
    return 0


cdef int64_t leading(
    const int64_t[::1] labels, const int64_t[::1] positions, const double[::1] log_weight
) except -1:
    """The category with most of the weight; of equals the one with the first row, whatever its number."""
    cdef Py_ssize_t row, highest = 0, best = 0
    cdef double heaviest = log_weight[positions[0]]
    cdef vector[double] weight
    for row in range(labels.shape[0]):
        heaviest = max(heaviest, log_weight[positions[row]])
        highest = max(highest, labels[row])
    weight.assign(highest + 1, 0.0)
    for row in range(labels.shape[0]):
        weight[labels[row]] += exp(log_weight[positions[row]] - heaviest)
    for row in range(labels.shape[0]):
        if weight[labels[row]] > weight[labels[best]]:
            best = row
    return labels[best]


cdef int propose_successors(
    vector[boolean]& is_candidate, int64_t category, successions, const boolean[::1] active
) except -1:
    """The active categories that one has often given way to."""
    cdef const int64_t[::1] before = successions.before, after = successions.after
    cdef const double[::1] share = successions.share
    cdef Py_ssize_t position = np.searchsorted(successions.before, category)
    while position < before.shape[0] and before[position] == category:
        if share[position] >= SUCCESSOR_MIN and active[after[position]]:
            is_candidate[after[position]] = True
        position += 1
    return 0
