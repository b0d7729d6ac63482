"""Ambiguity: entries just like the question that were filed now one way and now another; compiled.

What the vote makes of such entries is a matter of which came last. On real books some one answer in a hundred
rests on them, and its first candidate is right about as often as not. So they are looked at by themselves.
"""

from libc.math cimport isnan
from libc.stdint cimport int64_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport partial_sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

LATEST_ENTRIES = 6
"""Entries looked at: of more, the older ones tell of habits that may have ended. From 4 to 12, as many
answers are ambiguous on real books, and as often wrong."""
SETTLING_ENTRIES = 3
"""So many in a row, up to the latest, are a new habit and no longer a hesitation."""
cdef Py_ssize_t LATEST = LATEST_ENTRIES, SETTLING = SETTLING_ENTRIES
cdef int64_t LEAD_MAX = 2  # ambiguous up to two to one: three to one is a slip

ctypedef pair[double, pair[int64_t, int64_t]] aged  # age, negated row, candidate


def rival_of(evidence not None, around not None, int64_t first):
    """The candidate that the tenant's entries cannot tell from the first one, if there is such a one.

    An entry is just like the question if it has the same text and, as far as they are known, the same amount
    and direction. Of the latest such entries, the first candidate and its rival must hold two thirds:
    where every entry was filed elsewhere, it is not these two that are confused.
    """
    cdef vector[int64_t] latest = latest_alike(evidence, around)
    cdef Py_ssize_t position, count = latest.size()
    cdef vector[int64_t] held = vector[int64_t](evidence.candidates.shape[0], 0)
    cdef int64_t candidate, rival = -1
    cdef bint is_settled = True
    for position in range(count):
        held[latest[position]] += 1
        is_settled = is_settled and (position >= SETTLING or latest[position] == first)
    if is_settled or not held[first]:
        return None
    for candidate in range(<int64_t>held.size()):
        if candidate != first and held[candidate] and (rival < 0 or held[candidate] > held[rival]):
            rival = candidate
    if rival < 0 or held[first] > LEAD_MAX * held[rival] or 3 * (held[first] + held[rival]) < 2 * count:
        return None
    return rival


cdef vector[int64_t] latest_alike(evidence, around) except *:
    """Candidates of the entries just like the question, the latest first."""
    cdef const boolean[::1] same_text = around.same_text, same_amount = around.same_amount
    cdef const double[::1] difference = around.amount_difference, same_direction = around.same_direction
    cdef const double[::1] age = around.age
    cdef const int64_t[::1] row_of = around.rows, rows = evidence.rows, of_row = evidence.candidate_of_row
    cdef vector[aged] alike
    cdef vector[int64_t] candidates
    cdef Py_ssize_t position, row, count
    for position in range(rows.shape[0]):
        row = rows[position]
        if same_text[row] and (same_amount[row] or isnan(difference[row])) and same_direction[row] > 0:
            # For a question amid the books, the latest are those nearest in time.
            alike.push_back(aged(age[row], pair[int64_t, int64_t](-row_of[row], of_row[position])))
    count = min(LATEST, <Py_ssize_t>alike.size())
    partial_sort(alike.begin(), alike.begin() + count, alike.end())
    for position in range(count):
        candidates.push_back(alike[position].second.second)
    return candidates
