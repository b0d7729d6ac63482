"""AsyncClient with the manners of Client, so that one test proves both."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Self, cast

import likewise


def blocking(loop: asyncio.AbstractEventLoop, target: str, **settings: Any) -> likewise.Client:
    """An AsyncClient whose methods run in ``loop`` until done, and whose streams are plain iterators."""

    async def create() -> likewise.AsyncClient:
        return likewise.AsyncClient(target, **settings)

    return cast("likewise.Client", _Blocking(loop, loop.run_until_complete(create())))


class _Blocking:
    def __init__(self, loop: asyncio.AbstractEventLoop, client: likewise.AsyncClient) -> None:
        self._loop = loop
        self._client = client

    def __repr__(self) -> str:
        return repr(self._client)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run_until_complete(self._client.__aexit__(None, None, None))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **settings: Any) -> Any:
            result = method(*args, **settings)
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(result)
            return self._stepped(result)

        return call

    def _stepped(self, items: AsyncIterator[Any]) -> Iterator[Any]:
        try:
            while True:
                try:
                    item = self._loop.run_until_complete(anext(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._loop.run_until_complete(items.aclose())  # type: ignore[attr-defined] # they are generators
