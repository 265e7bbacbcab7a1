"""Whole replies of real kinds, and bytes of any kind (SMTP-05)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.replies import MAX_REPLY_BYTES, Reply, ReplyError, ReplyParser

GMAIL = (
    b"550-5.7.26 This mail has been blocked because the sender is unauthenticated.\r\n"
    b"550-5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM.\r\n"
    b"550-5.7.26\r\n"
    b"550-5.7.26  Authentication results:\r\n"
    b"550 5.7.26  SPF [shop.example] with ip: [203.0.113.7] = did not pass gsmtp\r\n"
)
EXIM = (
    b"550-Verification failed for <news@shop.example>\r\n"
    b"550-No Such User Here\r\n"
    b"550 Sender verify failed\r\n"
)
EHLO = (
    b"250-mx.firm.example\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n"
    b"250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"
)


def parse(data: bytes) -> list[Reply]:
    return ReplyParser().feed(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            GMAIL,
            Reply(
                code=550,
                enhanced="5.7.26",
                lines=(
                    "This mail has been blocked because the sender is unauthenticated.",
                    (
                        "Gmail requires all senders to authenticate with either SPF "
                        "or DKIM."
                    ),
                    "",
                    "Authentication results:",
                    "SPF [shop.example] with ip: [203.0.113.7] = did not pass gsmtp",
                ),
            ),
        ),
        (
            EXIM,
            Reply(
                code=550,
                lines=(
                    "Verification failed for <news@shop.example>",
                    "No Such User Here",
                    "Sender verify failed",
                ),
            ),
        ),
        (
            EHLO,
            Reply(
                code=250,
                lines=(
                    "mx.firm.example",
                    "PIPELINING",
                    "SIZE 10240000",
                    "AUTH PLAIN LOGIN",
                    "ENHANCEDSTATUSCODES",
                    "SMTPUTF8",
                ),
            ),
        ),
        (
            "451 4.7.1 Попробуйте позже\r\n".encode("koi8-r"),
            Reply(
                code=451,
                enhanced="4.7.1",
                lines=(
                    "".join(
                        f"\\x{byte:02x}" if byte > 127 else chr(byte)
                        for byte in "Попробуйте позже".encode("koi8-r")
                    ),
                ),
            ),
        ),
        (b"250-\r\n250 \r\n", Reply(code=250, lines=("", ""))),
    ],
    ids=["gmail", "exim", "ehlo", "koi8-r", "empty lines"],
)
def test_a_reply_of_the_world_is_read_line_by_line(
    data: bytes, expected: Reply
) -> None:
    """SMTP-05"""
    assert parse(data) == [expected]


@pytest.mark.parametrize("length", [512, 1000, 8 * 1024, 60 * 1024])
def test_a_long_line_is_kept_whole(length: int) -> None:
    """SMTP-05"""
    (reply,) = parse(b"550 " + b"x" * length + b"\r\n")

    assert reply.lines == ("x" * length,)


def test_a_reply_of_exactly_64_kb_is_still_read() -> None:
    """SMTP-05"""
    (reply,) = parse(b"250 " + b"x" * (MAX_REPLY_BYTES - 6) + b"\r\n")

    assert len(reply.text) == MAX_REPLY_BYTES - 6


def test_a_line_without_end_is_given_up_when_the_cap_is_passed() -> None:
    """SMTP-05: the memory does not grow with what a server sends."""
    parser = ReplyParser()
    for _ in range(MAX_REPLY_BYTES // 1024):
        parser.feed(b"x" * 1024)

    with pytest.raises(ReplyError):
        parser.feed(b"x")


def test_each_reply_has_the_cap_for_itself() -> None:
    """SMTP-05"""
    parser = ReplyParser()

    for _ in range(5):
        assert len(parser.feed(b"250 " + b"x" * 50_000 + b"\r\n")) == 1


@pytest.mark.parametrize("second", [b"251", b"550", b"2500", b"25"])
def test_codes_that_differ_within_a_reply_are_refused(second: bytes) -> None:
    """SMTP-05"""
    with pytest.raises(ReplyError):
        parse(b"250-one\r\n" + second + b" two\r\n")


@given(st.binary(max_size=300))
def test_what_is_stored_can_be_shown_and_stored(text: bytes) -> None:
    """SMTP-05: no control characters, no lone surrogates, no line ends."""
    (reply,) = parse(b"550 " + text.replace(b"\n", b"") + b"\r\n")

    shown = reply.text
    shown.encode()
    assert all(
        character == "\t" or unicodedata.category(character) not in ("Cc", "Zl", "Zp")
        for character in shown
    )


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=80))
def test_text_in_utf8_comes_through_as_it_was(text: str) -> None:
    """SMTP-05"""
    (reply,) = parse(b"550 =" + text.encode() + b"\r\n")

    assert reply.text == f"={text}"
