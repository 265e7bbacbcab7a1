from __future__ import annotations

import email
import email.policy
import re
import unicodedata
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import mailparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import headers
from mailcore.headers import (
    DateWriter,
    HeaderError,
    Mailbox,
    addressed_field,
    check_value,
    date_field,
    extra_field,
    mailbox_field,
    make_message_id,
    message_id_field,
    text_field,
)

# Everything that may stand in a header: no control characters, no separators.
PRINTABLE = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"),
    max_size=200,
)
# Most names and subjects, with what a fast way could trip over.
COMMON = st.text(
    st.sampled_from(' \t\x85\x7f=?.,"AZaяЯé«€–\u0301')
    | st.characters(max_codepoint=0x52F),
    max_size=120,
)
ADDRESSES = st.sampled_from(["a@b.ru", "Ivan.Petrov+news@big.example-shop.ru"]) | (
    st.integers(1, 70).map(lambda length: f"{'a' * length}@example.ru")
)
VECTORS = [
    "x\r\nBcc: victim@example.ru",
    "x\nBcc: victim@example.ru",
    "x\rBcc: victim@example.ru",
    "x\0",
    "x\x0b",
    "x\x0c",
    "x\x1c",
    "x\x7f",
    "x\x85",
    "x\u2028y",
    "x\u2029y",
    "x\ud800",
]


def lines_of(field: bytes) -> list[bytes]:
    assert field.endswith(b"\r\n")
    return field[:-2].split(b"\r\n")


def check_lines(field: bytes) -> None:
    """MSG-01, MSG-02, MSG-03, MSG-18."""
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", field) is None
    assert field.isascii()
    for number, line in enumerate(lines_of(field)):
        assert len(line) <= (76 if b"=?" in line else 998)
        assert line.strip()
        assert number == 0 or line.startswith(b" ")


def decoded(field: bytes) -> str:
    """What the standard library reads."""
    value = field.decode().partition(":")[2]
    unfolded = value.replace("\r\n", "").removeprefix(" ")
    return str(make_header(decode_header(unfolded)))


def decoded_by_hand(field: bytes) -> str:
    """RFC 2047 read by a few lines of our own: every word must stand on its own feet."""
    words = re.findall(rb"=\?utf-8\?B\?([A-Za-z0-9+/=]+)\?=", field)
    return "".join(b64decode(word).decode() for word in words)


@given(PRINTABLE)
def test_three_readers_find_the_text_that_was_written(value):
    """MSG-18"""
    field = text_field("Subject", value)

    check_lines(field)
    assert decoded(field) == value
    if b"=?" in field:
        assert decoded_by_hand(field) == value
    message = mailparser.parse_from_bytes(field + b"From: a@b.ru\r\n\r\nx")
    # This reader shows every text composed (NFC).
    assert message.subject == unicodedata.normalize("NFC", value).strip()


@pytest.mark.parametrize(
    "value",
    [
        "Привет",
        "Осенняя распродажа в «Ромашке»: скидки до 50 % на всё, что согревает зимой",
        "👨‍👩‍👧‍👦" * 12,
        "🇷🇺" * 40,
        "👍🏽" * 30,
        "é" * 90,
        "नमस्ते " * 20,
        "z" + "\u0301" * 90,
        "=?utf-8?B?0J8=?=",
        "a\tb",
        " leading and trailing ",
        "two  blanks",
        "й" * 500,
    ],
)
def test_what_a_reader_sees_as_one_character_is_not_cut(value):
    """MSG-18: no encoded-word starts with something that belongs to the one before."""
    field = text_field("Subject", value)

    check_lines(field)
    assert decoded(field) == value
    words = re.findall(rb"=\?utf-8\?B\?([A-Za-z0-9+/=]+)\?=", field)
    starts = [b64decode(word).decode()[0] for word in words[1:]]
    if "z\u0301" not in value:  # a pile of accents longer than any word must be cut
        assert not {"\u200d", "\u0301", "🏽", "\u094d", "\u0938"} & set(starts) - {"स"}
    assert b"?==?" not in field


def outcome(write, *arguments):
    try:
        return write(*arguments)
    except HeaderError as error:
        return error.header


@given(COMMON | PRINTABLE)
def test_the_short_way_of_a_text_is_the_long_way(value):
    """MSG-18, MSG-20: the same bytes, and the same is refused."""
    short = outcome(text_field, "Subject", value)

    assert short == outcome(headers._any_text_field, "Subject", value)


@given(COMMON | PRINTABLE, ADDRESSES)
def test_the_short_way_of_a_mailbox_is_the_long_way(name, address):
    """MSG-18, MSG-20"""
    for header in ("To", "From", "Reply-To"):
        short = outcome(addressed_field, header, name, address)

        assert short == outcome(headers._any_mailbox, header, name, address)


@given(COMMON, st.integers(20, 70))
def test_simple_text_is_cut_as_any_other(value, first):
    """MSG-18"""
    if headers._SIMPLE.fullmatch(value):
        words = list(headers._cluster_words(value, first=first))

        assert (
            headers._simple_words(value, first=first).decode().split("\r\n ") == words
        )


def test_no_control_character_passes_as_simple_text():
    """MSG-20: what matches is not looked at again."""
    control = [
        chr(code) for code in range(0x110000) if headers._CONTROL.match(chr(code))
    ]

    assert len(control) > 2048
    assert not any(headers._SIMPLE.match(each) for each in ["\t", *control])


def test_plain_ascii_stays_readable():
    assert text_field("Subject", "Hello, world! 50 % off") == (
        b"Subject: Hello, world! 50 % off\r\n"
    )
    assert text_field("Subject", "") == b"Subject:\r\n"


def test_long_ascii_is_folded_at_blanks():
    """MSG-02"""
    field = text_field("Subject", "word " * 100 + "end")

    assert max(map(len, lines_of(field))) <= 78
    assert decoded(field) == "word " * 100 + "end"


def test_a_long_url_stays_byte_for_byte():
    """MSG-19: nothing to fold at, nothing encoded."""
    url = "https://example.ru/" + "a" * 200

    assert url.encode() in extra_field("X-Link", f"see {url}")
    assert b"=?" in text_field("Subject", "x" * 950)


@pytest.mark.parametrize("value", VECTORS)
def test_a_value_that_could_end_the_field_is_refused(value):
    """MSG-20"""
    for write in (
        lambda: text_field("Subject", value),
        lambda: extra_field("X-Own", value),
        lambda: mailbox_field("To", Mailbox(name=value, address="a@b.ru")),
        lambda: mailbox_field("To", Mailbox(name="", address=value)),
        lambda: mailbox_field("To", Mailbox(name="", address=f"{value}@b.ru")),
        lambda: message_id_field(f"<{value}@b.ru>"),
        lambda: check_value("filename", value),
    ):
        with pytest.raises(HeaderError):
            write()


def test_a_tab_is_fine_in_text_and_nowhere_else():
    assert decoded(text_field("Subject", "a\tb")) == "a\tb"
    with pytest.raises(HeaderError) as caught:
        mailbox_field("To", Mailbox(name="a\tb", address="a@b.ru"))
    assert caught.value.header == "To"


RESERVED = (
    "From sender To CC Bcc Subject Date Message-ID Return-Path Received DKIM-Signature "
    "ARC-Seal Authentication-Results Content-Type MIME-Version List-Unsubscribe "
    "List-Id Feedback-ID Resent-To Reply-To X-Originating-IP X-Mailer User-Agent "
    "Precedence X-Mailru-Msgtype X-Pochtar-Delivery List-Unsubscribe-Post"
)


@pytest.mark.parametrize("name", RESERVED.split())
def test_the_fields_that_we_write_cannot_be_given(name):
    """MSG-20, MSG-31"""
    with pytest.raises(HeaderError):
        extra_field(name, "x")


@pytest.mark.parametrize("name", ["", "X Own", "X:Own", "Ёж", "X\r\nBcc", "a" * 65])
def test_a_field_name_is_letters_digits_and_hyphens(name):
    with pytest.raises(HeaderError):
        extra_field(name, "x")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("", b"To: ivan@example.ru"),
        ("Ivan Petrov", b"To: Ivan Petrov <ivan@example.ru>"),
        ("Petrov, Ivan", b'To: "Petrov, Ivan" <ivan@example.ru>'),
        ('Ivan "Vanya" P.', b'To: "Ivan \\"Vanya\\" P." <ivan@example.ru>'),
        ("back\\slash", b'To: "back\\\\slash" <ivan@example.ru>'),
        ("Иван", b"To: =?utf-8?B?0JjQstCw0L0=?= <ivan@example.ru>"),
    ],
)
def test_a_display_name_is_quoted_or_encoded_and_never_both(name, start):
    """MSG-18"""
    assert mailbox_field("To", Mailbox(name=name, address="ivan@example.ru")) == (
        start + b"\r\n"
    )


@given(PRINTABLE)
def test_a_display_name_comes_back(name):
    field = mailbox_field("From", Mailbox(name=name, address="ivan@example.ru"))

    check_lines(field)
    message = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    (address,) = message["From"].addresses
    assert address.addr_spec == "ivan@example.ru"
    if b"=?" in field:  # this reader puts a blank between two encoded-words
        assert decoded_by_hand(field) == name.strip(" ")
    else:
        assert address.display_name == name.strip(" ")


def test_the_domain_of_an_address_becomes_a_labels():
    """MSG-12: and no encoded-word stands inside an address."""
    field = mailbox_field("To", Mailbox(name="", address="ivan@почта.рф"))

    assert field == b"To: ivan@xn--80a1acny.xn--p1ai\r\n"


def test_a_cyrillic_local_part_needs_the_servers_consent():
    """MSG-12"""
    mailbox = Mailbox(name="Иван", address="иван@почта.рф")

    with pytest.raises(HeaderError):
        mailbox_field("To", mailbox)
    assert "<иван@xn--80a1acny.xn--p1ai>".encode() in mailbox_field(
        "To", mailbox, smtputf8=True
    )


@pytest.mark.parametrize("minutes", [0, 180, -210, 345, -720, 840])
def test_a_date_has_a_numeric_zone(minutes):
    """MSG-15"""
    zone = timezone(timedelta(minutes=minutes))
    moment = datetime(2026, 2, 3, 4, 5, 6, tzinfo=zone)

    field = date_field(moment)

    assert parsedate_to_datetime(field[6:].decode()) == moment
    assert b"-0000" not in field
    assert field.startswith(b"Date: Tue, 03 Feb 2026 04:05:06 ")


def test_a_date_without_a_zone_is_a_mistake():
    with pytest.raises(ValueError, match="zone"):
        date_field(datetime(2026, 1, 1))  # noqa: DTZ001
    assert date_field(datetime(2026, 1, 1, tzinfo=UTC)).endswith(b" +0000\r\n")


@given(
    st.lists(st.integers(0, 2 * 24 * 3600), max_size=8),
    st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "UTC"]),
)
def test_a_date_that_is_kept_for_a_second_is_the_right_one(seconds, zone):
    """MSG-15: also over the night in which the clocks change."""
    write = DateWriter(ZoneInfo(zone))

    for each in seconds:
        start = datetime(2026, 3, 28, tzinfo=UTC) + timedelta(seconds=each)
        for fraction in (0, 1, 999_999, 1_000_000, 400):
            now = start + timedelta(microseconds=fraction)
            assert write(now) == date_field(now.astimezone(ZoneInfo(zone)))


def test_a_message_id_is_the_same_on_every_try_and_tells_nothing():
    """MSG-14"""
    first, again, other = (
        make_message_id(delivery, key=b"k" * 32, domain="example.ru")
        for delivery in ("1", "1", "2")
    )

    assert first == again != other
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.ru>", first)
    assert message_id_field(first) == f"Message-ID: {first}\r\n".encode()


@pytest.mark.parametrize(
    "value", ["", "a@b", "<a@b", "<a b@c>", "<a@b@c>", "<ё@b.ru>", f"<{'a' * 250}@b>"]
)
def test_a_bad_message_id_is_refused(value):
    with pytest.raises(HeaderError):
        message_id_field(value)
