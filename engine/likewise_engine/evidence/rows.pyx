"""What the rows say: each speaks for the candidate that it was labelled with. One pass a feature, compiled.

Sums go in the order of the rows, which is that of their nearness: the same bits for candidates in any order.
"""

from libc.math cimport INFINITY, exp, isnan, log
from libc.stdint cimport int32_t, int64_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

from likewise_engine.evidence.comparing cimport best_other

ROW_FEATURES = (
    "similarity_best",
    "similarity_gap",
    "share_same_payee",
    "share_same_payee_rival",
    "is_last_of_payee",
    "is_last_of_payee_and_amount",
    "share_same_payee_latest",
    "share_same_text_latest",
    "share_same_amount",
    "share_same_text_and_amount",
    "amount_difference_least",
    "share_same_direction",
)
cdef enum:
    SIMILARITY_BEST
    SIMILARITY_GAP
    SAME_PAYEE
    SAME_PAYEE_RIVAL
    LAST_OF_PAYEE
    LAST_OF_PAYEE_AND_AMOUNT
    SAME_PAYEE_LATEST
    SAME_TEXT_LATEST
    SAME_AMOUNT
    SAME_TEXT_AND_AMOUNT
    AMOUNT_DIFFERENCE_LEAST
    SAME_DIRECTION

cdef double LATEST_FADING = 2.0 / 3.0  # what a row weighs against the next of its payee or text, whenever it was
cdef double SIMILARITY_MIN = -1.0
cdef double WORST_DIFFERENCE = 30.0  # stands for one not known: beyond any between two allowed amounts


def fill_rows(
    around not None,
    const int32_t[::1] order_day not None,
    const int64_t[::1] rows not None,
    const int64_t[::1] of_row not None,
    double[:, ::1] features not None,
    double[::1] share not None,
):
    """Fill in the features of the rows, ``(features, c)``, and each candidate's share of the kernel's weight.

    Returns the logarithm of that whole weight.
    """
    cdef const boolean[::1] same_text = around.same_text, same_payee = around.same_payee
    cdef const boolean[::1] same_amount = around.same_amount
    cdef const double[::1] similarity = around.similarity, difference = around.amount_difference
    cdef const double[::1] same_direction = around.same_direction, log_weight = around.log_weight
    cdef const int64_t[::1] row_of = around.rows

    cdef Py_ssize_t position, row, one, count = features.shape[1]
    cdef double heaviest = log_weight[rows[0]] if rows.shape[0] else 0.0
    cdef vector[double] row_counts = vector[double](count, 0.0)
    cdef double weight, total = 0.0, least
    features[:, :] = 0.0
    features[SIMILARITY_BEST, :] = SIMILARITY_MIN
    features[AMOUNT_DIFFERENCE_LEAST, :] = WORST_DIFFERENCE
    share[:] = 0.0
    for position in range(rows.shape[0]):
        heaviest = max(heaviest, log_weight[rows[position]])
    for position in range(rows.shape[0]):
        row, one = rows[position], of_row[position]
        row_counts[one] += 1.0
        weight = exp(log_weight[row] - heaviest)
        share[one] += weight
        total += weight
        features[SAME_PAYEE, one] += same_payee[row]
        features[SAME_AMOUNT, one] += same_amount[row]
        features[SAME_TEXT_AND_AMOUNT, one] += same_text[row] and same_amount[row]
        features[SAME_DIRECTION, one] += same_direction[row]
        features[SIMILARITY_BEST, one] = max(features[SIMILARITY_BEST, one], similarity[row])
        if not isnan(difference[row]):
            least = min(features[AMOUNT_DIFFERENCE_LEAST, one], difference[row])
            features[AMOUNT_DIFFERENCE_LEAST, one] = least
    add_latest(around.rows, order_day, rows, of_row, same_text, same_payee, same_amount, features)

    divide(share, total)
    divide(features[SAME_PAYEE], sum_of(features[SAME_PAYEE]))
    divide(features[SAME_AMOUNT], sum_of(features[SAME_AMOUNT]))
    divide(features[SAME_TEXT_AND_AMOUNT], sum_of(features[SAME_TEXT_AND_AMOUNT]))
    best_other(features[SAME_PAYEE], features[SAME_PAYEE_RIVAL])
    cdef double most_similar = SIMILARITY_MIN
    for one in range(count):
        features[SAME_DIRECTION, one] /= max(row_counts[one], 1.0)
        most_similar = max(most_similar, features[SIMILARITY_BEST, one])
    for one in range(count):
        features[SIMILARITY_GAP, one] = features[SIMILARITY_BEST, one] - most_similar
    return heaviest + log(total) if rows.shape[0] else -INFINITY


cdef int add_latest(
    const int64_t[::1] row_of,
    const int32_t[::1] order_day,
    const int64_t[::1] rows,
    const int64_t[::1] of_row,
    const boolean[::1] same_text,
    const boolean[::1] same_payee,
    const boolean[::1] same_amount,
    double[:, ::1] features,
) except -1:
    """Weigh the rows of the text and of the payee, the latest most; and say whose the very latest are."""
    cdef vector[pair[int64_t, Py_ssize_t]] when
    cdef vector[double] of_text, of_payee
    cdef Py_ssize_t position, row, one
    cdef double text_weight = 1.0, payee_weight = 1.0
    cdef bint is_payee_met = False, is_both_met = False
    cdef Py_ssize_t count = rows.shape[0]
    for position in range(count):
        row = row_of[rows[position]]
        when.push_back(pair[int64_t, Py_ssize_t](-((<int64_t>order_day[row] << 32) + row), position))
    sort(when.begin(), when.end())
    of_text.assign(count, 0.0)
    of_payee.assign(count, 0.0)
    for latest in when:
        position = latest.second
        row, one = rows[position], of_row[position]
        if same_text[row]:
            of_text[position] = text_weight
            text_weight *= LATEST_FADING
        if same_payee[row]:
            of_payee[position] = payee_weight
            payee_weight *= LATEST_FADING
            if not is_payee_met:
                features[LAST_OF_PAYEE, one], is_payee_met = 1.0, True
            if same_amount[row] and not is_both_met:
                features[LAST_OF_PAYEE_AND_AMOUNT, one], is_both_met = 1.0, True
    cdef double text_total = 0.0, payee_total = 0.0
    for position in range(count):
        features[SAME_TEXT_LATEST, of_row[position]] += of_text[position]
        features[SAME_PAYEE_LATEST, of_row[position]] += of_payee[position]
        text_total += of_text[position]
        payee_total += of_payee[position]
    divide(features[SAME_TEXT_LATEST], text_total)
    divide(features[SAME_PAYEE_LATEST], payee_total)
    return 0


cdef inline double sum_of(const double[::1] counts) noexcept:
    """Of whole numbers, and so exact in any order."""
    cdef double total = 0.0
    cdef Py_ssize_t one
    for one in range(counts.shape[0]):
        total += counts[one]
    return total


cdef inline void divide(double[::1] weights, double total) noexcept:
    """By their sum; where nothing weighs anything, 0 for all stays."""
    cdef Py_ssize_t one
    if total > 0.0:
        for one in range(weights.shape[0]):
            weights[one] /= total
