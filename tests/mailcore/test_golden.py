"""Whole letters, byte for byte, and what two parsers make of them.

``tests/golden`` holds one letter of each shape.  After a change that is meant, write
them anew with ``python -m tests.mailcore.test_golden`` and read the difference.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import mailparser
import pytest

from mailcore.bulk import Bulk
from mailcore.compose import LetterSource, Mailbox, Marks, compile_letter

GOLDEN = Path(__file__).parent.parent / "golden"
URL = (
    "https://mail.example.ru/u/AQGQAAAAAHAAgAAAAAAAAAoAAAAAAAAwOemN1eaKsefUVWmtaJmQEcU/"
)
TOKEN = "AQAAAAAAADA5aI5k____qwksV23mjlUdqw"
MOSCOW = timezone(timedelta(hours=3))
BULK = Bulk(
    list_id="mailings-0a1b2c3d4e5f.romashka.ru",
    list_name="ООО «Ромашка»",
    feedback=("m6f7081920a1b", "w0a1b2c3d4e5f", "mailing"),
    sender_id="pochtar",
    kind="mailing",
)
HTML = (
    '<p>Здравствуйте, {{ full_name }}!</p><p><a href="https://romashka.ru/?of={{ email }}">'
    'Каталог</a></p><p><a href="{{ unsubscribe_url }}">Отписаться</a></p>'
)
SHAPES = {
    "plain": {"html": "", "text": "Здравствуйте!\n\nОтписаться: {{ unsubscribe_url }}"},
    "alternative": {"html": HTML, "text": ""},
    "both": {"html": HTML, "text": "Hello, {{ full_name }}. {{ unsubscribe_url }}"},
}
ONCE = ("Date", "From", "To", "Subject", "Message-ID", "Reply-To", "MIME-Version")
ONCE_TOO = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID")
MORE = ("Precedence", "X-Mailru-Msgtype", "X-Pochtar-Delivery", "Content-Type")


def letter(shape: str) -> bytes:
    """Compose the letter; its random boundary is evened out."""
    source = LetterSource(
        subject="{{ full_name }}, новинки осени и скидки до 50 % на всё до пятницы",
        preheader="",
        sender=Mailbox(name="ООО «Ромашка»", address="news@romashka.ru"),
        reply_to=Mailbox(name="", address="info@romashka.ru"),
        bulk=BULK,
        html=SHAPES[shape]["html"],
        text=SHAPES[shape]["text"],
    )
    raw = compile_letter(source).compose(
        to=Mailbox(name="Иван Петров", address="Ivan@example.ru"),
        values={
            "full_name": "Иван",
            "email": "Ivan@example.ru",
            "unsubscribe_url": URL,
        },
        message_id=f"<{TOKEN}@romashka.ru>",
        date=datetime(2026, 5, 1, 12, tzinfo=MOSCOW),
        marks=Marks(
            unsubscribe_url=URL,
            unsubscribe_mailto="mailto:leave@romashka.ru?subject=unsubscribe",
            token=TOKEN,
        ),
    )
    return re.sub(rb"=_[0-9a-f]{32}", b"=_" + b"0" * 32, raw)


def parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def body(raw: bytes, kind: str) -> str:
    part = parse(raw).get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n").strip() if part else ""


def squeezed(value: object) -> str:
    return "".join(str(value).split())


@pytest.mark.parametrize("shape", SHAPES)
def test_the_letter_is_as_it_was(shape):
    """MSG-07, MSG-14..16, MSG-19, MSG-21..23, MSG-26..29"""
    assert letter(shape) == (GOLDEN / f"{shape}.eml").read_bytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_two_parsers_read_the_same_letter(shape):
    """MSG-07, MSG-18"""
    raw = letter(shape)
    ours, other = parse(raw), mailparser.parse_from_bytes(raw)

    assert ours["Subject"] == other.subject
    assert [(each.display_name, each.addr_spec) for each in ours["To"].addresses] == (
        other.to
    )
    assert str(ours["Message-ID"]) == other.message_id
    assert [part.strip().replace("\r\n", "\n") for part in other.text_plain] == [
        body(raw, "plain")
    ]
    assert "".join(other.text_html).strip().replace("\r\n", "\n") == body(raw, "html")
    for name in (*ONCE_TOO, *MORE[:3]):
        # The other parser drops the space between an encoded-word and what follows.
        assert squeezed(other.headers[name]) == squeezed(ours[name])
    assert not ours.defects
    assert not any(part.defects for part in ours.walk())


@pytest.mark.parametrize("shape", SHAPES)
def test_each_field_stands_once(shape):
    """MSG-11, MSG-16, MSG-23, MSG-26"""
    names = [name for name, _value in parse(letter(shape)).items()]
    wanted = {*ONCE, *ONCE_TOO, *MORE}

    assert {name: names.count(name) for name in wanted} == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_date_is_the_workspaces_own_and_numeric(shape):
    """MSG-15"""
    assert re.search(
        rb"^Date: Fri, 01 May 2026 12:00:00 \+0300\r$", letter(shape), re.MULTILINE
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_part_says_the_way_out(shape):
    """MSG-08"""
    raw = letter(shape)

    assert URL in body(raw, "plain")
    assert shape == "plain" or f'href="{URL}"' in body(raw, "html")


def main() -> None:
    for shape in SHAPES:
        (GOLDEN / f"{shape}.eml").write_bytes(letter(shape))


if __name__ == "__main__":
    main()
