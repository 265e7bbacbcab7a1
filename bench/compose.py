"""How long one letter takes: our composer, Django's, the standard library's.

Run as ``python bench/compose.py``; prints ``name: value`` lines, µs per letter.
"""

from __future__ import annotations

import email.policy
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from html import escape
from itertools import cycle
from pathlib import Path
from time import perf_counter

import django
from django.conf import settings
from django.core.mail import EmailMultiAlternatives

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from mailcore.compose import Bulk, LetterSource, Mailbox, Marks, compile_letter

PEOPLE = 5000
FIELDS = ("full_name", "city", "order", "manager", "points")
VALUES = {
    "full_name": "Ivan Petrov",
    "city": "Moscow",
    "order": "A-1024",
    "manager": "Anna",
    "points": "350",
}
BULK = Bulk(
    list_id="mailings-0a1b2c3d4e5f.example.ru",
    list_name="Shop",
    feedback=("m1", "w2", "mailing"),
    sender_id="pochtar",
    kind="mailing",
)
MARKS = Marks(unsubscribe_url=f"https://mail.example.ru/u/{'A' * 55}/", token="A" * 34)
DATE = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATIN = "<p>Our autumn sale begins on Friday, come and see <a href='https://x.ru/'>it</a>.</p>\n"
CYRILLIC = (
    "<p>Осенняя распродажа начинается в <a href='https://x.ru/'>пятницу</a>.</p>\n"
)


def body(paragraph: str, *, size: int = 10_000) -> str:
    block = paragraph * (size // len(paragraph.encode()) // len(FIELDS))
    return "".join(f"<p>{{{{ {name} }}}}</p>\n{block}" for name in FIELDS)


def microseconds(compose: Callable[[], object], *, seconds: float = 1.0) -> float:
    """The best of five runs: the machine's other work only ever adds time."""
    best = float("inf")
    for _ in range(5):
        count, started = 0, perf_counter()
        while perf_counter() - started < seconds / 5:
            compose()
            count += 1
        best = min(best, (perf_counter() - started) / count)
    return best * 1e6


def fill(html: str) -> str:
    for name, value in VALUES.items():
        html = html.replace(f"{{{{ {name} }}}}", escape(value))
    return html


def ours(
    html: str, text: str, *, bulk: Bulk | None = None, marks: Marks | None = None
) -> Callable[[], object]:
    letter = compile_letter(
        LetterSource(
            subject="{{ full_name }}, hello",
            preheader="",
            html=f"<!doctype html><html><body>{html}</body></html>",
            text=text,
            sender=Mailbox(name="Shop", address="news@example.ru"),
            bulk=bulk,
        )
    )
    people = cycle(list(map(person, range(PEOPLE))))

    def compose() -> bytes:
        to, values = next(people)
        return letter.compose(
            to=to, values=values, message_id="<1@example.ru>", date=DATE, marks=marks
        )

    return compose


def person(number: int) -> tuple[Mailbox, dict[str, str]]:
    """Nobody is like another: what is kept of the last letter must not flatter."""
    name, address = f"Ivan Petrov {number:x}", f"ivan{number}@example.ru"
    values = {**VALUES, "full_name": name, "order": f"A-{number}"}
    return Mailbox(name=name, address=address), values


def djangos(html: str, text: str) -> Callable[[], object]:
    def compose() -> bytes:
        message = EmailMultiAlternatives(
            "Ivan Petrov, hello",
            fill(text),
            "Shop <news@example.ru>",
            ["Ivan Petrov <ivan@example.ru>"],
            headers={"Message-ID": "<1@example.ru>"},
        )
        message.attach_alternative(fill(html), "text/html")
        return message.message().as_bytes()

    return compose


def stdlibs(html: str, text: str) -> Callable[[], object]:
    def compose() -> bytes:
        message = EmailMessage(policy=email.policy.SMTP)
        message["Subject"] = "Ivan Petrov, hello"
        message["From"] = "Shop <news@example.ru>"
        message["To"] = "Ivan Petrov <ivan@example.ru>"
        message["Message-ID"] = "<1@example.ru>"
        message["Date"] = DATE
        message.set_content(fill(text))
        message.add_alternative(fill(html), subtype="html")
        return message.as_bytes()

    return compose


def main() -> None:
    settings.configure()
    django.setup()
    for name, paragraph in (("latin", LATIN), ("cyrillic", CYRILLIC)):
        html = body(paragraph)
        text = "{{ full_name }}\n" + "A line of text.\n" * 20
        own = microseconds(ours(html, text))
        print(f"compose_{name}_us: {own:.1f}")
        mailing = microseconds(ours(html, text, bulk=BULK, marks=MARKS))
        print(f"compose_{name}_mailing_us: {mailing:.1f}")
        for rival, make in (("django", djangos), ("stdlib", stdlibs)):
            other = microseconds(make(html, text))
            print(f"compose_{name}_{rival}_us: {other:.1f}")
            print(f"compose_{name}_{rival}_ratio: {other / own:.0f}")


if __name__ == "__main__":
    main()
