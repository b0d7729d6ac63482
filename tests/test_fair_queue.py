"""The queue before the threads: by turns over tenants, in each tenant's own order, within bounds."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from likewise_server.fair_queue import NOBODY, FairQueue

TENANTS = st.sampled_from([NOBODY, "a", "b", "c"])


def drained(queue: FairQueue[tuple[str, int]]) -> list[tuple[str, int]]:
    items = []
    while (item := queue.next()) is not None:
        items.append(item)
        queue.done(item[0])
    return items


@given(st.lists(TENANTS, max_size=40))
def test_all_come_out_by_turns_and_each_tenants_in_its_order(tenants: list[str]) -> None:
    queue = FairQueue[tuple[str, int]](1)
    for number, tenant in enumerate(tenants):
        queue.add(tenant, (tenant, number))
    assert len(queue) == len(tenants)
    out = drained(queue)
    assert sorted(out, key=lambda item: item[1]) == list(zip(tenants, range(len(tenants)), strict=True))
    for tenant in set(tenants):
        own = [number for name, number in out if name == tenant]
        assert own == sorted(own)
    for position, (tenant, _) in enumerate(out):
        still_waiting = {name for name, _ in out[position:]}
        until_next = [name for name, _ in out[position + 1 :]]
        if tenant in until_next:
            assert set(until_next[: until_next.index(tenant)]) == still_waiting - {tenant}
    assert not queue
    assert queue.next() is None


@given(st.lists(TENANTS, max_size=30), TENANTS)
def test_what_comes_before_is_known(tenants: list[str], newcomer: str) -> None:
    queue = FairQueue[tuple[str, int]](1)
    for number, tenant in enumerate(tenants):
        queue.add(tenant, (tenant, number))
    ahead = queue.ahead_of(newcomer)
    queue.add(newcomer, (newcomer, -1))
    before = drained(queue).index((newcomer, -1))
    assert before <= ahead
    if newcomer not in tenants:
        assert before == ahead == len(list(groupby(sorted(tenants))))


@given(st.lists(st.tuples(TENANTS, st.booleans()), max_size=60), st.integers(1, 3))
def test_no_tenant_has_more_at_work_than_it_may_and_nobody_else_waits_for_it(
    steps: list[tuple[str, bool]], at_work_max: int
) -> None:
    queue = FairQueue[str](at_work_max)
    waiting, at_work = list[str](), list[str]()
    for tenant, is_done in steps:
        if is_done and at_work:
            queue.done(at_work.pop(0))
        waiting.append(tenant)
        queue.add(tenant, tenant)
        item = queue.next()
        allowed = [name for name in waiting if name == NOBODY or at_work.count(name) < at_work_max]
        assert (item is None) == (not allowed)
        if item is not None:
            assert item in allowed
            waiting.remove(item)
            at_work.append(item)
        assert queue.is_allowed(tenant) == (tenant == NOBODY or at_work.count(tenant) < at_work_max)
