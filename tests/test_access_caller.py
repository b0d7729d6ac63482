"""Whose call it is, is known to the thread that answers it, and to no other."""

import threading

from likewise_server.access.caller import ALL_SCOPES, LOCAL, Caller, Calling, Scope, current_caller

APP = Caller("token:0123456789 app", "cafe", frozenset({Scope.CLASSIFY}))


def test_without_a_call_it_is_the_local_caller_who_may_do_all() -> None:
    assert current_caller() == LOCAL
    assert (LOCAL.name, LOCAL.tenant, LOCAL.scopes) == ("local", None, ALL_SCOPES)


def test_the_caller_is_that_of_the_innermost_call_and_of_this_thread_alone() -> None:
    seen: list[Caller] = []
    with Calling(APP):
        assert current_caller() == APP
        with Calling(LOCAL):
            assert current_caller() == LOCAL
        assert current_caller() == APP
        other = threading.Thread(target=lambda: seen.append(current_caller()))
        other.start()
        other.join()
    assert (current_caller(), seen) == (LOCAL, [LOCAL])


def test_the_caller_is_let_go_of_when_a_call_fails() -> None:
    try:
        with Calling(APP):
            raise ConnectionError
    except ConnectionError:
        assert current_caller() == LOCAL
