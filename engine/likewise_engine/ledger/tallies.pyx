"""What thousands of latest labels add up to; compiled, since the first question after a lesson waits for it."""

from cython.operator cimport dereference
from libc.math cimport exp, fabs, isnan, log1p, pow, signbit
from libc.stdint cimport int32_t, int64_t
from libcpp.algorithm cimport sort, stable_sort
from libcpp.unordered_map cimport unordered_map
from libcpp.vector cimport vector

import numpy as np

cdef double RECENT_SCALE = 100.0  # labels after which one counts a third for the recent share
cdef double PRIOR_LABELS = 5.0  # what the amounts of all categories count for in the amounts of one
cdef double VARIANCE_MIN = 0.01
cdef double FADING = 0.8  # a succession against the one after it, of the same category: the latest five say two thirds
cdef double PRIOR_STAY = 1.0  # successions by which every category is its own successor, until others are seen


def labelled_rows(
    const int32_t[::1] labels not None,
    const unsigned char[::1] alive not None,
    const int32_t[::1] order_day not None,
    int32_t first_day,
):
    """Live rows that have a label and are of a day from ``first_day`` on, by day and then by row."""
    cdef vector[int64_t] found  # the day above, the row below: books are mostly taught in order
    cdef bint is_sorted = True
    cdef int64_t when
    cdef Py_ssize_t row
    for row in range(labels.shape[0]):
        if alive[row] and labels[row] >= 0 and order_day[row] >= first_day:
            when = (<int64_t>order_day[row] << 32) | row
            is_sorted = is_sorted and (found.empty() or found.back() < when)
            found.push_back(when)
    if not is_sorted:
        sort(found.begin(), found.end())
    rows = np.empty(found.size(), dtype=np.int64)
    cdef int64_t[::1] into = rows
    for row in range(into.shape[0]):
        into[row] = found[row] & 0xFFFFFFFF
    return rows


def habits_of(const int32_t[::1] labels not None, const double[::1] amounts not None, Py_ssize_t categories):
    cdef Py_ssize_t position, category, count = labels.shape[0]
    cdef double total_faded = 0.0, faded, size, known = 0.0, total = 0.0, squares = 0.0, mean, variance
    tallied = np.zeros((6, categories))
    cdef double[:, ::1] of = tallied
    cdef double[::1] share = of[0], recent = of[1], since = of[2]
    cdef double[::1] amount_mean = of[3], amount_variance = of[4], negative = of[5]
    cdef vector[double] log_amount = vector[double](count, 0.0)
    cdef vector[double] amount_counts = vector[double](categories, 0.0)
    since[:] = count
    for position in range(count):
        category = labels[position]
        faded = exp((count - 1 - position) / -RECENT_SCALE)
        total_faded += faded
        share[category] += 1.0
        recent[category] += faded
        since[category] = count - 1 - position
        if not isnan(amounts[position]):
            known += 1.0
            log_amount[position] = log1p(fabs(amounts[position]))
            total += log_amount[position]
    mean = total / known if known else 0.0
    for position in range(count):
        if not isnan(amounts[position]):
            category, size = labels[position], log_amount[position] - mean
            amount_counts[category] += 1.0
            amount_mean[category] += size
            amount_variance[category] += size * size
            negative[category] += signbit(amounts[position]) != 0
            squares += size * size
    variance = max(squares / known, VARIANCE_MIN) if known else 1.0
    for category in range(categories):
        known = amount_counts[category] + PRIOR_LABELS
        amount_mean[category] /= known
        amount_variance[category] = max(
            VARIANCE_MIN,
            (amount_variance[category] + PRIOR_LABELS * variance) / known
            - amount_mean[category] * amount_mean[category],
        )
        amount_mean[category] += mean
        negative[category] = (negative[category] + 0.5) / (amount_counts[category] + 1.0)
        share[category] /= max(1, count)
        recent[category] /= max(total_faded, 1.0)
    return tuple(tallied), mean, variance


cdef struct Succession:
    int64_t pair  # before x categories + after
    double weight


cdef bint is_before(const Succession& one, const Succession& other) noexcept:
    return one.pair < other.pair


def successions_of(const int32_t[::1] labels not None, const int64_t[::1] whose not None, Py_ssize_t categories):
    cdef vector[Succession] latest = latest_successions(labels, whose, categories)
    cdef Py_ssize_t position, first, found = 0, category
    cdef vector[double] total = vector[double](categories, PRIOR_STAY)
    for succession in latest:
        total[succession.pair // categories] += succession.weight
    # Stable: each sum goes from the latest succession on, whatever the numbers of the categories.
    stable_sort(latest.begin(), latest.end(), is_before)
    stays, befores = np.empty(categories), np.empty(latest.size(), dtype=np.int64)
    afters, shares = np.empty(latest.size(), dtype=np.int64), np.empty(latest.size())
    cdef double[::1] stay = stays, share = shares
    cdef int64_t[::1] before = befores, after = afters
    cdef double weight
    for category in range(categories):
        stay[category] = PRIOR_STAY / total[category]
    position = 0
    while position < <Py_ssize_t>latest.size():
        first, weight = position, 0.0
        while position < <Py_ssize_t>latest.size() and latest[position].pair == latest[first].pair:
            weight += latest[position].weight
            position += 1
        category = latest[first].pair // categories
        if latest[first].pair % categories == category:
            stay[category] += weight / total[category]
        else:
            before[found], after[found] = category, latest[first].pair % categories
            share[found] = weight / total[category]
            found += 1
    return stays, befores[:found], afters[:found], shares[:found]


cdef vector[Succession] latest_successions(
    const int32_t[::1] labels, const int64_t[::1] whose, Py_ssize_t categories
) except *:
    """The latest succession of each payee and category, the latest first, weighed by its place in its category."""
    cdef Py_ssize_t position, count = labels.shape[0]
    cdef unordered_map[int64_t, Py_ssize_t] last
    cdef unordered_map[int64_t, bint] is_met
    cdef vector[Py_ssize_t] previous = vector[Py_ssize_t](count, -1)
    cdef vector[int64_t] payee = vector[int64_t](count, 0)
    cdef vector[double] rank = vector[double](categories, 0.0)
    cdef vector[Succession] latest
    cdef int64_t key, before
    last.reserve(count)
    is_met.reserve(count)
    for position in range(count):
        found = last.find(whose[position])
        if found == last.end():
            payee[position] = last.size()
            last[whose[position]] = position
            continue
        previous[position] = dereference(found).second
        payee[position] = payee[previous[position]]
        dereference(found).second = position
    for position in range(count - 1, -1, -1):
        if previous[position] < 0:
            continue
        before = labels[previous[position]]
        key = payee[position] * categories + before
        if is_met.count(key):
            continue
        is_met[key] = True
        latest.push_back(Succession(before * categories + labels[position], pow(FADING, rank[before])))
        rank[before] += 1.0
    return latest
