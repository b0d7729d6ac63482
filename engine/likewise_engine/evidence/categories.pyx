"""What is known of each candidate besides the rows: habits, successions, head, name and place in the books."""

from libc.math cimport copysign, fabs, isnan, log, log1p
from libc.stdint cimport int64_t
from libcpp cimport bool as boolean
from libcpp.algorithm cimport lower_bound, partial_sort, sort
from libcpp.utility cimport pair
from libcpp.vector cimport vector

from likewise_engine.evidence.comparing cimport best_other

HABIT_FEATURES = (
    "amount_fit",
    "sign_fit",
    "category_recent_share",
    "category_overdue",
)
cdef enum:
    AMOUNT_FIT
    SIGN_FIT
    RECENT_SHARE
    OVERDUE

SUCCESSION_FEATURES = (
    "share_passed_on",
    "share_passed_on_gap",
    "succession_stay",
)
cdef enum:
    PASSED_ON
    PASSED_ON_GAP
    STAY

HEAD_FEATURES = (
    "head",
    "head_gap",
    "head_rank",
)
cdef enum:
    HEARD
    HEARD_GAP
    HEARD_RANK

NAME_FEATURES = (
    "name_similarity",
    "name_similarity_gap",
)
cdef enum:
    NAME_SIMILARITY
    NAME_SIMILARITY_GAP

BOOK_FEATURES = (
    "share_of_dimension",
    "labels_log",
    "candidates_log",
    "rows_all_log",
    "rows_same_text_log",
    "rows_same_payee_log",
    "mass_log",
)
cdef enum:
    SHARE_OF_DIMENSION
    LABELS_LOG
    CANDIDATES_LOG
    ROWS_ALL_LOG
    ROWS_SAME_TEXT_LOG
    ROWS_SAME_PAYEE_LOG
    MASS_LOG

cdef double FIT_MAX = 10.0  # bounds the log likelihood ratio of amounts, either way
cdef Py_ssize_t RANK_MAX = 20
cdef double LOG_MASS_MIN = -60.0  # where nothing is near, how far off it is tells no more


def fill_habits(
    habits not None, double log_amount, const int64_t[::1] candidates not None, double[:, ::1] features not None
):
    cdef const double[::1] mean = habits.amount_mean, variance = habits.amount_variance
    cdef const double[::1] negative = habits.negative_share, share = habits.share
    cdef const double[::1] recent = habits.recent_share, since = habits.labels_since
    cdef Py_ssize_t one, category
    cdef double fit, size = fabs(log_amount)
    cdef bint is_known = not isnan(log_amount), is_out = copysign(1.0, log_amount) < 0
    cdef double misfit = habits.misfit(size) if is_known else 0.0
    for one in range(candidates.shape[0]):
        category = candidates[one]
        features[AMOUNT_FIT, one], features[SIGN_FIT, one] = 0.0, 0.5
        if is_known:
            fit = (size - mean[category]) * (size - mean[category]) / variance[category] + log(variance[category])
            features[AMOUNT_FIT, one] = min(max((misfit - fit) / 2.0, -FIT_MAX), FIT_MAX)
            features[SIGN_FIT, one] = negative[category] if is_out else 1.0 - negative[category]
        features[RECENT_SHARE, one] = recent[category]
        features[OVERDUE, one] = log1p(since[category] * share[category])


def fill_successions(
    successions not None,
    const double[::1] share not None,
    const int64_t[::1] candidates not None,
    double[:, ::1] features not None,
):
    """What candidates hold once each has passed on to its successors what these take; the rest is lost."""
    cdef const int64_t[::1] before = successions.before, after = successions.after
    cdef const double[::1] passed = successions.share, stay = successions.stay
    cdef vector[int64_t] position = vector[int64_t](stay.shape[0], -1)
    cdef vector[pair[double, int64_t]] moves
    cdef Py_ssize_t one, giver, taker
    for one in range(candidates.shape[0]):
        position[candidates[one]] = one
    for one in range(before.shape[0]):
        giver, taker = position[before[one]], position[after[one]]
        if giver >= 0 and taker >= 0:
            moves.push_back(pair[double, int64_t](share[giver] * passed[one], taker))
    # From the least: the same sum to the last bit, however categories are numbered.
    sort(moves.begin(), moves.end())
    features[PASSED_ON, :] = 0.0
    for move in moves:
        features[PASSED_ON, move.second] += move.first
    for one in range(candidates.shape[0]):
        features[PASSED_ON, one] = share[one] * stay[candidates[one]] + features[PASSED_ON, one]
        features[STAY, one] = stay[candidates[one]]
    best_other(features[PASSED_ON], features[PASSED_ON_GAP])
    for one in range(candidates.shape[0]):
        features[PASSED_ON_GAP, one] = features[PASSED_ON, one] - features[PASSED_ON_GAP, one]


def fill_head(
    const double[::1] heard not None, const int64_t[::1] candidates not None, double[:, ::1] features not None
):
    """Log probability, lead and rank of each candidate; ranks are told up to RANK_MAX."""
    cdef vector[double] negated
    cdef Py_ssize_t one, category, count = candidates.shape[0]
    for category in range(heard.shape[0]):
        negated.push_back(-heard[category])
    cdef Py_ssize_t ranks = min(RANK_MAX, <Py_ssize_t>negated.size())
    partial_sort(negated.begin(), negated.begin() + ranks, negated.end())
    for one in range(count):
        features[HEARD, one] = heard[candidates[one]]
        features[HEARD_RANK, one] = (
            lower_bound(negated.begin(), negated.begin() + ranks, -features[HEARD, one]) - negated.begin()
        )
    best_other(features[HEARD], features[HEARD_GAP])
    for one in range(count):
        features[HEARD_GAP, one] = features[HEARD, one] - features[HEARD_GAP, one] if count > 1 else 0.0


def fill_names(
    const double[::1] nearness not None, const int64_t[::1] candidates not None, double[:, ::1] features not None
):
    cdef double best = -1.0
    cdef Py_ssize_t one
    for one in range(candidates.shape[0]):
        features[NAME_SIMILARITY, one] = nearness[candidates[one]]
        best = max(best, features[NAME_SIMILARITY, one])
    for one in range(candidates.shape[0]):
        features[NAME_SIMILARITY_GAP, one] = features[NAME_SIMILARITY, one] - best


def fill_books(
    around not None,
    const int64_t[::1] rows not None,
    const int64_t[::1] candidates not None,
    const int64_t[::1] counts not None,
    const int64_t[::1] dimensions not None,
    double log_mass,
    double[:, ::1] features not None,
):
    """Label counts and dimensions are by category."""
    cdef const boolean[::1] same_text = around.same_text, same_payee = around.same_payee
    cdef Py_ssize_t one
    cdef int64_t labels = 0, of_text = 0, of_payee = 0
    for one in range(counts.shape[0]):
        if dimensions[one] == dimensions[candidates[0]]:
            labels += counts[one]
    for one in range(rows.shape[0]):
        of_text += same_text[rows[one]]
        of_payee += same_payee[rows[one]]
    for one in range(candidates.shape[0]):
        features[SHARE_OF_DIMENSION, one] = counts[candidates[one]] / <double>max(<int64_t>1, labels)
    features[LABELS_LOG, :] = log1p(labels)
    features[CANDIDATES_LOG, :] = log(candidates.shape[0])
    features[ROWS_ALL_LOG, :] = log1p(rows.shape[0])
    features[ROWS_SAME_TEXT_LOG, :] = log1p(of_text)
    features[ROWS_SAME_PAYEE_LOG, :] = log1p(of_payee)
    features[MASS_LOG, :] = max(log_mass, LOG_MASS_MIN)
