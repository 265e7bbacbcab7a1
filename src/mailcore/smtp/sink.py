"""A scripted SMTP server with faults, for tests, drills and benchmarks.

It accepts everything unless its ``Script`` says otherwise: a reply per stage, per
sender or per recipient, a delay, a hang, a dropped or reset connection, replies in
one-byte packets, logins (sink_login.py), STARTTLS.  What it accepted is in ``accepted``
and, line by line and fsynced before the 250, in the ``record`` file.

As a program (``python -m mailcore.smtp.sink --faults SEED``, in sink_program.py) it
prints its port, then a line for each letter that it holds or cuts off after the dot.

    async with Sink(Script(steps={"dot": Step("451 4.3.0 later")})) as sink:
        ... sink.port ...
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import runpy
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from mailcore.smtp.sink_login import Login
from mailcore.smtp.sink_record import Entry, Record

__all__ = ["Accepted", "Script", "Sink", "Step", "sink_in_thread"]

CAPABILITIES = (
    "PIPELINING",
    "SIZE 26214400",
    "8BITMIME",
    "ENHANCEDSTATUSCODES",
    "SMTPUTF8",
)
BACKLOG = 512
LONGEST_LINE = 2**26
_PATH = re.compile(r"(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """What to do at a stage: wait, then answer, drop, reset or hang."""

    text: str | bytes = ""
    delay: float = 0
    drop: bool = False
    reset: bool = False
    hang: bool = False
    bytewise: bool = False


# Asked first: (stage, argument, how often this stage was reached) -> step or None.
Chooser = Callable[[str, str, int], Step | None]


@dataclass(slots=True, kw_only=True)
class Script:
    """How the server behaves; stages are banner, ehlo, helo, starttls, auth, mail, rcpt,
    data, body (its first bytes arrived), dot, rset, noop, quit."""

    capabilities: tuple[str, ...] = CAPABILITIES
    steps: Mapping[str, Step] = field(default_factory=dict)
    recipients: Mapping[str, Step] = field(default_factory=dict)  # at RCPT
    dots: Mapping[str, Step] = field(default_factory=dict)  # at the dot, by recipient
    choose: Chooser | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    mechanisms: tuple[str, ...] = ("PLAIN", "LOGIN")
    trust_anybody: bool = False  # 235 to whatever comes first
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    behind_starttls: bytes = b""  # injected right behind the 220
    letters_per_connection: int = 0
    record: Path | None = None
    keep: bool = True  # letters and commands; a benchmark does not want them
    # Told "hold" or "cut" and the recipient: the answer to the dot comes late or never.
    # (Cut off before the dot is the same to a client that has written all of it.)
    in_gap: Callable[[str, str], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    mail_from: str
    rcpt_to: str
    data: bytes
    tls: bool
    user: str
    helo: str


class _Gone(Exception):
    """The dialogue is over."""


class Sink:
    """The server; ``commands`` holds every line that was received."""

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.script = script or Script()
        self.host = "127.0.0.1"
        self.port = port
        self.accepted: list[Accepted] = []
        self.commands: list[str] = []
        self.connections = 0
        self.taken = 0
        self.reached: dict[str, int] = {}
        self._door: socket.socket | None = None
        self._record: Record | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Sink:
        self._door = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self._door.setblocking(False)
        self.port = self._door.getsockname()[1]
        if self.script.record:
            self._record = Record(self.script.record)
        asyncio.get_running_loop().add_reader(self._door, self._let_in)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._door
        asyncio.get_running_loop().remove_reader(self._door)
        self._door.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._record:
            self._record.close()

    def _let_in(self) -> None:
        """Take who knocks; asyncio's own server would know of them a moment later."""
        assert self._door
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while True:
                self._welcome(self._door.accept()[0])

    def _welcome(self, guest: socket.socket) -> None:
        def leave(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            guest.close()  # also if the task was cancelled before its first step

        self.connections += 1
        task = asyncio.create_task(self._serve(guest))
        self._tasks.add(task)
        task.add_done_callback(leave)

    async def _serve(self, guest: socket.socket) -> None:
        writers: list[asyncio.StreamWriter] = []
        with contextlib.suppress(_Gone, OSError, EOFError, asyncio.CancelledError):
            reader = asyncio.StreamReader(limit=LONGEST_LINE)
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(
                    reader, lambda _, writer: writers.append(writer)
                ),
                guest,
                ssl=self.script.tls if self.script.implicit_tls else None,
            )
            await _Dialogue(self, reader, writers[0]).run()
        for writer in writers:
            writer.transport.abort()

    async def accept(self, letter: Accepted) -> None:
        self.taken += 1
        if self.script.keep:
            self.accepted.append(letter)
        if self._record:
            found = _MESSAGE_ID.search(letter.data)
            name = found[1].decode("ascii", "replace") if found else "-"
            await self._record.add(Entry(name, letter.rcpt_to))


class _Dialogue:
    def __init__(
        self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.sink, self.script = sink, sink.script
        self.reader, self.writer = reader, writer
        self.helo = self.user = self.rcpt_to = ""
        self.mail_from: str | None = None  # "" is the null sender
        self.tls = self.script.implicit_tls
        self.letters = 0

    async def run(self) -> None:
        await self.act("banner", "", "220 sink.example ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\n")).decode("utf-8", "replace")
            line = line.rstrip("\r\n")
            if self.script.keep:
                self.sink.commands.append(line)
            verb, _, argument = line.partition(" ")
            handler = getattr(self, f"do_{verb.lower()}", None)
            if handler is None:
                await self.say("502 5.5.2 what?")
            else:
                await handler(argument)

    async def act(self, stage: str, argument: str, usual: str) -> bool:
        """Do the script's step, else say ``usual``; return whether 2xx/3xx was said."""
        return await self.perform(self.step(stage, argument) or Step(usual), usual)

    async def perform(self, step: Step, usual: str) -> bool:
        if step.hang or step.delay:
            await asyncio.sleep(3600 if step.hang else step.delay)
        text = step.text or usual
        if step.text or not (step.drop or step.reset):
            await self.say(text, bytewise=step.bytewise)
        if step.reset:
            raw: socket.socket = self.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if step.drop or step.reset or text[:3] in ("421", b"421"):
            raise _Gone
        return text[:1] in ("2", "3", b"2", b"3")

    def step(self, stage: str, argument: str) -> Step | None:
        count = self.sink.reached[stage] = self.sink.reached.get(stage, 0) + 1
        chosen = self.script.choose and self.script.choose(stage, argument, count)
        by_address = {"rcpt": self.script.recipients, "dot": self.script.dots}
        return (
            chosen
            or by_address.get(stage, {}).get(argument)
            or self.script.steps.get(stage)
        )

    async def say(self, text: str | bytes, *, bytewise: bool = False) -> None:
        data = text if isinstance(text, bytes) else text.encode() + b"\r\n"
        size = 1 if bytewise else len(data)
        for start in range(0, len(data), size):
            self.writer.write(data[start : start + size])
            await self.writer.drain()
            if bytewise:
                await asyncio.sleep(0)

    async def do_ehlo(self, argument: str) -> None:
        self.helo = argument
        offers = ["sink.example", *self.script.capabilities]
        if self.script.tls and not self.tls:
            offers.append("STARTTLS")
        if self.script.users:
            offers.append(f"AUTH {' '.join(self.script.mechanisms)}")
        lines = [f"250-{offer}\r\n" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
        await self.act("ehlo", argument, "".join(lines))

    async def do_helo(self, argument: str) -> None:
        self.helo = argument
        await self.act("helo", argument, "250 sink.example")

    async def do_starttls(self, argument: str) -> None:
        usual = "220 2.0.0 go ahead"
        if self.script.behind_starttls:
            self.writer.write(f"{usual}\r\n".encode() + self.script.behind_starttls)
            return
        if await self.act("starttls", argument, usual):
            assert self.script.tls
            await self.writer.start_tls(self.script.tls)
            self.tls = True

    async def do_auth(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if not self.script.trust_anybody:
            login = Login(self.script.users, self.ask)
            self.user = await login.user(mechanism, initial)
        good = self.user or self.script.trust_anybody
        usual = "235 2.7.0 welcome" if good else "535 5.7.8 bad credentials"
        await self.act("auth", mechanism, usual)

    async def ask(self, challenge: bytes) -> bytes:
        await self.say(f"334 {base64.b64encode(challenge).decode()}")
        line = (await self.reader.readuntil(b"\n")).decode().strip()
        self.sink.commands.append(line)
        return base64.b64decode(line)

    async def do_mail(self, argument: str) -> None:
        limit = self.script.letters_per_connection
        if limit and self.letters >= limit:
            await self.say("421 4.7.0 Max message per connection reached")
            raise _Gone
        if await self.act("mail", argument, "250 2.1.0 Ok"):
            found = _PATH.match(argument)
            self.mail_from = found[1] if found else ""

    async def do_rcpt(self, argument: str) -> None:
        if self.mail_from is None:
            await self.say("503 5.5.1 MAIL first")
            return
        found = _PATH.match(argument)
        address = found[1] if found else ""
        if await self.act("rcpt", address, "250 2.1.5 Ok"):
            self.rcpt_to = address

    async def do_data(self, argument: str) -> None:
        # A script may say 354 all the same, as some servers do.
        if not self.rcpt_to and "data" not in self.script.steps:
            await self.say("503 5.5.1 RCPT first")
        elif await self.act("data", argument, "354 go on"):
            await self.take_body()

    async def take_body(self) -> None:
        """Read up to the final dot; the step "body" strikes when bytes have come."""
        head = await self.reader.readexactly(1)
        step = self.step("body", self.rcpt_to)
        if step:
            self.tell_of_gap(step, self.rcpt_to)
            await self.perform(step, "")
            raise _Gone
        data = head + await self.reader.readuntil(b"\n")
        while not data.endswith(b"\r\n.\r\n") and data != b".\r\n":
            data += await self.reader.readuntil(b".\r\n")
        data = data.removesuffix(b".\r\n")
        if data.startswith(b"."):
            data = data[1:]
        await self.judge(data.replace(b"\r\n..", b"\r\n."))

    async def judge(self, data: bytes) -> None:
        rcpt_to, self.rcpt_to = self.rcpt_to, ""
        mail_from, self.mail_from = self.mail_from, None
        if not rcpt_to:
            await self.say("554 5.5.1 No valid recipients")
            return
        letter = Accepted(
            mail_from=mail_from or "",
            rcpt_to=rcpt_to,
            data=data,
            tls=self.tls,
            user=self.user,
            helo=self.helo,
        )
        step = self.step("dot", rcpt_to) or Step()
        self.letters += 1
        if not step.text or step.text[:1] in ("2", b"2"):
            await self.sink.accept(letter)  # also if the answer will never arrive
            self.tell_of_gap(step, rcpt_to)
        usual = f"250 2.0.0 Ok: queued as SINK{self.sink.taken:06d}"
        await self.perform(step, usual)

    def tell_of_gap(self, step: Step, rcpt_to: str) -> None:
        if not self.script.in_gap or step is self.script.steps.get("dot"):
            return  # what every letter gets is no news
        if step.drop or step.reset:
            self.script.in_gap("cut", rcpt_to)
        elif step.delay or step.hang:
            self.script.in_gap("hold", rcpt_to)

    async def do_rset(self, argument: str) -> None:
        self.mail_from, self.rcpt_to = None, ""
        await self.act("rset", argument, "250 2.0.0 Ok")

    async def do_noop(self, argument: str) -> None:
        await self.act("noop", argument, "250 2.0.0 Ok")

    async def do_quit(self, argument: str) -> None:
        await self.act("quit", argument, "221 2.0.0 bye")
        raise _Gone


@contextlib.contextmanager
def sink_in_thread(script: Script | None = None, *, port: int = 0) -> Iterator[Sink]:
    """Run a sink beside code that is not asynchronous."""
    ready, sink = threading.Event(), Sink(script, port=port)
    failures: list[OSError] = []
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(stop.set))
        try:
            async with sink:
                ready.set()
                await stop.wait()
        except OSError as error:
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        if failures:
            raise failures[0]
        yield sink
    finally:
        if not failures:
            ends[0]()
        thread.join()


if __name__ == "__main__":  # pragma: no cover - run by a test as a program
    runpy.run_module("mailcore.smtp.sink_program", run_name="__main__")
