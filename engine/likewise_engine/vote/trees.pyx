"""What a tree ensemble makes of all candidates of a question at once; compiled.

Row by row, each tree is a chain of jumps that no processor foresees. So it goes node by node for up to 64 rows,
as bits of a word (in the manner of QuickScorer, Lucchese et al. 2015): which rows turn left at each node is found
for all nodes of a feature by walking along its sorted thresholds with the sorted rows; then every tree hands
the rows down from its root to its leaves, all those at once that go the same way.
"""

from libc.stdint cimport int32_t, uint64_t
from libcpp.algorithm cimport sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

import numpy as np

cdef extern from *:
    int __builtin_ctzll(unsigned long long) nogil

cdef enum:
    ROWS_AT_ONCE = 64

ctypedef pair[float, int32_t] ranked

cdef struct Node:
    int32_t left, right  # a node, or the complement (~) of a leaf's number


cdef class Trees:
    """The nodes of an ensemble. Immutable; for any number of threads."""

    cdef vector[Node] nodes
    cdef vector[float] leaves
    cdef vector[int32_t] roots  # as a node's children
    cdef vector[vector[ranked]] by_feature  # (threshold, node), ascending
    cdef readonly int features
    cdef float base

    def __init__(self, ensemble not None, int features):
        """Take over an ensemble over so many features. Raises ValueError: it asks for others."""
        cdef const int32_t[::1] feature = ensemble.feature, left = ensemble.left, right = ensemble.right
        cdef const int32_t[::1] roots = ensemble.roots
        cdef const float[::1] threshold = ensemble.threshold, value = ensemble.value
        cdef vector[int32_t] number
        cdef Py_ssize_t node, count = feature.shape[0]
        cdef int32_t inner = 0
        cdef int asked
        self.features, self.base = features, ensemble.base
        self.by_feature.resize(features)
        for node in range(count):
            if feature[node] >= features:
                raise ValueError(f"it asks for feature {feature[node]} of {features}")
            if feature[node] >= 0:
                self.by_feature[feature[node]].push_back(ranked(threshold[node], inner))
                number.push_back(inner)
                inner += 1
            else:
                number.push_back(~<int32_t>self.leaves.size())
                self.leaves.push_back(value[node])
        for node in range(count):
            if feature[node] >= 0:
                self.nodes.push_back(Node(number[left[node]], number[right[node]]))
        for node in range(roots.shape[0]):
            self.roots.push_back(number[roots[node]])
        for asked in range(features):
            sort(self.by_feature[asked].begin(), self.by_feature[asked].end())

    def scores(self, const float[:, :] rows not None):
        """The score of each row, float32 ``(c,)``; of rows ``(c, features)`` without NaN."""
        if rows.shape[1] != self.features:
            raise ValueError(f"rows have {rows.shape[1]} features instead of {self.features}")
        result = np.empty(rows.shape[0], dtype=np.float32)
        cdef float[::1] scores = result
        cdef Py_ssize_t first
        for first in range(0, rows.shape[0], ROWS_AT_ONCE):
            self.score(rows, first, min(<Py_ssize_t>ROWS_AT_ONCE, rows.shape[0] - first), scores)
        return result

    cdef int score(self, const float[:, :] rows, Py_ssize_t first, int count, float[::1] scores) except -1:
        cdef uint64_t everyone = ~<uint64_t>0 >> (ROWS_AT_ONCE - count)
        cdef vector[uint64_t] go_left = self.turns(rows, first, count)
        cdef vector[pair[int32_t, uint64_t]] ahead  # nodes with the rows that come there
        cdef int32_t node
        cdef uint64_t those
        cdef float value
        cdef float[ROWS_AT_ONCE] sums
        cdef int row
        for row in range(count):
            sums[row] = self.base
        for root in self.roots:
            ahead.push_back(pair[int32_t, uint64_t](root, everyone))
            while not ahead.empty():
                node, those = ahead.back().first, ahead.back().second
                ahead.pop_back()
                while node >= 0:
                    if those & ~go_left[node]:
                        if not those & go_left[node]:
                            node = self.nodes[node].right
                            continue
                        ahead.push_back(
                            pair[int32_t, uint64_t](self.nodes[node].right, those & ~go_left[node])
                        )
                        those &= go_left[node]
                    node = self.nodes[node].left
                value = self.leaves[~node]
                while those:
                    sums[__builtin_ctzll(those)] += value
                    those &= those - 1
        for row in range(count):
            scores[first + row] = sums[row]
        return 0

    cdef vector[uint64_t] turns(self, const float[:, :] rows, Py_ssize_t first, int count) except *:
        """By node, which rows are not above its threshold."""
        cdef vector[uint64_t] go_left = vector[uint64_t](self.nodes.size(), 0)
        cdef ranked[ROWS_AT_ONCE] ascending
        cdef uint64_t below
        cdef int feature, row, place, passed
        cdef float value
        for feature in range(self.features):
            if self.by_feature[feature].empty():
                continue
            for row in range(count):
                value, place = rows[first + row, feature], row
                while place and ascending[place - 1].first > value:
                    ascending[place] = ascending[place - 1]
                    place -= 1
                ascending[place].first, ascending[place].second = value, row
            below, passed = 0, 0
            for asked in self.by_feature[feature]:
                while passed < count and ascending[passed].first <= asked.first:
                    below |= <uint64_t>1 << ascending[passed].second
                    passed += 1
                go_left[asked.second] = below
        return go_left
