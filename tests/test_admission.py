"""Who is let in: by the time that a call would wait, and by whether there is too much work."""

from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_server.admission import Admission

MS = 1_000_000
S = 1_000 * MS


def admission(places: int = 2) -> Admission:
    """One that knows that calls take 2 ms; 10 ms may be waited, and 100 in quiet times."""
    knows = Admission(places, 10, 100)
    for _ in range(200):
        knows.served(2 * MS)
    return knows


def test_a_wait_is_what_comes_before_at_the_pace_of_late() -> None:
    knows = admission()
    assert round(knows.service_ms, 3) == 2.0
    assert round(knows.wait_ns(ahead=0, still_ns=0) / MS, 3) == 1.0
    assert round(knows.wait_ns(ahead=9, still_ns=0) / MS, 3) == 10.0
    for _ in range(200):
        knows.served(4 * MS)
    assert round(knows.wait_ns(ahead=9, still_ns=0) / MS, 3) == 20.0


def test_where_nothing_moves_the_wait_is_as_long_as_nothing_has() -> None:
    assert admission().wait_ns(ahead=0, still_ns=3 * S) == 3 * S


def test_one_call_that_takes_long_says_little_of_the_next() -> None:
    knows = admission()
    knows.served(10 * S)
    assert knows.service_ms < 2.5
    for _ in range(30):
        knows.served(10 * S)
    assert knows.service_ms > 50


def test_a_burst_is_let_in_until_it_is_too_much_and_again_after_a_quiet_second() -> None:
    knows, now_ns = admission(), 5 * S
    assert not knows.is_too_long(99 * MS, now_ns)
    assert knows.is_too_long(101 * MS, now_ns)
    knows.refuse(101 * MS, now_ns)
    assert knows.is_too_long(11 * MS, now_ns)
    assert not knows.is_too_long(9 * MS, now_ns)
    knows.refuse(11 * MS, now_ns + S)
    assert knows.is_too_long(11 * MS, now_ns + 2 * S)
    assert not knows.is_too_long(99 * MS, now_ns + 2 * S + 1)


def test_who_may_wait_for_long_may_in_a_burst_too() -> None:
    assert not Admission(1, 250, 100).is_too_long(200 * MS, 0)


def test_the_longer_there_is_too_much_the_later_one_is_to_come_again() -> None:
    knows = admission()
    first_ms = [knows.refuse(40 * MS, 7 * S) for _ in range(100)]
    assert all(30 <= delay_ms <= 50 for delay_ms in first_ms)
    assert len(set(first_ms)) > 5, "those who are refused together come again together"
    second = [knows.refuse(40 * MS, 7 * S + step * S // 2) for step in range(1, 5)]
    assert second[-1] >= 0.75 * 1_000
    # A second after the last refusal it is another overload.
    assert knows.refuse(40 * MS, 60 * S) <= 50


@given(st.floats(0, 1e15), st.integers(0, 10**15))
def test_the_time_to_wait_is_within_bounds(wait_ns: float, later_ns: int) -> None:
    knows = admission()
    knows.refuse(0.0, 0)
    delay_ms = knows.refuse(wait_ns, later_ns)
    assert limits.RETRY_AFTER_MS_MIN <= delay_ms <= limits.RETRY_AFTER_MS_MAX
