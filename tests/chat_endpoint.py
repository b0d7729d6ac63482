"""An OpenAI-compatible endpoint of this machine, for tests: real sockets, a thread a call, any answer.

It is no language model. What it answers is what a test has it answer, by what it was asked.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """What came."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """The JSON document within the user's message."""
        data: Mapping[str, Any] = json.loads(self.body["messages"][1]["content"])
        return data

    def code_of(self, name: str) -> str:
        """The code of a category, by its name."""
        return next(str(each["code"]) for each in self.data["categories"] if each["name"] == name)


@dataclass
class Reply:
    """What goes back.

    Attributes:
        content: what the model says; where None, ``body`` is sent as it is.
        status: of HTTP.
        body: the whole of it.
        headers: besides.
        tokens: that it claims to have taken; None to say nothing of it.
        hangs: whether the connection stays open and the rest is never sent.
        drips: whether a byte comes now and then, without end.
    """

    content: str | None = None
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tokens: int | None = 100
    hangs: bool = False
    drips: bool = False

    @property
    def sent(self) -> bytes:
        if self.content is None:
            return self.body
        usage = {} if self.tokens is None else {"usage": {"total_tokens": self.tokens}}
        return json.dumps({"choices": [{"message": {"content": self.content}}], **usage}).encode()


def named(code: str) -> Reply:
    """A category, by its code."""
    return Reply(json.dumps({"category": code}))


Answer = Callable[[Asked], Reply]


class Endpoint:
    """One that listens on the loopback."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.over = threading.Event()
        """Lets go of what hangs."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                asked = Asked(self.path, dict(self.headers), json.loads(self.rfile.read(length)))
                endpoint.asked.append(asked)
                endpoint.reply(self, endpoint.answer(asked))

            do_GET = do_POST  # noqa: N815 - the standard library's name

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def reply(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        handler.close_connection = True
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            if reply.hangs:
                handler.flush_headers()
                self.over.wait()
                return
            if reply.drips:
                while not self.over.wait(0.02):
                    handler.wfile.write(b"X-Drip: 1\r\n")
                    handler.flush_headers()
                return
            handler.end_headers()
            handler.wfile.write(reply.sent)
        except OSError:
            return  # the other side has had enough, as some tests want it


@contextmanager
def endpoint(answer: Answer) -> Iterator[Endpoint]:
    """An endpoint that answers so."""
    opened = Endpoint(answer)
    try:
        yield opened
    finally:
        opened.close()
