"""The guard alone, as a server of ASGI calls it."""

import asyncio

import pytest

from textzoo.serving.guard import Guard

JSON = [(b"content-type", b"application/json")]


class App:
    """Answers with the body that it was given."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})


class Guarded:
    """An app behind a guard, what it saw, and what the guard told of each answer."""

    def __init__(self, token=None, max_body=10, timeout=5.0):
        self.app, self.observed = App(), []
        observe = lambda scope, status, seconds: self.observed.append((scope["path"], status))  # noqa: E731
        self.guard = Guard(self.app, token, frozenset({"/health"}), max_body, timeout, observe)

    def ask(self, *parts, method="POST", path="/predict", headers=JSON, disconnects=False):
        """The status and headers of the answer to a body that comes in parts."""
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        if disconnects:
            messages.append({"type": "http.disconnect"})
        elif messages:
            messages[-1]["more_body"] = False
        sent = []

        async def receive():
            if messages:
                return messages.pop(0)
            return await asyncio.Event().wait()  # a client that sends nothing more

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        scope |= {"raw_path": path.encode(), "query_string": b""}
        asyncio.run(self.guard(scope, receive, send))
        return sent[0]["status"] if sent else None, dict(sent[0]["headers"]) if sent else {}


def test_a_body_reaches_the_app_in_one_piece():
    guarded = Guarded()
    assert guarded.ask(b"12345", b"67890")[0] == 200
    assert guarded.app.bodies == [b"1234567890"]
    assert guarded.observed == [("/predict", 200)]


def test_a_body_that_is_too_large_is_413_and_never_seen():
    guarded = Guarded()
    assert guarded.ask(b"12345", b"678901")[0] == 413
    assert guarded.ask(*[b"x" * 10] * 1000)[0] == 413  # of which not all is read
    assert guarded.app.bodies == []
    assert guarded.observed == [("/predict", 413)] * 2


def test_a_body_that_does_not_come_is_408():
    guarded = Guarded(timeout=0.01)
    assert guarded.ask()[0] == 408
    assert guarded.app.bodies == []


def test_a_client_that_has_gone_gets_no_answer_and_is_counted():
    guarded = Guarded()
    assert guarded.ask(b"123", disconnects=True)[0] is None
    assert guarded.app.bodies == [] and guarded.observed == [("/predict", 499)]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (b"Bearer secret", 200),
        (b"Bearer Secret", 401),
        (b"Bearer secret ", 401),
        (b"Bearer", 401),
        (b"secret", 401),
        (None, 401),
    ],
)
def test_a_token_has_to_be_shown_as_it_is(given, status):
    headers = JSON + ([(b"authorization", given)] if given else [])
    found, answer = Guarded(token="secret").ask(b"1", headers=headers)
    assert found == status
    assert answer.get(b"www-authenticate") == (None if status == 200 else b"Bearer")


def test_open_paths_need_no_token():
    guarded = Guarded(token="secret")
    assert guarded.ask(b"", method="GET", path="/health", headers=[])[0] == 200
    assert guarded.ask(b"", method="GET", path="/healthy", headers=[])[0] == 401


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"application/json", 200),
        (b"Application/JSON; charset=utf-8", 200),
        (b"text/plain", 415),
        (b"application/jsonp", 415),
        (b"", 415),
    ],
)
def test_only_what_a_foreign_page_cannot_send_unasked_is_taken(kind, status):
    assert Guarded().ask(b"1", headers=[(b"content-type", kind)])[0] == status


def test_a_fault_of_the_app_is_counted_as_500():
    guarded = Guarded()

    async def broken(scope, receive, send):
        raise ZeroDivisionError

    guarded.guard._app = broken
    with pytest.raises(ZeroDivisionError):
        guarded.ask(b"1")
    assert guarded.observed == [("/predict", 500)]


def test_what_is_not_http_passes():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    guard = Guard(app, "secret", frozenset(), 1, 1.0, lambda *_: seen.append("observed"))
    asyncio.run(guard({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]
