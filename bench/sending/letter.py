"""The letter that is sent: 10 kB of HTML with a text, five fields, five own links."""

from __future__ import annotations

from html import escape

ATTRIBUTES = ("city", "order", "manager", "points")  # and the full name makes five
FULL_NAME = "Анна Петрова"
VALUES = {"city": "Тверь", "manager": "Ольга", "points": "350"}
SUBJECT = "{{ full_name }}, осенние новинки"
SIZE = 10_000

_FIELDS = (
    "<p>Здравствуйте, {{ full_name }}! В городе {{ city }} открылась новая лавка.</p>\n"
    "<p>Ваш заказ {{ order }} ведёт {{ manager }}, у вас {{ points }} баллов.</p>\n"
)
_LINK = '<p><a href="https://lavka.example/go/{{ order }}/%d">Новинки осени</a></p>\n'
_PARAGRAPH = (
    "<p>Our autumn sale begins on Friday: come and see "
    "<b>what is new</b>, bring your friends.</p>\n"
)


def html() -> str:
    head = _FIELDS + "".join(_LINK % number for number in range(5))
    missing = SIZE - len(head.encode())
    body = head + _PARAGRAPH * (missing // len(_PARAGRAPH))
    return f"<!doctype html><html><body>{body}</body></html>"


def text() -> str:
    greeting = "Здравствуйте, {{ full_name }}! В городе {{ city }} открылась лавка.\n"
    return greeting + "Our autumn sale begins on Friday: come and see.\n" * 10


def order(number: int) -> str:
    """Return the value that differs from letter to letter."""
    return f"A-{number:07d}"


def filled(source: str, number: int) -> str:
    """Put a recipient's values in, as a program that uses Django would."""
    values = {"full_name": FULL_NAME, "order": order(number), **VALUES}
    for name, value in values.items():
        source = source.replace(f"{{{{ {name} }}}}", escape(value))
    return source
