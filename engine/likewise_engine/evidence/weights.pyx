"""Where the kernel's weight lies: which rows to show, and what kind of rows speaks for a candidate; compiled."""

from libc.math cimport exp
from libc.stdint cimport int64_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport partial_sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

cdef enum:
    KINDS = 3  # of the same text and amount, of the same text, of the same payee; any other is the fourth
cdef double DECIDING_SHARE = 0.5  # of the weight behind a candidate: who holds it decides

ctypedef pair[pair[double, double], pair[int64_t, int64_t]] standing  # all negated; position last


def weightiest(around not None, Py_ssize_t count_max):
    """The weightiest rows; equals in the order of their nearness and then of their age, the latest first.

    Returns:
        Their positions in the surroundings, and the share of each in the weight of all rows.
    """
    cdef const double[::1] log_weight = around.log_weight, similarity = around.similarity
    cdef const int64_t[::1] row_of = around.rows
    cdef vector[standing] standings
    cdef Py_ssize_t position, rows = log_weight.shape[0], count = min(count_max, rows)
    cdef double heaviest = 0.0, total = 0.0, weight
    if not count:
        return [], []
    heaviest = log_weight[0]
    for position in range(rows):
        heaviest = max(heaviest, log_weight[position])
    for position in range(rows):
        weight = exp(log_weight[position] - heaviest)
        total += weight
        standings.push_back(
            standing(
                pair[double, double](-weight, -similarity[position]),
                pair[int64_t, int64_t](-row_of[position], position),
            )
        )
    partial_sort(standings.begin(), standings.begin() + count, standings.end())
    return (
        [standings[position].second.second for position in range(count)],
        [-standings[position].first.first / total for position in range(count)],
    )


def deciding_kind(evidence not None, around not None, int64_t candidate):
    """The narrowest kind of rows that holds most of the weight behind a candidate; None if it has no row.

    0 is for the same text and amount, 1 for the same text, 2 for the same payee, 3 for none of these.
    """
    cdef const double[::1] log_weight = around.log_weight
    cdef const boolean[::1] same_text = around.same_text, same_amount = around.same_amount
    cdef const boolean[::1] same_payee = around.same_payee
    cdef const int64_t[::1] rows = evidence.rows, of_row = evidence.candidate_of_row
    cdef Py_ssize_t position, row, kind
    cdef double total = 0.0, heaviest = 0.0, weight
    cdef double[KINDS] held = [0.0, 0.0, 0.0]
    cdef bint is_met = False
    for position in range(rows.shape[0]):
        if of_row[position] == candidate:
            weight = log_weight[rows[position]]
            heaviest, is_met = max(heaviest, weight) if is_met else weight, True
    if not is_met:
        return None
    for position in range(rows.shape[0]):
        if of_row[position] == candidate:
            row = rows[position]
            weight = exp(log_weight[row] - heaviest)
            total += weight
            held[0] += weight * (same_text[row] and same_amount[row])
            held[1] += weight * same_text[row]
            held[2] += weight * same_payee[row]
    for kind in range(KINDS):
        if held[kind] >= DECIDING_SHARE * total:
            return kind
    return KINDS
