"""Letters come from anybody: whatever the bytes are, a letter comes out."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pochtar.sandbox.letters import (
    HEADER_CHARS,
    decode_text,
    read_headline,
    read_letter,
)
from pochtar.sandbox.links import Link, links_in_html, links_in_text


def make_letter() -> bytes:
    letter = EmailMessage()
    letter["Subject"] = "Осенние новинки"
    letter["From"] = "Лавка <news@lavka.example>"
    letter["To"] = "anna@mail.example"
    letter["Message-ID"] = "<1@lavka.example>"
    letter.set_content("Здравствуйте, Анна!")
    letter.add_alternative(
        '<p>Здравствуйте! <a href="https://lavka.example/?a=1&amp;b=2">Каталог</a></p>'
        '<img src="cid:logo">',
        subtype="html",
    )
    html = letter.get_body(("html",))
    assert isinstance(html, EmailMessage)
    html.add_related(b"GIF89a", "image", "gif", cid="<logo>", filename="logo.gif")
    letter.add_attachment(b"%PDF", "application", "pdf", filename="прайс.pdf")
    return letter.as_bytes()


def test_a_usual_letter_is_taken_apart():
    letter = read_letter(make_letter())

    assert letter.text.strip() == "Здравствуйте, Анна!"
    assert "Здравствуйте! <a href=" in letter.html
    assert [part.name for part in letter.attachments] == ["logo.gif", "прайс.pdf"]
    assert letter.attachments[1].content == b"%PDF"
    assert {h.name: h.value for h in letter.headers}["Subject"] == "Осенние новинки"
    assert letter.size == len(make_letter())


def test_the_headline_is_what_a_list_shows():
    headline = read_headline(make_letter())

    assert headline.subject == "Осенние новинки"
    assert headline.sender == "Лавка <news@lavka.example>"
    assert headline.message_id == "<1@lavka.example>"


def test_the_letters_own_images_are_put_into_its_html():
    letter = read_letter(make_letter())

    assert 'src="data:image/gif;base64,R0lGODlh"' in letter.html_with_images()
    assert not letter.has_remote_images


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://a.example/x.png">',
        "<img src=//a.example/x.png>",
        '<td background="http://a.example/x.png">',
        "<p style=\"background:url('https://a.example/x.png')\">",
    ],
)
def test_remote_images_are_noticed(html: str):
    raw = b"Content-Type: text/html\r\n\r\n" + html.encode()

    assert read_letter(raw).has_remote_images


def test_links_are_listed_once_with_their_words():
    html = (
        '<a href="https://a.example/?x=1&amp;y=2">Сюда <b>же</b></a>'
        '<a href="https://a.example/?x=1&amp;y=2">снова</a>'
        '<a href="javascript:alert(1)">зло</a><a href=" mailto:a@b.example">пишите</a>'
        '<a href="https://pic.example/"><img src="x" alt="Картинка"></a>'
    )

    assert links_in_html(html) == (
        Link(url="https://a.example/?x=1&y=2", label="Сюда же"),
        Link(url="mailto:a@b.example", label="пишите"),
        Link(url="https://pic.example/", label="Картинка"),
    )


def test_a_text_letter_lists_its_links_without_the_sentences_full_stop():
    raw = "Откройте https://a.example/x?y=1. И (http://b.example/)!".encode()

    found = read_letter(b"\r\n" + raw).links

    assert [link.url for link in found] == [
        "https://a.example/x?y=1",
        "http://b.example/",
    ]
    assert links_in_text("no links") == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?utf-8?B?0J/RgNC40LLQtdGC?=", "Привет"),
        ("=?windows-1251?Q?=CF=F0=E8=E2=E5=F2?=", "Привет"),
        ("=?utf-8?B?0J/RgA==?=\r\n =?utf-8?B?0LjQstC10YI=?=", "Привет"),
        ("=?no-such-charset?Q?abc?=", "abc"),
        ("=?utf-8?B?A?=", "=?utf-8?B?A?="),
        ("Re: \ud0bf\udcd0\udcbf", None),
        ("two\r\n lines", "two lines"),
        (
            "NUL\x00 and bell\x07",
            "NUL\N{REPLACEMENT CHARACTER} and bell\N{REPLACEMENT CHARACTER}",
        ),
        ("x" * 100_000, "x" * HEADER_CHARS),
    ],
)
def test_headers_are_read_as_people_read_them(value: str, expected: str | None):
    decoded = decode_text(value)

    assert decoded.encode("utf-8")  # any database can hold it
    if expected is not None:
        assert decoded == expected


NASTY = {
    "nothing": b"",
    "no headers": b"just text\r\nand more",
    "only headers": b"Subject: x",
    "binary": bytes(range(256)) * 40,
    "bad charset": b"Content-Type: text/plain; charset=x-\xff\r\n\r\n\xd0\xbf",
    "charset of nonsense": b'Content-Type: text/html; charset="\x00"\r\n\r\n<p>\xff',
    "codec that is no charset": b"Content-Type: text/plain; charset=rot13\r\n\r\nabc",
    "idna as a charset": b"Content-Type: text/plain; charset=idna\r\n\r\n"
    + b"a." * 900,
    "bad base64": b"Content-Transfer-Encoding: base64\r\n\r\n%%%",
    "uuencode": b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 x\r\n\xff\r\nend",
    "huge header": b"Subject: " + b"x" * 3_000_000 + b"\r\n\r\ntext",
    "many headers": b"X: y\r\n" * 50_000 + b"\r\ntext",
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\ntext",
    "empty boundary": b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx',
    "boundary never ends": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    "encoded multipart": (
        b"Content-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\nx\r\n--b--"
    ),
    "bad file name": (
        b"Content-Disposition: attachment; filename*0*=utf-8''%FF; filename*x=1\r\n\r\nx"
    ),
    "path as a file name": (
        b'Content-Disposition: attachment; filename="..\\../etc/"\r\n\r\nx'
    ),
    "delivery status": (
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nA: b"
    ),
    "letter in letter": b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntext",
    "bare CR": b"Subject: a\rBcc: b\r\n\r\ntext\rmore",
    "unfinished word": b"Subject: =?utf-8?Q?=D0\r\n\r\n",
    "hopeless mark-up": b"Content-Type: text/html\r\n\r\n<![x<!--<!DOCTYPE a[<?\xff",
}


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_letter_never_raises(name: str):
    _read_everything(NASTY[name])


def test_parts_nested_without_end_do_not_overflow():
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(3000)
    )
    _read_everything(nested + b"\r\ndeep")


def test_thousands_of_parts_are_cut_off():
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nx\r\n" * 5000
    )

    assert len(read_letter(raw).attachments) < 300


@pytest.mark.parametrize(
    "piece",
    ["<a", "<!--", "<a href='", "</a", "<?", "<a>x", "src=" + " " * 60, "=?u?Q?"],
)
def test_a_letter_made_to_take_long_does_not(piece: str):
    """A parser that goes back again and again takes minutes over these."""
    html = piece * (200_000 // len(piece)) + "=" + " " * 50_000
    started = time.monotonic()

    _read_everything(f"Content-Type: text/html\r\n\r\n{html}".encode())

    assert time.monotonic() - started < 5


@given(st.binary(max_size=600))
def test_no_bytes_raise(raw: bytes):
    _read_everything(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: ",
                b"multipart/mixed; boundary=b",
                b"text/html",
                b"message/rfc822",
                b"; charset=",
                b"; name*0*=",
                b"\r\n",
                b"\r\n\r\n",
                b"--b",
                b"--b--",
                b"=?utf-8?B?",
                b"?=",
                b"Subject: ",
                b"Content-Transfer-Encoding: base64",
                b"\xff\x00",
                b"%%",
                b"'",
                b'"',
            ]
        ),
        max_size=40,
    )
)
def test_no_pieces_of_mail_raise(pieces: list[bytes]):
    _read_everything(b"".join(pieces))


def _read_everything(raw: bytes) -> None:
    letter, headline = read_letter(raw), read_headline(raw)
    shown = [letter.html, letter.text, letter.html_with_images(), headline.subject]
    shown += [header.name + header.value for header in letter.headers]
    shown += [part.name + part.content_type for part in letter.attachments]
    shown += [link.url for link in letter.links]
    assert "\x00" not in "".join(shown)
    assert "".join(shown).encode("utf-8") is not None
