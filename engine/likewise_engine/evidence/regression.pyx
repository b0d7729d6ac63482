"""A regression made for one question, on the rows around it; compiled.

Weighing each row by its own nearness, as the kernel does, counts forty copies of one habit forty times.
Gaussian-process regression (Rasmussen & Williams 2006, section 2.2) of each label's indicator knows how
near the rows are to one another too, and shares their say: f = k' (K + noise I)^-1 Y. With

    k = exp((s - 1)/.15) x (.3 + .4 exp(-d) + .3 [d < 1e-6]) x (.7 + .3 exp(-t/200))

of the texts' cosine s, the difference d of log1p amounts (1 where one is not known; the sign counts) and
the entries t between two days. Every factor is a sum of positive definite kernels, and so is their product.
"""

from libc.math cimport exp, fabs, isnan, sqrt
from libc.stdint cimport int64_t
from libcpp.algorithm cimport nth_element, sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

from likewise_engine.evidence.comparing cimport best_other

REGRESSION_FEATURES = (
    "regression",
    "regression_gap",
    "regression_best",
    "regression_sum",
    "regression_explained",
)
cdef enum:
    PREDICTED
    GAP
    BEST
    SUM
    EXPLAINED

ROWS_MAX = 64
"""The weightiest rows that are regressed on: with twice as many the answers are as often right, at four times
the cost."""
cdef Py_ssize_t COUNT_MAX = ROWS_MAX
cdef double TEXT_SCALE = 0.15
cdef double AMOUNT_ANY = 0.3, AMOUNT_NEAR = 0.4, AMOUNT_EXACT = 0.3
cdef double EXACT_BELOW = 1e-6
cdef double AMOUNT_UNKNOWN_DIFFERENCE = 1.0
cdef double AGE_ANY = 0.7, AGE_SCALE = 200.0
cdef double AGES_MAX = 300.0  # scales from the question: rows further off count as that far, so that exp is finite
cdef double NOISE = 0.2


cdef struct Row:
    Py_ssize_t text
    double later, earlier  # exp of the time, and its inverse: exp(-|t|) of two is the lesser product
    double amount, larger, smaller  # likewise of log1p of the amount
    bint has_amount


def regression_of(around not None, const int64_t[::1] rows not None, const float[:, ::1] cosines not None):
    cdef const double[::1] log_weight = around.log_weight, similarity = around.similarity
    cdef const double[::1] log_amounts = around.log_amounts
    cdef const int64_t[::1] text_of_row = around.text_of_row, rank = around.rank
    cdef int64_t asked_rank = around.asked_rank
    cdef Row asked = row_at(0, around.log_amount, 0.0)
    cdef vector[Row] chosen
    cdef vector[double] to_question, among
    cdef vector[Py_ssize_t] positions = weightiest(log_weight, rows)
    cdef Py_ssize_t one, other, position, count = positions.size()
    for one in range(count):
        position = rows[positions[one]]
        chosen.push_back(
            row_at(text_of_row[position], log_amounts[position], (rank[position] - asked_rank) / AGE_SCALE)
        )
        to_question.push_back(exp((similarity[position] - 1.0) / TEXT_SCALE) * nearness(chosen[one], asked))
    cdef vector[double] of_texts = text_kernel(cosines)
    among.resize(count * count)
    for one in range(count):
        for other in range(one, count):
            among[one * count + other] = nearness(chosen[one], chosen[other]) * of_texts[
                chosen[one].text * cosines.shape[0] + chosen[other].text
            ]
        among[one * count + one] += NOISE

    used, influences = np.empty(count, dtype=np.int64), np.empty(count)
    cdef int64_t[::1] used_rows = used
    cdef double[::1] influence = influences
    for one in range(count):
        used_rows[one], influence[one] = positions[one], to_question[one]
    if count:
        solve(among.data(), &influence[0], count)
    cdef double explained = 0.0
    for one in range(count):
        explained += influence[one] * to_question[one]
    return used, influences, explained


def fill_regression(
    around not None,
    const int64_t[::1] rows not None,
    const int64_t[::1] of_row not None,
    const float[:, ::1] cosines not None,
    double[:, ::1] features not None,
):
    used, influences, explained = regression_of(around, rows, cosines)
    cdef const int64_t[::1] used_rows = used
    cdef const double[::1] influence = influences
    cdef Py_ssize_t one
    cdef double total = 0.0, best
    features[:, :] = 0.0
    for one in range(used_rows.shape[0]):
        features[PREDICTED, of_row[used_rows[one]]] += influence[one]
        total += influence[one]
    best_other(features[PREDICTED], features[GAP])
    best = features[PREDICTED, 0]
    for one in range(features.shape[1]):
        best = max(best, features[PREDICTED, one])
        features[GAP, one] = features[PREDICTED, one] - features[GAP, one]
    features[BEST, :] = best
    features[SUM, :] = total
    features[EXPLAINED, :] = explained


cdef vector[Py_ssize_t] weightiest(const double[::1] log_weight, const int64_t[::1] rows) except *:
    """Positions in ``rows`` of the weightiest, of equals the first; in the order of the rows."""
    cdef vector[pair[double, Py_ssize_t]] weighed
    cdef vector[Py_ssize_t] positions
    cdef Py_ssize_t position
    for position in range(rows.shape[0]):
        weighed.push_back(pair[double, Py_ssize_t](-log_weight[rows[position]], position))
    if <Py_ssize_t>weighed.size() > COUNT_MAX:
        nth_element(weighed.begin(), weighed.begin() + COUNT_MAX, weighed.end())
        weighed.resize(COUNT_MAX)
    for one in weighed:
        positions.push_back(one.second)
    sort(positions.begin(), positions.end())
    return positions


cdef inline Row row_at(Py_ssize_t text, double log_amount, double ages) noexcept:
    cdef Row row
    ages = min(max(ages, -AGES_MAX), AGES_MAX)
    row.text, row.later, row.earlier = text, exp(ages), exp(-ages)
    row.has_amount = not isnan(log_amount)
    row.amount, row.larger, row.smaller = log_amount, exp(log_amount), exp(-log_amount)
    return row


cdef inline double nearness(const Row& one, const Row& other) noexcept:
    """The kernel's factors for amount and age."""
    cdef double of_amount, of_age
    if one.has_amount and other.has_amount:
        of_amount = AMOUNT_ANY + AMOUNT_NEAR * min(one.larger * other.smaller, one.smaller * other.larger)
        of_amount += AMOUNT_EXACT * (fabs(one.amount - other.amount) < EXACT_BELOW)
    else:
        of_amount = AMOUNT_ANY + AMOUNT_NEAR * exp(-AMOUNT_UNKNOWN_DIFFERENCE)
    of_age = min(one.later * other.earlier, one.earlier * other.later)
    return of_amount * (AGE_ANY + (1.0 - AGE_ANY) * of_age)


cdef vector[double] text_kernel(const float[:, ::1] cosines) except *:
    cdef vector[double] of_texts
    cdef Py_ssize_t one, other, count = cosines.shape[0]
    of_texts.resize(count * count)
    for one in range(count):
        of_texts[one * count + one] = 1.0
        for other in range(one):
            of_texts[one * count + other] = exp((min(1.0, <double>cosines[one, other]) - 1.0) / TEXT_SCALE)
            of_texts[other * count + one] = of_texts[one * count + other]
    return of_texts


cdef void solve(double* matrix, double* right, Py_ssize_t count) noexcept:
    """Solve a positive definite system in place, by Cholesky: the matrix's upper half, row after row.

    Golub & Van Loan 2013, algorithm 4.2.2 (outer product), in which the inner loops run along rows.
    """
    cdef Py_ssize_t step, row, column
    cdef double* pivot
    cdef double* reduced
    cdef double scale
    for step in range(count):
        pivot = matrix + step * count
        scale = 1.0 / sqrt(pivot[step])
        for column in range(step, count):
            pivot[column] *= scale
        right[step] *= scale
        for row in range(step + 1, count):
            scale = pivot[row]
            reduced = matrix + row * count
            for column in range(row, count):
                reduced[column] -= scale * pivot[column]
            right[row] -= scale * right[step]
    for step in range(count - 1, -1, -1):
        pivot = matrix + step * count
        scale = right[step]
        for column in range(step + 1, count):
            scale -= pivot[column] * right[column]
        right[step] = scale / pivot[step]
