"""Short ways to a session with a sink."""

from __future__ import annotations

from typing import Any

from mailcore.smtp.session import Envelope, Route, Session, Timeouts, TlsMode
from mailcore.smtp.sink import Sink

QUICK = Timeouts(
    connect=5,
    greeting=5,
    ehlo=5,
    tls=5,
    auth=5,
    mail=5,
    rcpt=5,
    data=5,
    block=5,
    dot=5,
    quit=1,
)


def route_to(sink: Sink, **over: Any) -> Route:
    return Route(
        **{
            "host": "127.0.0.1",
            "port": sink.port,
            "tls": TlsMode.NONE,
            "helo_name": "mail.lavka.example",
            "timeouts": QUICK,
            **over,
        }
    )


async def connect(sink: Sink, **over: Any) -> Session:
    observer = over.pop("observer", None)
    return await Session.connect(route_to(sink, **over), observer=observer)


def letter(to: str = "anna@example.com", **over: Any) -> Envelope:
    return Envelope(
        **{
            "mail_from": "news@lavka.example",
            "rcpt_to": to,
            "data": b"Subject: hi\r\n\r\nhello\r\n",
            **over,
        }
    )
