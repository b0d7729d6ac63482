"""Threads of a lane: its places, what waits aside, who gives way. Held by events, and not by time."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from likewise_engine import limits
from likewise_engine.errors import Overloaded
from likewise_server.lane import Call, Lane, LaneBounds
from likewise_server.turnstile import Turnstile

BOUNDS = LaneBounds(
    places=1, queue_max=3, wait_ms_max=60_000, burst_wait_ms_max=0, at_work_max=30, spare_threads=32
)
PATIENCE_S = 10.0


class Held:
    """Work that lasts until it is let go; notes in ``done`` when it ends."""

    def __init__(self, name: str, done: list[str], before: Callable[[], None] = lambda: None) -> None:
        self.has_begun = threading.Event()
        self._gate = threading.Event()
        self._name, self._done, self._before = name, done, before

    def __call__(self) -> None:
        self._before()
        self.has_begun.set()
        assert self._gate.wait(PATIENCE_S)
        self._done.append(self._name)

    def let_go(self) -> None:
        self._gate.set()


@pytest.fixture
def lanes() -> Iterator[Callable[[LaneBounds], Lane]]:
    with ExitStack() as made:

        def make(bounds: LaneBounds) -> Lane:
            lane = Lane("test", bounds)
            made.callback(lane.shutdown)
            return lane

        yield make


def wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        time.sleep(0.001)
    pytest.fail("it did not come so far")


def test_a_lane_does_as_many_calls_at_once_as_it_has_places(lanes: Callable[[LaneBounds], Lane]) -> None:
    lane, done = lanes(BOUNDS), list[str]()
    held = [Held(name, done, lane.begin_turn) for name in "abc"]
    for work in held:
        lane.take(Call("t", work))
        assert held[0].has_begun.wait(PATIENCE_S)
    assert (lane.counts().at_work, lane.counts().waiting) == (1, 2)
    for work in held:
        work.let_go()
    wait_until(lambda: done == ["a", "b", "c"])
    assert lane.counts().accepted == 3
    wait_until(lambda: lane.counts().at_work == 0)


def test_a_call_that_was_not_read_yet_keeps_nobody_from_computing(
    lanes: Callable[[LaneBounds], Lane],
) -> None:
    lane, done = lanes(BOUNDS), list[str]()
    unread = [Held(name, done) for name in "ab"]
    for work in unread:
        lane.take(Call("t", work))  # nothing more comes that would remind the lane of it
        assert work.has_begun.wait(PATIENCE_S)
    read = Held("c", done, lane.begin_turn)
    lane.take(Call("t", read))
    assert read.has_begun.wait(PATIENCE_S)
    # Now somebody computes, so that another call waits.
    waiting = Held("d", done, lane.begin_turn)
    lane.take(Call("t", waiting))
    assert lane.counts().waiting == 1
    for work in (read, waiting):
        work.let_go()
    wait_until(lambda: done == ["c", "d"])
    for work in unread:
        work.let_go()
    wait_until(lambda: sorted(done) == ["a", "b", "c", "d"])


def test_who_comes_back_from_aside_waits_for_a_turn_and_has_it_before_those_not_begun(
    lanes: Callable[[LaneBounds], Lane],
) -> None:
    lane, done = lanes(BOUNDS), list[str]()
    away = Held("away", done)
    back = threading.Event()

    def go_aside() -> None:
        lane.begin_turn()
        with lane.aside():
            away()
        back.set()
        done.append("back")

    lane.take(Call("t", go_aside))
    assert away.has_begun.wait(PATIENCE_S)
    assert (lane.counts().aside, lane.counts().at_work) == (1, 0)
    other, next_ = Held("other", done, lane.begin_turn), Held("next", done, lane.begin_turn)
    next_.let_go()
    lane.take(Call("t", other))
    assert other.has_begun.wait(PATIENCE_S)
    lane.take(Call("t", next_))
    away.let_go()
    wait_until(lambda: lane.counts().aside == 0)
    assert not back.is_set()
    other.let_go()
    wait_until(lambda: len(done) == 4)
    assert done == ["away", "other", "back", "next"]


def test_no_more_wait_aside_than_may(lanes: Callable[[LaneBounds], Lane]) -> None:
    lane, done = lanes(BOUNDS), list[str]()
    refused = list[Overloaded]()
    away = [Held(str(number), done) for number in range(limits.CALLS_ASIDE_MAX)]

    def go_aside(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            lane.begin_turn()
            try:
                with lane.aside():
                    work()
            except Overloaded as error:
                refused.append(error)

        return run

    for work in away:
        lane.take(Call("t", go_aside(work)))
        assert work.has_begun.wait(PATIENCE_S)
    lane.take(Call("t", go_aside(lambda: done.append("one too many"))))
    wait_until(lambda: len(refused) == 1)
    assert refused[0].retry_after_ms >= limits.RETRY_AFTER_MS_MIN
    for work in away:
        work.let_go()
    wait_until(lambda: lane.counts().at_work == lane.counts().aside == 0)
    assert "one too many" not in done


def test_a_tenant_has_not_all_places(lanes: Callable[[LaneBounds], Lane]) -> None:
    bounds = LaneBounds(
        places=2, queue_max=0, wait_ms_max=1, burst_wait_ms_max=1, at_work_max=1, spare_threads=0
    )
    lane, done = lanes(bounds), list[str]()
    held = Held("a", done, lane.begin_turn)
    assert lane.refusal("t", time.perf_counter_ns()) is None
    lane.take(Call("t", held))
    assert held.has_begun.wait(PATIENCE_S)
    assert lane.refusal("t", time.perf_counter_ns()) is not None
    assert lane.refusal("u", time.perf_counter_ns()) is None
    held.let_go()


def test_calls_that_nobody_waited_for_say_nothing_of_how_long_one_takes(
    lanes: Callable[[LaneBounds], Lane],
) -> None:
    lane = lanes(BOUNDS)
    before_ms = lane.counts().service_ms

    def dropped() -> None:
        lane.begin_turn()
        lane.note_dropped()

    lane.take(Call("t", dropped))
    lane.take(Call("t", lambda: None))  # was never read
    wait_until(lambda: lane.counts().at_work == lane.counts().waiting == 0)
    assert (lane.counts().dropped, lane.counts().service_ms) == (1, before_ms)
    lane.take(Call("t", lane.begin_turn))
    wait_until(lambda: lane.counts().service_ms != before_ms)


class Drowsy(Lane):
    """A lane whose worker takes its time between its last call and its sleep."""

    def __init__(self) -> None:
        super().__init__("test", BOUNDS)
        self.is_drowsy, self.is_given = threading.Event(), threading.Event()

    def _finish(self, *arguments: Any) -> bool:
        has_more = super()._finish(*arguments)
        if not self.is_drowsy.is_set():
            self.is_drowsy.set()
            assert self.is_given.wait(PATIENCE_S)
        return has_more


def test_a_worker_that_is_given_something_as_it_falls_asleep_sleeps_no_less_well_later() -> None:
    lane, done = Drowsy(), list[str]()
    lane.take(Call("t", lambda: done.append("a")))
    assert lane.is_drowsy.wait(PATIENCE_S)
    lane.take(Call("t", lambda: done.append("b")))
    lane.is_given.set()
    for name in "cd":
        wait_until(lambda: lane.counts().at_work == 0)
        lane.take(Call("t", lambda name=name: done.append(name)))  # type: ignore[misc]
    lane.shutdown()
    assert done == ["a", "b", "c", "d"]


def test_what_was_taken_is_done_before_a_lane_ends() -> None:
    lane, done = Lane("test", BOUNDS), list[str]()
    held = [Held(name, done, lane.begin_turn) for name in "ab"]
    for work in held:
        lane.take(Call("t", work))
        work.let_go()
    lane.shutdown()
    assert done == ["a", "b"]


def test_pieces_of_streams_go_one_at_a_time_in_their_order(lanes: Callable[[LaneBounds], Lane]) -> None:
    turnstile, order = Turnstile(lanes(BOUNDS)), list[str]()
    inside, waiting = threading.Event(), threading.Event()

    def piece(name: str) -> None:
        with turnstile.passage():
            order.append(name)
            inside.set()
            assert waiting.wait(PATIENCE_S)

    with ThreadPoolExecutor(4) as streams:
        streams.submit(piece, "a")
        assert inside.wait(PATIENCE_S)
        for number, name in enumerate("bc", 1):
            streams.submit(piece, name)
            wait_until(lambda number=number: len(turnstile._waiting) == number)  # type: ignore[misc]
        assert order == ["a"]
        waiting.set()
    assert order == ["a", "b", "c"]


def test_a_piece_gives_way_to_calls_but_not_for_ever(
    lanes: Callable[[LaneBounds], Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, order = lanes(BOUNDS), list[str]()
    turnstile = Turnstile(lane)
    held = Held("call", order, lane.begin_turn)
    lane.take(Call("t", held))
    assert held.has_begun.wait(PATIENCE_S)
    with turnstile.passage():
        order.append("first piece")  # the call does not end, so that the time is up
    monkeypatch.setattr(limits, "BULK_GIVES_WAY_MS_MAX", PATIENCE_S * 1_000)
    with ThreadPoolExecutor(1) as streams:

        def piece() -> None:
            with turnstile.passage():
                order.append("second piece")

        passed = streams.submit(piece)
        wait_until(lambda: turnstile._is_taken)
        held.let_go()
        passed.result(PATIENCE_S)
    assert order == ["first piece", "call", "second piece"]


def test_a_piece_gives_way_within_after_every_slice_of_its_work(
    lanes: Callable[[LaneBounds], Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, order = lanes(BOUNDS), list[str]()
    turnstile = Turnstile(lane)
    monkeypatch.setattr(limits, "BULK_GIVES_WAY_MS_MAX", PATIENCE_S * 1_000)
    monkeypatch.setattr(limits, "BULK_SLICE_MS", 0)
    held, is_in, is_called = Held("call", order, lane.begin_turn), threading.Event(), threading.Event()

    def piece() -> None:
        with turnstile.passage() as give_way:
            is_in.set()
            assert is_called.wait(PATIENCE_S)
            give_way()
            order.append("rest of the piece")

    with ThreadPoolExecutor(1) as streams:
        passed = streams.submit(piece)
        assert is_in.wait(PATIENCE_S)
        lane.take(Call("t", held))
        assert held.has_begun.wait(PATIENCE_S)
        is_called.set()
        wait_until(lambda: bool(lane._quiet._waiters))  # type: ignore[attr-defined]
        held.let_go()
        passed.result(PATIENCE_S)
    assert order == ["call", "rest of the piece"]


def test_a_piece_does_not_give_way_before_its_slice_is_over(
    lanes: Callable[[LaneBounds], Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, waits = lanes(BOUNDS), list[float]()
    monkeypatch.setattr(lane, "wait_until_quiet", waits.append)
    monkeypatch.setattr(limits, "BULK_SLICE_MS", PATIENCE_S * 1_000)
    with Turnstile(lane).passage() as give_way:
        for _ in range(100):
            give_way()
    assert len(waits) == 1
