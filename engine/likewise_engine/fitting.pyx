"""What :mod:`likewise_engine.calibration` works out of some hundred outcomes; compiled, since every lesson adds one."""

from libc.math cimport INFINITY, exp, fabs, fmax, fmin, log, sqrt
from libc.stdint cimport int32_t
from libcpp.algorithm cimport sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

from likewise_engine.probabilities import PROBABILITY_MIN

cdef enum:
    COEFFICIENTS_MAX = 3
    NEWTON_STEPS_MAX = 20
cdef double NEWTON_STEP_MAX = 0.5
cdef double NEWTON_TOLERANCE = 1e-3
cdef double NEAREST = PROBABILITY_MIN

ctypedef pair[double, int32_t] falling  # negated, and the position


def logits(const double[::1] probability not None):
    """Of probabilities, those next to 0 and 1 bounded."""
    cdef Py_ssize_t one
    cdef double bounded
    result = np.empty(probability.shape[0])
    cdef double[::1] into = result
    for one in range(probability.shape[0]):
        bounded = fmin(fmax(probability[one], NEAREST), 1.0 - NEAREST)
        into[one] = log(bounded / (1.0 - bounded))
    return result


def sigmoids(const double[::1] logit not None, double slope, double intercept):
    """Probabilities at ``slope * logit + intercept``."""
    cdef Py_ssize_t one
    result = np.empty(logit.shape[0])
    cdef double[::1] into = result
    for one in range(logit.shape[0]):
        into[one] = 1.0 / (1.0 + exp(-slope * logit[one] - intercept))
    return result


def posterior_mode(
    const double[:, ::1] design not None,
    const double[::1] right not None,
    const double[::1] weight not None,
    tuple centre not None,
    tuple scale not None,
):
    """Coefficients of greatest posterior probability of a logistic regression, by Newton's method.

    Steps are bounded: far from the optimum of a logistic likelihood a full one may lead further off.
    """
    cdef Py_ssize_t count = design.shape[0], one, other, row, step
    cdef double[COEFFICIENTS_MAX] at, mean, precision, gradient
    cdef double[COEFFICIENTS_MAX][COEFFICIENTS_MAX] curvature
    cdef double logit, expected, size, scaled
    if count > COEFFICIENTS_MAX:
        raise ValueError(f"{count} coefficients, not {COEFFICIENTS_MAX} at most")
    for one in range(count):
        at[one] = mean[one] = centre[one]
        precision[one] = 1.0 / (<double>scale[one] * <double>scale[one])
    for step in range(NEWTON_STEPS_MAX):
        for one in range(count):
            gradient[one] = precision[one] * (at[one] - mean[one])
            for other in range(count):
                curvature[one][other] = precision[one] if one == other else 0.0
        for row in range(design.shape[1]):
            logit = 0.0
            for one in range(count):
                logit += at[one] * design[one, row]
            expected = 1.0 / (1.0 + exp(-logit))
            for one in range(count):
                scaled = weight[row] * design[one, row]
                gradient[one] += scaled * (expected - right[row])
                scaled *= expected * (1.0 - expected)
                for other in range(one + 1):
                    curvature[one][other] += scaled * design[other, row]
        solve(curvature, gradient, count)
        size = 0.0
        for one in range(count):
            size = fmax(size, fabs(gradient[one]))
        for one in range(count):
            at[one] -= gradient[one] * fmin(1.0, NEWTON_STEP_MAX / fmax(size, NEWTON_STEP_MAX))
        if size < NEWTON_TOLERANCE:
            break
    return [at[one] for one in range(count)]


cdef void solve(double[COEFFICIENTS_MAX][COEFFICIENTS_MAX]& matrix, double* vector, Py_ssize_t count) noexcept:
    """Solve a positive definite system in place, by Cholesky; of the matrix only the lower triangle is read."""
    cdef Py_ssize_t one, other, inner
    for one in range(count):
        for other in range(one + 1):
            for inner in range(other):
                matrix[one][other] -= matrix[one][inner] * matrix[other][inner]
            matrix[one][other] = sqrt(matrix[one][one]) if one == other else matrix[one][other] / matrix[other][other]
    for one in range(count):
        for inner in range(one):
            vector[one] -= matrix[one][inner] * vector[inner]
        vector[one] /= matrix[one][one]
    for one in range(count - 1, -1, -1):
        for inner in range(one + 1, count):
            vector[one] -= matrix[inner][one] * vector[inner]
        vector[one] /= matrix[one][one]


def latest_change(
    const double[::1] surprise not None,
    const int32_t[::1] day not None,
    double sigmas_min,
    Py_ssize_t stretch_min,
    Py_ssize_t days_min,
    double variance_min,
):
    """The first outcome after the latest change of the mean surprise; 0 where none is seen.

    Cut where the means before and after differ most, if that is no chance; and again what is left. Days are
    the clusters of the variance, which is a robust one (Liang and Zeger 1986).
    """
    cdef vector[Py_ssize_t] begins
    cdef vector[double] sums, counts
    cdef Py_ssize_t one, first = 0, greatest
    cdef double sigmas, most
    for one in range(day.shape[0]):
        if one == 0 or day[one] != day[one - 1]:
            begins.push_back(one)
            sums.push_back(0.0)
            counts.push_back(0.0)
        sums[sums.size() - 1] += surprise[one]
        counts[counts.size() - 1] += 1.0
    cdef Py_ssize_t days = begins.size()
    cdef vector[double] mean_before = vector[double](days), error_before = vector[double](days)
    cdef vector[double] mean_after = vector[double](days), error_after = vector[double](days)
    while days - first >= 2 * days_min:
        running(sums, counts, first, days, 1, stretch_min, days_min, variance_min, mean_before, error_before)
        running(sums, counts, days - 1, first - 1, -1, stretch_min, days_min, variance_min, mean_after, error_after)
        greatest, most = first, 0.0
        for one in range(first, days - 1):
            sigmas = fabs(mean_before[one] - mean_after[one + 1]) / sqrt(error_before[one] + error_after[one + 1])
            if sigmas > most:
                greatest, most = one, sigmas
        if most < sigmas_min:
            break
        first = greatest + 1
    return begins[first] if first else 0


cdef void running(
    const vector[double]& surprise,
    const vector[double]& count,
    Py_ssize_t start,
    Py_ssize_t end,
    int direction,
    Py_ssize_t stretch_min,
    Py_ssize_t days_min,
    double variance_min,
    vector[double]& mean,
    vector[double]& squared_error,
) noexcept:
    """Of the stretch from ``start`` up to each day its mean and the squared standard error of that; inf if too short."""
    cdef double total = 0.0, sums = 0.0, squares = 0.0, products = 0.0, counts = 0.0, spread, variance
    cdef Py_ssize_t days = 0, day = start
    while day != end:
        days += 1
        total += count[day]
        sums += surprise[day]
        squares += surprise[day] * surprise[day]
        products += surprise[day] * count[day]
        counts += count[day] * count[day]
        mean[day] = sums / total
        squared_error[day] = INFINITY
        if total >= stretch_min and days >= days_min:
            spread = squares - 2.0 * mean[day] * products + mean[day] * mean[day] * counts
            variance = fmax(spread * days / max(days - 1, 1), variance_min * total)
            squared_error[day] = variance / (total * total)
        day += direction


def error_rates(
    const double[::1] expected not None,
    const double[::1] right not None,
    const double[::1] pooled_expected not None,
    const double[::1] pooled_weight not None,
):
    """Where FILEing could end, descending, and the bounded share of wrong FILEs there.

    What was counted as wrong is believed; what the map expects beyond that by half. Of few FILEs the count
    says little, and it is slow to see drift, which the map, having half as long a memory, sees first.
    """
    cdef Py_ssize_t own = expected.shape[0], place, ends = 0, one
    cdef vector[falling] order
    cdef double filed = 0.0, counted = 0.0, foreseen = 0.0, wrong
    for one in range(own):
        order.push_back(falling(-expected[one], <int32_t>one))
    for one in range(pooled_expected.shape[0]):
        order.push_back(falling(-pooled_expected[one], <int32_t>(own + one)))
    sort(order.begin(), order.end())
    reached, rates = np.empty(order.size()), np.empty(order.size())
    cdef double[::1] threshold = reached, rate = rates
    for place in range(<Py_ssize_t>order.size()):
        one = order[place].second
        if one < own:
            filed += 1.0
            counted += 1.0 - right[one]
            foreseen += 1.0 - expected[one]
        else:
            wrong = pooled_weight[one - own] * (1.0 - pooled_expected[one - own])
            filed += pooled_weight[one - own]
            counted += wrong
            foreseen += wrong
        # A threshold cannot part what has one probability.
        if place + 1 == <Py_ssize_t>order.size() or order[place + 1].first != order[place].first:
            threshold[ends] = -order[place].first
            rate[ends] = (1.0 + fmax(counted, (counted + foreseen) / 2.0)) / (1.0 + filed)
            ends += 1
    return reached[:ends].copy(), rates[:ends].copy()


def excess(const double[::1] right not None, const unsigned char[::1] filed not None, double allowed, double fade):
    """How far errors among what was FILEd exceed what is allowed, each fading with every outcome after it: a CUSUM."""
    cdef double sum = 0.0
    cdef Py_ssize_t one
    for one in range(right.shape[0]):
        sum *= fade
        if filed[one]:
            sum = fmax(0.0, sum + (1.0 - right[one]) - allowed)
    return sum
