"""One question over the network, bounded in every way: time, bytes, where it goes.

The whole call has one deadline, from the look for a connection to the last byte: a server that sends a byte a
second is no more patient than that. Redirects are failures, proxies and certificates of the environment are
not looked at, and no compressed answer is asked for, so that what is read is what was sent.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from likewise_engine import limits
from likewise_engine.errors import EngineFault
from likewise_server.language_model.endpoint import Endpoint

_OK: Final = 200
_TEMPERATURE: Final = 0.0
_SEED: Final = 20260701
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, RecursionError)
"""What it raises to look into JSON that is of another kind, or none."""

Message = Mapping[str, str]


class ChatFault(EngineFault):
    """The endpoint gave no answer that can be read. The message holds nothing of question or answer."""

    reason = "CHAT_FAULT"


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back.

    Attributes:
        content: of the first choice.
        tokens: that it took, prompt included, as the endpoint counts them; None where it does not say.
    """

    content: str
    tokens: int | None


class Chat:
    """An endpoint, as one asks it. For the one event loop in which it is first used."""

    def __init__(self, endpoint: Endpoint, model: str, key: str | None, timeout_s: float) -> None:
        """Make ready; nothing is connected yet.

        Args:
            endpoint: where it is.
            model: the name that it has there.
            key: bearer token; None for none.
            timeout_s: for a whole call.
        """
        self._endpoint = endpoint
        self._model = model
        self._timeout_s = timeout_s
        headers = {"Host": endpoint.host, "Accept-Encoding": "identity", "User-Agent": "likewise"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=endpoint.socket_path, trust_env=False),
            headers=headers,
            timeout=timeout_s,
            trust_env=False,
            follow_redirects=False,
        )

    async def complete(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Completion:
        """Ask once.

        Args:
            messages: of the chat.
            schema: JSON schema that the answer is held to, as far as the endpoint does so.

        Raises:
            ChatFault: it could not be reached, took too long, or sent something else.
        """
        body = {
            "model": self._model,
            "messages": messages,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            },
            "temperature": _TEMPERATURE,
            "seed": _SEED,
            "max_tokens": limits.LANGUAGE_MODEL_ANSWER_TOKENS_MAX,
            "stream": False,
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                return _read(await self._sent(body))
        except TimeoutError as error:
            raise ChatFault(f"there was no whole answer within {self._timeout_s:g} s") from error
        except (httpx.HTTPError, OSError) as error:
            raise ChatFault(f"the endpoint could not be asked: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def _sent(self, body: Mapping[str, Any]) -> bytes:
        request = self._client.build_request(
            "POST", self._endpoint.url, json=body, extensions={"sni_hostname": self._endpoint.host}
        )
        response = await self._client.send(request, stream=True)
        try:
            if response.status_code != _OK:
                raise ChatFault(f"the endpoint answered with status {response.status_code}")
            received = bytearray()
            async for chunk in response.aiter_raw():
                received += chunk
                if len(received) > limits.LANGUAGE_MODEL_RESPONSE_BYTES_MAX:
                    raise ChatFault("the endpoint answered with more than any answer can have")
            return bytes(received)
        finally:
            await response.aclose()


def _read(body: bytes) -> Completion:
    try:
        answer = json.loads(body)
        content = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        tokens = usage.get("total_tokens")
    except _UNREADABLE as error:
        raise ChatFault("the endpoint answered with no chat completion") from error
    if not isinstance(content, str):
        raise ChatFault("the endpoint answered with no text")
    is_count = isinstance(tokens, int) and 0 <= tokens <= limits.LANGUAGE_MODEL_TOKENS_CLAIMED_MAX
    return Completion(content, tokens if is_count else None)
