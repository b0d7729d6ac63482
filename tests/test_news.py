"""News among processes: each hears of what the others wrote, and of nothing else."""

import multiprocessing
import threading

from likewise_engine.news import News

FORK = multiprocessing.get_context("fork")


def test_what_another_process_tells_is_heard_until_it_is_heard_again() -> None:
    news = News(3)
    first, second, third = (news.desk(number) for number in range(3))
    before = first.heard("acme")
    second.tell("acme")
    heard = first.heard("acme")
    assert heard != before
    assert first.heard("acme") == heard
    third.tell("acme")
    assert first.heard("acme") != heard


def test_nobody_hears_of_what_it_wrote_itself_nor_of_other_tenants() -> None:
    news = News(2)
    first, second = news.desk(0), news.desk(1)
    before = [first.heard("acme"), first.heard("café"), second.heard("café"), first.heard_of_deletions()]
    first.tell("acme")
    second.tell("studio")
    assert before == [
        first.heard("acme"),
        first.heard("café"),
        second.heard("café"),
        first.heard_of_deletions(),
    ]


def test_a_deletion_is_heard_of_by_those_who_do_not_ask_for_the_tenant() -> None:
    news = News(2)
    first, second = news.desk(0), news.desk(1)
    before = first.heard("acme"), first.heard_of_deletions()
    second.tell_of_deletion("acme")
    assert first.heard("acme") != before[0]
    assert first.heard_of_deletions() != before[1]


def test_of_a_process_that_died_everything_is_presumed() -> None:
    news = News(2)
    desk = news.desk(0)
    before = [desk.heard(f"t{n}") for n in range(100)]
    news.presume(1)
    assert all(desk.heard(f"t{n}") != heard for n, heard in enumerate(before))


def test_no_word_of_many_threads_is_lost_on_another_process() -> None:
    news = News(2)
    desk = news.desk(0)

    def tell_much() -> None:
        told = news.desk(1)

        def tell() -> None:
            for _ in range(500):
                told.tell("acme")

        threads = [threading.Thread(target=tell) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    process = FORK.Process(target=tell_much)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert int.from_bytes(desk.heard("acme"), "little") == 4_000
