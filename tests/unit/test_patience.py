"""A patient call repeats temporary errors, with the given waits, and explains other errors."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import islice, repeat

import pytest

from headrace_components.contract.errors import InputError, PlatformError
from headrace_components.contract.patience import growing, patiently, until
from support.fakes.local_http import JsonHandler, serving

BUSY = (429, 503)


@pytest.fixture
def service() -> Iterator["Service"]:
    """A server that answers with the given statuses, and then with 200."""
    found = Service()

    class Handler(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802  the name that http.server asks for
            found.num_calls += 1
            status = found.statuses.pop(0) if found.statuses else 200
            self.answer(status, {"status": status})

    with serving(Handler) as port:
        found.url = f"http://127.0.0.1:{port}"
        yield found


class Service:
    """A server's answers for a test, and the requests that it has got."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.num_calls = 0

    def get(self) -> int:
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return int(answer.status)


def passes(error: urllib.error.HTTPError) -> bool:
    return error.code in BUSY


def explained(error: urllib.error.HTTPError) -> Exception:
    kind = PlatformError if passes(error) else InputError
    return kind(f"the service answered {error.code}")


def test_a_busy_service_is_asked_again_after_each_wait(service: Service) -> None:
    service.statuses = [503, 429]
    waited: list[float] = []
    told: list[tuple[int, float]] = []
    status = patiently(
        service.get,
        errors=urllib.error.HTTPError,
        waits=(1.0, 2.0, 4.0),
        passes=passes,
        before_wait=lambda error, seconds: told.append((error.code, seconds)),
        pause=waited.append,
    )
    assert status == 200
    assert service.num_calls == 3
    assert waited == [1.0, 2.0]
    assert told == [(503, 1.0), (429, 2.0)]


def test_the_last_error_is_explained_when_the_waits_are_used_up(service: Service) -> None:
    service.statuses = [503, 503, 429, 503]
    with pytest.raises(PlatformError, match="the service answered 429") as failure:
        patiently(
            service.get,
            errors=urllib.error.HTTPError,
            waits=(0.0, 0.0),
            passes=passes,
            explained=explained,
        )
    assert service.num_calls == 3
    assert isinstance(failure.value.__cause__, urllib.error.HTTPError)


def test_an_error_that_does_not_pass_is_explained_at_once(service: Service) -> None:
    service.statuses = [404]
    with pytest.raises(InputError, match="the service answered 404"):
        patiently(
            service.get,
            errors=urllib.error.HTTPError,
            waits=repeat(0.0),
            passes=passes,
            explained=explained,
        )
    assert service.num_calls == 1


def test_an_error_that_needs_no_explanation_is_raised_as_it_is(service: Service) -> None:
    service.statuses = [404]
    with pytest.raises(urllib.error.HTTPError) as failure:
        patiently(
            service.get, errors=urllib.error.HTTPError, waits=repeat(0.0), passes=lambda _: False
        )
    assert failure.value.__cause__ is None


def test_an_error_of_another_kind_is_not_caught(service: Service) -> None:
    service.statuses = [503]
    with pytest.raises(urllib.error.HTTPError):
        patiently(service.get, errors=TimeoutError, waits=repeat(0.0))
    assert service.num_calls == 1


def test_a_service_that_does_not_answer_is_asked_until_the_deadline() -> None:
    with serving(JsonHandler) as port:
        pass  # the server no longer listens
    waited: list[float] = []
    with pytest.raises(urllib.error.URLError, match="refused"):
        patiently(
            lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10),
            errors=urllib.error.URLError,
            waits=until(time.monotonic() + 0.2, repeat(0.01)),
            before_wait=lambda _, seconds: waited.append(seconds),
        )
    assert len(waited) > 1


def test_a_result_that_is_not_enough_is_asked_for_again(service: Service) -> None:
    seen = iter(["queued", "running", "done", "gone"])
    state = patiently(lambda: next(seen), waits=repeat(0.0), is_enough=lambda each: each == "done")
    assert state == "done"


def test_the_last_result_is_returned_when_the_waits_are_used_up() -> None:
    seen = iter(["queued", "running", "done"])
    state = patiently(lambda: next(seen), waits=(0.0,), is_enough=lambda each: each == "done")
    assert state == "running"


def test_no_wait_means_one_call() -> None:
    seen = iter([0, 1])
    assert patiently(lambda: next(seen), waits=(), is_enough=bool) == 0


def test_a_pause_that_raises_interrupts_the_call(service: Service) -> None:
    service.statuses = [503] * 5
    shut = threading.Event()
    shut.set()

    def pause(seconds: float) -> None:
        if shut.wait(seconds):
            raise SystemExit

    started = time.monotonic()
    with pytest.raises(SystemExit):
        patiently(service.get, errors=urllib.error.HTTPError, waits=(600.0,), pause=pause)
    assert time.monotonic() - started < 60
    assert service.num_calls == 1


def test_waits_end_at_the_deadline() -> None:
    assert list(until(time.monotonic(), repeat(1.0))) == []
    assert list(islice(until(time.monotonic() + 60, repeat(1.0)), 3)) == [1.0, 1.0, 1.0]
    assert list(until(time.monotonic() + 60, (1.0, 2.0))) == [1.0, 2.0]


def test_waits_grow_up_to_the_longest() -> None:
    assert list(islice(growing(1.0, 2.0, 5.0), 5)) == [1.0, 2.0, 4.0, 5.0, 5.0]
