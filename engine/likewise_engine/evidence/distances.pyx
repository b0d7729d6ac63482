"""How far the rows around a question are from it: one pass over a few hundred rows, compiled.

A row's weight is exp((s - 1)/τ - amount penalty - age penalty) with s the cosine of the texts, the amount penalty
3.3 (1 - exp(-d/.5)) + 1.67 [d > 1e-6] where d = |log1p|a| - log1p|b||, and age in entries x .0003.
"""

from libc.math cimport copysign, exp, fabs, isnan, log1p
from libc.stdint cimport int8_t, int32_t, int64_t
from libcpp cimport bool as boolean

import numpy as np

TAU = 0.05
"""Bandwidth of the kernel over cosines. By hand: .05 answers 1 % more at 98 % precision than .03 does."""
EXACT = 1e-6
"""Amounts whose log1p differ by less are the same amount."""

cdef double TEXT_SCALE = TAU, AMOUNT_EXACT = EXACT
cdef double AMOUNT_PENALTY = 3.3, AMOUNT_SCALE = 0.5, INEXACT_PENALTY = 1.67, AGE_PENALTY = 0.0003


def distances(
    const int64_t[::1] rows not None,
    const int64_t[::1] ranks not None,
    const int64_t[::1] texts not None,
    const float[::1] text_similarities not None,
    columns not None,
    day_ranks not None,
    int64_t text,
    int64_t payee,
    double amount,
    double flow,
    int32_t asked_day,
):
    order_days, payees, amounts, directions = columns
    cdef const int32_t[::1] order_day = order_days, payee_of = payees
    cdef const double[::1] amount_of = amounts
    cdef const int8_t[::1] direction_of = directions
    days, counts = day_ranks
    cdef const int32_t[::1] day = days
    cdef const int64_t[::1] entries = counts

    cdef Py_ssize_t position, row, count = rows.shape[0]
    similarities, differences, log_amounts = np.empty(count), np.empty(count), np.empty(count)
    directions_same, ages, log_weights = np.empty(count), np.empty(count), np.empty(count)
    ranks_in_time = np.empty(count, dtype=np.int64)
    same = np.empty((3, count), dtype=np.bool_)
    cdef double[::1] similarity = similarities, difference = differences, log_amount = log_amounts
    cdef double[::1] same_direction = directions_same, age = ages, log_weight = log_weights
    cdef int64_t[::1] rank_in_time = ranks_in_time
    cdef boolean[:, ::1] is_same = same

    cdef double asked = log1p(fabs(amount)), row_flow, row_log_amount, penalty
    cdef int64_t asked_rank = entries_up_to(day, entries, asked_day)
    for position in range(count):
        row = rows[position]
        similarity[position] = 1.0 if texts[ranks[position]] == text else min(
            1.0, <double>text_similarities[ranks[position]]
        )
        row_flow = flow_of(amount_of[row], direction_of[row])
        row_log_amount = log1p(fabs(amount_of[row]))
        log_amount[position] = copysign(row_log_amount, row_flow)
        difference[position] = fabs(row_log_amount - asked)
        rank_in_time[position] = entries_up_to(day, entries, order_day[row])
        age[position] = <double>abs(rank_in_time[position] - asked_rank)
        is_same[0, position] = texts[ranks[position]] == text
        is_same[1, position] = payee >= 0 and payee_of[row] == payee
        is_same[2, position] = difference[position] < AMOUNT_EXACT
        same_direction[position] = row_flow * flow >= 0.0
        penalty = 0.0
        if not isnan(difference[position]):
            penalty = AMOUNT_PENALTY * (1.0 - exp(-difference[position] / AMOUNT_SCALE))
            penalty += INEXACT_PENALTY * (difference[position] > AMOUNT_EXACT)
        log_weight[position] = (
            (similarity[position] - 1.0) / TEXT_SCALE - penalty - AGE_PENALTY * age[position]
        )
    return (
        asked_rank,
        (
            similarities,
            same[0],
            same[1],
            same[2],
            differences,
            log_amounts,
            directions_same,
            ranks_in_time,
            ages,
            log_weights,
        ),
    )


cdef inline double flow_of(double amount, int8_t direction) noexcept:
    """As :func:`likewise_engine.transaction.flows_of`: by direction or, where that is unknown, by sign."""
    if direction == 0:
        return 0.0 if isnan(amount) else copysign(1.0, amount)
    return 1.0 if direction == 1 else -1.0


cdef inline int64_t entries_up_to(const int32_t[::1] days, const int64_t[::1] counts, int32_t day) noexcept:
    cdef Py_ssize_t low = 0, high = days.shape[0], middle
    while low < high:
        middle = (low + high) // 2
        if days[middle] <= day:
            low = middle + 1
        else:
            high = middle
    return counts[low - 1] if low else 0
