"""Posting lists made, and the rows of texts gathered from them; compiled, since each question walks through hundreds.

Lists are made without Python's lock: those of a million rows take some 30 ms.
"""

from libc.stdint cimport int32_t, int64_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

ctypedef pair[int32_t, int32_t] day_and_row


def rows_by_text(
    const int32_t[::1] texts not None,
    const int32_t[::1] order_days not None,
    const boolean[::1] alive not None,
    Py_ssize_t texts_count,
):
    """Live rows by text, then by day and row, and where those of each text start: a counting sort."""
    all_starts = np.zeros(texts_count + 1, dtype=np.int32)
    cdef int32_t[::1] starts = all_starts
    cdef Py_ssize_t row, text, count = texts.shape[0]
    cdef vector[int32_t] ends
    with nogil:
        for row in range(count):
            if alive[row]:
                starts[texts[row] + 1] += 1
        for text in range(texts_count):
            starts[text + 1] += starts[text]
            ends.push_back(starts[text])
    all_rows = np.empty(starts[texts_count], dtype=np.int32)
    cdef int32_t[::1] rows = all_rows
    with nogil:
        for row in range(count):
            if alive[row]:
                rows[ends[texts[row]]] = <int32_t>row
                ends[texts[row]] += 1
        for text in range(texts_count):
            sort_by_day(rows, starts[text], starts[text + 1], order_days)
    return all_rows, all_starts


cdef void sort_by_day(
    int32_t[::1] rows, Py_ssize_t start, Py_ssize_t end, const int32_t[::1] order_days
) noexcept nogil:
    """Sort ascending rows by day, if they are not: books are mostly taught in order."""
    cdef vector[day_and_row] dated
    cdef Py_ssize_t position
    for position in range(start + 1, end):
        if order_days[rows[position]] < order_days[rows[position - 1]]:
            break
    else:
        return
    for position in range(start, end):
        dated.push_back(day_and_row(order_days[rows[position]], rows[position]))
    sort(dated.begin(), dated.end())
    for position in range(start, end):
        rows[position] = dated[position - start].second


def latest_rows(
    const int32_t[::1] base not None,
    const int32_t[::1] starts not None,
    dict tail not None,
    const int64_t[::1] texts not None,
    const int32_t[::1] order_days not None,
    const boolean[::1] alive not None,
    Py_ssize_t per_text_max,
    Py_ssize_t in_all_max,
):
    cdef vector[int64_t] rows, ranks
    cdef vector[day_and_row] of_text
    cdef Py_ssize_t rank, position, text, wanted, first, count = alive.shape[0]
    cdef int32_t row
    for rank in range(texts.shape[0]):
        text = texts[rank]
        wanted = min(per_text_max, in_all_max - <Py_ssize_t>rows.size())
        if wanted <= 0:
            break
        of_text.clear()
        if text + 1 < starts.shape[0]:
            position = starts[text + 1]
            # From the latest on back; a base is never younger than the reader's view.
            while position > starts[text] and <Py_ssize_t>of_text.size() < wanted:
                position -= 1
                row = base[position]
                if alive[row]:
                    of_text.push_back(day_and_row(order_days[row], row))
        learned = tail.get(text)
        if learned is not None:
            for row in learned:
                if row < count and alive[row]:
                    of_text.push_back(day_and_row(order_days[row], row))
        # What was learned since may be dated before what was known.
        sort(of_text.begin(), of_text.end())
        first = max(<Py_ssize_t>0, <Py_ssize_t>of_text.size() - wanted)
        for position in range(first, <Py_ssize_t>of_text.size()):
            rows.push_back(of_text[position].second)
            ranks.push_back(rank)
    return as_array(rows), as_array(ranks)


cdef as_array(const vector[int64_t]& values):
    cdef Py_ssize_t position, size = values.size()
    array = np.empty(size, dtype=np.int64)
    cdef int64_t[::1] into = array
    for position in range(size):
        into[position] = values[position]
    return array
