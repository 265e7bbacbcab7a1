"""Ask a server somewhere on the internet over HTTPS, with care (SEC-08).

1. the host is resolved once, and every address of it must be allowed;
2. we connect to these very addresses, and say the name only in TLS and in Host;
3. one request is sent; what comes back is limited in size, all of it in time;
4. no redirect is followed: it is an answer like any other.
"""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.parse import SplitResult, urlencode, urlsplit

__all__ = ["Answer", "EgressError", "post_form"]

HTTPS_PORT = 443
SECONDS = 15.0
MOST_BYTES = 64 * 1024


class EgressError(Exception):
    """There is no answer.

    Codes: dns, private_address, unreachable, timeout, tls_failed, too_big, protocol.
    """

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    body: bytes


async def post_form(
    url: str,
    fields: Mapping[str, str],
    *,
    context: ssl.SSLContext,
    allowed: Callable[[str], bool] | None = None,
    seconds: float = SECONDS,
) -> Answer:
    """Send a form to an ``https`` address and return the answer. Raise EgressError."""
    place = urlsplit(url)
    try:
        async with asyncio.timeout(seconds):
            addresses = await _resolve(place)
            if allowed and not all(map(allowed, addresses)):
                raise EgressError("private_address")
            arrived = await _exchange(
                addresses, place, _request(place, fields), context
            )
    except TimeoutError as error:
        raise EgressError("timeout") from error
    return _read(arrived)


async def _resolve(place: SplitResult) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            place.hostname, place.port or HTTPS_PORT, type=socket.SOCK_STREAM
        )
    except (socket.gaierror, UnicodeError) as error:
        raise EgressError("dns", str(error)) from error
    return list(dict.fromkeys(str(row[4][0]) for row in found))


def _request(place: SplitResult, fields: Mapping[str, str]) -> bytes:
    body = urlencode(fields).encode()
    target = (place.path or "/") + (f"?{place.query}" if place.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {place.netloc}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "Connection: close",
        "User-Agent: pochtar",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def _exchange(
    addresses: list[str], place: SplitResult, request: bytes, context: ssl.SSLContext
) -> bytes:
    """Talk with the first address that answers; return all that it says."""
    failure = EgressError("unreachable")
    for address in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                address,
                place.port or HTTPS_PORT,
                ssl=context,
                server_hostname=place.hostname,
            )
        except ssl.SSLError as error:
            raise EgressError("tls_failed", str(error)) from error
        except OSError as error:
            failure = EgressError("unreachable", error.strerror or str(error))
            continue
        try:
            writer.write(request)
            return await _read_all(reader)
        except OSError as error:
            raise EgressError("unreachable", str(error)) from error
        finally:
            writer.transport.abort()
    raise failure


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    arrived = b""
    while piece := await reader.read(MOST_BYTES):
        arrived += piece
        if len(arrived) > MOST_BYTES:
            raise EgressError("too_big")
    return arrived


class _Arrived:
    """What http.client takes for a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _read(arrived: bytes) -> Answer:
    response = HTTPResponse(cast(socket.socket, _Arrived(arrived)), method="POST")
    try:
        response.begin()
        return Answer(status=response.status, body=response.read())
    except (HTTPException, OSError, ValueError) as error:
        raise EgressError("protocol", type(error).__name__) from error
