"""A quick SMTP server that takes everything, each reply delayed as by a long way.

A command is answered ``--delay`` seconds after it arrived, and not after the answer
before it: commands that came together are answered together, as a server does that is
so far away.  Run as a program; prints its port.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import cast

import uvloop

EHLO = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 26214400\r\n"
EHLO += b"250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
REPLIES = {
    b"EHLO": EHLO,
    b"HELO": b"250 sink.example\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"QUIT": b"221 2.0.0 bye\r\n",
}
ACCEPTED = b"250 2.0.0 Ok: queued as 4cQvXk2W5bz1xLq\r\n"
UNKNOWN = b"502 5.5.2 what?\r\n"
DOT = b"\r\n.\r\n"


class Dialogue(asyncio.Protocol):
    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._in_letter = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._say(b"220 sink.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = b"".join(iter(self._answer, b""))
        if answers:
            self._say(answers)

    def _say(self, answers: bytes) -> None:
        if self._delay:
            self._loop.call_later(self._delay, self._write, answers)
        else:
            self._write(answers)

    def _write(self, answers: bytes) -> None:
        assert self._transport
        if not self._transport.is_closing():
            self._transport.write(answers)
        if answers.endswith(REPLIES[b"QUIT"]):
            self._transport.close()

    def _answer(self) -> bytes:
        """Take the next command or letter from the buffer; b"" if it is not whole."""
        end = DOT if self._in_letter else b"\r\n"
        found = self._buffer.find(end)
        if found < 0:
            return b""
        verb = bytes(self._buffer[:4]).upper()
        del self._buffer[: found + len(end)]
        if self._in_letter:
            self._in_letter = False
            return ACCEPTED
        self._in_letter = verb == b"DATA"
        return REPLIES.get(verb, UNKNOWN)


async def serve(delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Dialogue(delay), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0, help="seconds")
    uvloop.run(serve(parser.parse_args().delay))
