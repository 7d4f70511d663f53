from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from noclobber_server.lsp.worker import Worker


@pytest.fixture
def errors() -> list[Exception]:
    return []


@pytest.fixture
def worker(errors: list[Exception]) -> Iterator[Worker]:
    running = Worker(errors.append)
    yield running
    assert running.close(5)


def test_jobs_are_done_in_order_by_one_thread(worker: Worker) -> None:
    done: list[tuple[int, int]] = []
    for number in range(100):
        worker.submit(lambda number=number: done.append((number, threading.get_ident())))  # type: ignore[misc]
    worker.call(lambda: None).result(5)
    assert [number for number, _ in done] == list(range(100))
    assert len({thread for _, thread in done}) == 1


def test_a_job_with_a_key_waits_only_once(worker: Worker) -> None:
    held, done = threading.Event(), []
    worker.submit(held.wait)
    for number in range(5):
        worker.once("key", lambda number=number: done.append(number))  # type: ignore[misc]
    held.set()
    worker.call(lambda: None).result(5)
    assert done == [0]


def test_of_jobs_put_off_under_one_key_the_soonest_is_done(worker: Worker) -> None:
    done = threading.Event()
    worker.later("key", 60, lambda: None)
    worker.later("key", 0.01, done.set)
    assert done.wait(5)


def test_a_job_that_was_forgotten_is_not_done(worker: Worker) -> None:
    done: list[int] = []
    held, later = threading.Event(), threading.Event()
    worker.submit(held.wait)  # so that it is forgotten before its time has come, however late that is
    worker.later("key", 0.01, lambda: done.append(1))
    worker.forget("key")
    worker.later("other", 0.05, later.set)
    held.set()
    assert later.wait(5)
    assert done == []


def test_a_job_that_fails_is_told_and_the_next_one_done(worker: Worker, errors: list[Exception]) -> None:
    def fail() -> None:
        raise ValueError("bad")

    worker.submit(fail)
    assert worker.call(lambda: 7).result(5) == 7
    assert [str(error) for error in errors] == ["bad"]
    with pytest.raises(ValueError, match="bad"):
        worker.call(fail).result(5)


def test_closing_finishes_what_is_queued_and_drops_what_was_put_off() -> None:
    worker, done = Worker(lambda _: None), []
    worker.later("key", 30, lambda: done.append("later"))
    worker.submit(lambda: done.append("queued"))
    began = time.monotonic()
    assert worker.close(5)
    assert time.monotonic() - began < 5
    assert done == ["queued"]


def test_what_comes_after_the_last_job_is_not_done_and_what_waits_for_it_is_told() -> None:
    errors: list[Exception] = []
    done: list[str] = []
    worker = Worker(errors.append)

    def last() -> None:
        done.append("last")
        worker.once("key", lambda: done.append("once"))
        worker.submit(lambda: done.append("submitted"))

    worker.submit(lambda: done.append("queued"))
    assert worker.close(5, last)
    assert worker.call(lambda: done.append("called")).cancelled()
    assert (done, errors) == (["queued", "last"], [])


def test_what_the_last_job_puts_off_is_not_done(errors: list[Exception]) -> None:
    worker, done = Worker(errors.append), threading.Event()
    held = threading.Event()

    def last() -> None:
        worker.later("key", 0, done.set)
        held.wait(0.2)  # due long before this job is over

    assert worker.close(5, last)
    assert not done.is_set()
