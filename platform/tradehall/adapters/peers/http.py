"""
Another city over HTTP (对方城市): the client behind the desk's port; it speaks the same API as everybody.

It logs in with a token that the other city gave to this one's centre, so it sees what that centre may see there and no
more. What it can't make sense of is no answer: signatures are judged by the desk, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

import httpx

from tradehall.desk.exchange import CityKeys
from tradehall_standards import StrictError, strict

if TYPE_CHECKING:
    from tradehall_standards import Json

ANSWER_MAX = 16 << 20


class HttpCity:
    """
    One city's node over HTTP (对方城市节点).

    Args:
        client: an HTTP client with the time limits to use.
        url: where the node is reached, without a slash at the end.
        token: bearer token of this city's centre there.
        keys: its public keys, agreed beforehand.
    """

    __slots__ = ("_client", "_token", "_url", "keys")

    def __init__(self, client: httpx.AsyncClient, url: str, token: str, keys: CityKeys) -> None:
        self._client = client
        self._url = url
        self._token = token
        self.keys = keys

    async def file(self, record: bytes) -> Mapping[str, Json] | None:
        """Bring a record to the door there; returns the signed receipt or refusal."""
        answer = await self._call("POST", "/records", record)
        if answer is None:
            return None
        status, body = answer
        if status in (HTTPStatus.OK, HTTPStatus.CREATED):
            return body
        refusal = body.get("refusal")
        return refusal if isinstance(refusal, Mapping) else None

    async def sessions(self) -> Sequence[str] | None:
        """Return the secret cases there that this city takes part in."""
        items = await self._items("/inbox")
        if items is None:
            return None
        cases = (item.get("case") for item in items if isinstance(item, Mapping))
        return [case for case in cases if isinstance(case, str) and case.startswith("r-")]

    async def records(self, case: str, after: int) -> Sequence[Json] | None:
        """Return the records of a case behind an index, a page at most."""
        return await self._items(f"/cases/{case}/records?after={after}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _items(self, path: str) -> Sequence[Json] | None:
        answer = await self._call("GET", path)
        items = answer[1].get("items") if answer is not None and answer[0] == HTTPStatus.OK else None
        return cast("Sequence[Json]", items) if isinstance(items, list) else None

    async def _call(self, method: str, path: str, content: bytes = b"") -> tuple[int, Mapping[str, Json]] | None:
        """Call the API there; None when the network failed or what came is no JSON object."""
        headers = {"authorization": f"Bearer {self._token}"}
        headers |= {"content-type": "application/json"} if content else {}
        body = b""
        try:
            async with self._client.stream(
                method, f"{self._url}/api/v1{path}", content=content or None, headers=headers
            ) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > ANSWER_MAX:
                        return None
            found = strict.parse(body, newlines=True)
        except (httpx.HTTPError, httpx.InvalidURL, StrictError):
            return None
        return (response.status_code, found) if isinstance(found, Mapping) else None
