from __future__ import annotations

import email
import email.policy
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage

import mailparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.compose import (
    HeaderError,
    LetterSource,
    Mailbox,
    MissingValue,
    TemplateError,
    compile_letter,
    letter_html,
)
from mailcore.headers import text_field
from mailcore.personalise import parse_template, render_html, render_text

SOURCE = LetterSource(
    subject="{{ full_name }}, скидки до 50 %",
    preheader="Только до пятницы, {{ full_name }}",
    html='<p>Здравствуйте, {{ full_name | default("друг") }}!</p><p><a href="https://x.ru/">Каталог</a></p>',
    text="",
    sender=Mailbox(name="ООО «Ромашка»", address="news@ромашка.рф"),
)
DATE = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
IVAN = Mailbox(name="Иван Петров", address="ivan@example.ru")
VALUES = {"full_name": "Иван"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


def compose(source=SOURCE, *, values=VALUES, to=IVAN, **over) -> bytes:
    return compile_letter(source).compose(
        to=to, values=values, message_id="<1@x.ru>", date=DATE, **over
    )


def parse(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def content(raw: bytes, kind: str) -> str:
    part = parse(raw).get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def payload(raw: bytes, kind: str) -> str:
    """Return a part as it came, its line breaks unread."""
    part = parse(raw).get_body((kind,))
    assert part is not None
    got = part.get_payload(decode=True)
    assert isinstance(got, bytes)
    return got.decode().rstrip()


def check_octets(raw: bytes) -> None:
    """MSG-01, MSG-02, MSG-03."""
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", raw) is None
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"\n(?:\.|From )", raw)


def test_a_letter_has_both_parts_and_each_field_once():
    """MSG-07, MSG-11, MSG-16, MSG-31: a golden tree."""
    raw = compose()

    check_octets(raw)
    message = parse(raw)
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert message.keys() == [
        "Date",
        "From",
        "To",
        "Subject",
        "Message-ID",
        "MIME-Version",
        "Content-Type",
    ]
    assert message["Subject"] == "Иван, скидки до 50 %"
    assert message["Date"].datetime == DATE
    assert message["To"].addresses[0].addr_spec == "ivan@example.ru"
    for part in message.iter_parts():
        assert part.get_content_charset() == "utf-8"


def test_a_second_reader_finds_the_same():
    raw = compose()
    message = mailparser.parse_from_bytes(raw)

    assert message.subject == "Иван, скидки до 50 %"
    assert message.from_ == [("ООО «Ромашка»", "news@xn--80aa3agjl3d.xn--p1ai")]
    assert message.to == [("Иван Петров", "ivan@example.ru")]
    assert message.text_plain[0].replace("\r", "").strip() == (
        content(raw, "plain").strip()
    )
    assert "<p>Здравствуйте, Иван!</p>" in message.text_html[0]


def test_the_plain_part_says_the_same_without_the_preheader():
    """MSG-08, MSG-30"""
    assert content(compose(), "plain").strip() == (
        "Здравствуйте, Иван!\n\nКаталог <https://x.ru/>"
    )


def test_a_text_of_ones_own_replaces_the_automatic_one():
    raw = compose(replace(SOURCE, text="Привет, {{ full_name }}\r\n\r\n"))

    assert content(raw, "plain").strip() == "Привет, Иван"


def test_a_message_without_html_is_plain():
    """MSG-07"""
    raw = compose(replace(SOURCE, html=" ", text="Привет, {{ full_name }}"))

    check_octets(raw)
    assert parse(raw).get_content_type() == "text/plain"
    assert content(raw, "plain") == "Привет, Иван"


def test_a_fragment_becomes_a_document():
    html = content(compose(), "html")

    assert html.startswith("<!doctype html>")
    assert '<html lang="ru">' in html
    assert "<title>Иван, скидки до 50 %</title>" in html
    assert '<meta name="viewport"' in html
    english = replace(SOURCE, html="<p>Hello, {{ город }}</p>")
    assert '<html lang="en">' in letter_html(english)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ('<html><body class="a>b">', "text</body></html>"),
        ("<html><head><title>x</title></head>", "text"),
        ("<!DOCTYPE html><html lang='ru'>", "text"),
        ("<!doctype html>", ""),
    ],
)
def test_the_preheader_stands_first_in_the_authors_own_document(start, end):
    """MSG-30"""
    html = letter_html(replace(SOURCE, html=start + end))

    block = html.removesuffix(end)
    block = block.removeprefix("" if start.endswith("l>") and not end else start)
    assert block.startswith('<div style="display:none')
    assert "Только до пятницы, {{ full_name }}\u200c\xa0" in block


def test_without_a_preheader_nothing_is_hidden():
    assert "display:none" not in letter_html(replace(SOURCE, preheader=" "))


def test_a_preheader_is_text():
    html = content(
        compose(replace(SOURCE, preheader="a < b & {{ full_name }}")), "html"
    )

    assert "a &lt; b &amp; Иван" in html


def test_values_are_escaped_in_html_and_nowhere_else():
    """SEC-16"""
    raw = compose(values={"full_name": 'A "<b>" & {{ 7*7 }}'})

    assert parse(raw)["Subject"] == 'A "<b>" & {{ 7*7 }}, скидки до 50 %'
    assert 'Здравствуйте, A "<b>" & {{ 7*7 }}!' in content(raw, "plain")
    assert "A &quot;&lt;b&gt;&quot; &amp; {{ 7*7 }}!" in content(raw, "html")


def test_a_letter_says_what_it_needs():
    """SEC-15"""
    letter = compile_letter(
        replace(SOURCE, subject="x", preheader="", text="{{ город }}")
    )

    assert letter.names == {"full_name", "город"}
    assert letter.required == {"город"}
    with pytest.raises(MissingValue) as caught:
        compose(values={})
    assert caught.value.name == "full_name"


def test_reply_to_and_own_fields_are_written():
    raw = compose(
        replace(
            SOURCE,
            reply_to=Mailbox(name="Склад", address="sklad@example.ru"),
            extra_headers=(("X-Campaign", "осень"),),
        )
    )

    check_octets(raw)
    message = parse(raw)
    assert message["Reply-To"] == "Склад <sklad@example.ru>"
    assert message["X-Campaign"] == "осень"


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "a\r\nBcc: x@example.ru"},
        {"sender": Mailbox(name="a\nb", address="a@b.ru")},
        {"sender": Mailbox(name="a", address="nobody")},
        {"sender": Mailbox(name="a", address="иван@b.ru")},
        {"reply_to": Mailbox(name="", address="a@b.ru\r\nBcc: x@y.ru")},
        {"extra_headers": (("Bcc", "x@example.ru"),)},
        {"extra_headers": (("X-Own", "a\rb"),)},
    ],
)
def test_a_bad_header_is_seen_when_the_message_is_compiled(change):
    """MSG-20"""
    with pytest.raises(HeaderError):
        compile_letter(replace(SOURCE, **change))


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@y.ru", "a\nb", "a\rb", "a\0b", "a\x85b", "a\u2028b"]
)
def test_a_bad_value_fails_its_own_letter_only(value):
    """MSG-20: through a recipient's attribute and through a name."""
    letter = compile_letter(SOURCE)

    for to, name in ((IVAN, value), (replace(IVAN, name=value), "Иван")):
        with pytest.raises(HeaderError):
            letter.compose(
                to=to, values={"full_name": name}, message_id="<1@x.ru>", date=DATE
            )


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "{{ a"},
        {"html": "{% if a %}"},
        {"html": "<a href={{ a }}>x</a>"},
        {"text": "{{ a | b }}"},
        {"preheader": "{{ }}"},
    ],
)
def test_a_bad_template_is_seen_when_the_message_is_compiled(change):
    with pytest.raises(TemplateError):
        compile_letter(replace(SOURCE, **change))


def test_a_cyrillic_mailbox_is_written_raw_when_the_server_allows():
    """MSG-12"""
    to = Mailbox(name="", address="иван@почта.рф")

    with pytest.raises(HeaderError):
        compose(to=to)
    assert "To: иван@xn--80a1acny.xn--p1ai\r\n".encode() in compose(
        to=to, smtputf8=True
    )


def test_every_compiled_letter_has_a_boundary_of_its_own():
    """MSG-10"""
    first, second = (parse(compose()).get_boundary() for _ in range(2))

    assert first != second
    assert re.fullmatch(r"=_[0-9a-f]{32}", first or "")


def test_a_russian_letter_stays_small():
    """MSG-04"""
    text = "Здравствуйте! Осенняя распродажа начинается в пятницу.\n\n" * 100

    raw = compose(replace(SOURCE, html="", text=text))

    assert len(raw) <= 1.4 * len(text.encode()) + 600


@pytest.mark.parametrize("language", ["Hello, friends. ", "Здравствуйте, друзья. "])
@given(name=TEXTS, city=TEXTS)
def test_whatever_the_values_are_the_letter_comes_back_whole(language, name, city):
    """MSG-01..05: two encodings, any text in the body's slots."""
    source = replace(
        SOURCE,
        subject="x",
        preheader="",
        text=f'{language * 9}\n{{{{ name | default("-") }}}}\n.{{{{ city | default("-") }}}}\nFrom',
    )

    raw = compose(source, values={"name": name, "city": city})

    check_octets(raw)
    shown = [
        re.sub(r"\r\n|\r", "\n", value) if value.strip() else "-"
        for value in (name, city)
    ]
    expected = f"{language * 9}\n{shown[0]}\n.{shown[1]}\nFrom"
    assert payload(raw, "plain") == expected.replace("\n", "\r\n")


FIELDS = '{{ name | default("-") }}, {{ name | default("друг") | title }}: {{ city }} {{ link }}'
BODY = (
    f'<p>{FIELDS}</p><a href="{{{{ link }}}}">{{{{ city }}}}</a><!-- {{{{ city }}}} -->'
)
LINKS = st.sampled_from(
    [
        "https://x.ru/?a&b",
        "javascript:alert(1)",
        " java\nscript:x",
        "mailto:a@b.ru",
        "x",
    ]
)


@pytest.mark.parametrize("language", ["Hello, friends. ", "Здравствуйте, друзья. "])
@given(name=TEXTS, city=TEXTS.map("x{}".format), link=LINKS)
def test_a_letter_says_what_its_templates_say_with_these_values(
    language, name, city, link
):
    """SEC-16: every value is encoded once, and stands rightly wherever it is wanted."""
    source = replace(
        SOURCE,
        subject="100 % {{ link | upper }} %s",
        preheader="",
        html=f"<html><body>{language * 9}{BODY}</body></html>",
        text=language * 9 + FIELDS,
    )
    values = {"name": name, "city": city, "link": link.replace("\n", "")}

    raw = compose(source, values=values)

    check_octets(raw)
    for kind, template, render in (
        ("plain", source.text, render_text),
        ("html", letter_html(source), render_html),
    ):
        expected = render(parse_template(template), values)
        assert payload(raw, kind) == re.sub(r"\r\n|\r|\n", "\r\n", expected).rstrip()
    subject = f"100 % {values['link'].upper()} %s"
    assert text_field("Subject", subject) in raw


@pytest.mark.parametrize("city", ["", " ", "\t\u3000\n", None])
@pytest.mark.parametrize(
    "change",
    [{part: "{{ city }} {{ full_name }}"} for part in ("subject", "html", "text")],
)
def test_a_value_that_shows_nothing_is_missing_wherever_it_is_wanted(change, city):
    """SEC-15"""
    values = VALUES if city is None else {**VALUES, "city": city}

    with pytest.raises(MissingValue) as caught:
        compose(replace(SOURCE, **change), values=values)

    assert caught.value.name == "city"
