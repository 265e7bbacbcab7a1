"""Server replies as they come (SMTP-05)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.replies import MAX_REPLY_BYTES, Reply, ReplyError, ReplyParser


def parse(data: bytes) -> list[Reply]:
    return ReplyParser().feed(data)


def test_a_plain_reply_has_its_code_and_text() -> None:
    (reply,) = parse(b"250 Ok\r\n")

    assert (reply.code, reply.enhanced, reply.text) == (250, "", "Ok")
    assert (reply.ok, reply.temporary, reply.permanent) == (True, False, False)


def test_the_enhanced_code_is_taken_out_of_every_line() -> None:
    (reply,) = parse(b"550-5.1.1 No such user\r\n550 5.1.1 here\r\n")

    assert (reply.enhanced, reply.lines) == ("5.1.1", ("No such user", "here"))
    assert str(reply) == "550 5.1.1 No such user here"
    assert reply.permanent


def test_an_enhanced_code_of_another_class_is_only_text() -> None:
    (reply,) = parse(b"250 5.1.1 odd\r\n")

    assert (reply.enhanced, reply.text) == ("", "5.1.1 odd")


def test_a_line_with_another_enhanced_code_keeps_it() -> None:
    (reply,) = parse(b"451-4.7.1 later\r\n451 4.7.0 really\r\n")

    assert reply.lines == ("later", "4.7.0 really")
    assert reply.temporary


@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_a_reply_without_text_and_with_any_line_ending_is_understood(
    ending: bytes,
) -> None:
    assert parse(b"354" + ending) == [Reply(code=354)]


def test_bytes_that_are_no_utf8_are_kept_as_escapes() -> None:
    (reply,) = parse(b"550 \xcf\xf0\xe8\xe2\xe5\xf2 \x00\x1b[2J\r\n")

    assert reply.text == "\\xcf\\xf0\\xe8\\xe2\\xe5\\xf2 \\x00\\x1b[2J"


def test_utf8_text_is_kept_as_it_is() -> None:
    (reply,) = parse("550 Ящик переполнен\r\n".encode())

    assert reply.text == "Ящик переполнен"


def test_a_line_of_nine_kilobytes_is_tolerated() -> None:
    (reply,) = parse(b"250 " + b"x" * 9000 + b"\r\n")

    assert len(reply.text) == 9000


@pytest.mark.parametrize(
    "data",
    [
        b"250" + b"x" * (MAX_REPLY_BYTES + 1),
        b"250-more\r\n" * 7000,
    ],
)
def test_a_reply_past_the_cap_is_refused(data: bytes) -> None:
    with pytest.raises(ReplyError):
        parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"250-a\r\n550 b\r\n",
        b"hello\r\n",
        b"\r\n",
        b"999 x\r\n",
        b"25 x\r\n",
        b"250x\r\n",
    ],
)
def test_what_is_no_reply_is_refused(data: bytes) -> None:
    with pytest.raises(ReplyError):
        parse(data)


def test_two_replies_in_one_packet_come_out_in_order() -> None:
    assert [reply.code for reply in parse(b"250 a\r\n354 b\r\n2")] == [250, 354]


def test_part_of_a_reply_is_known_to_be_there() -> None:
    parser = ReplyParser()

    parser.feed(b"250-a\r\n")
    assert parser.rest
    parser.feed(b"250 b\r\n")
    assert not parser.rest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0.0 Ok: queued as 4Xyz12", "4Xyz12"),
        ("2.0.0 Ok: queued on mail-nwsmtp-1.yandex.net as 1700-abc", "1700-abc"),
        ("OK id=1qXyZ-0001Ab-2C", "1qXyZ-0001Ab-2C"),
        ("Ok 0102018e-f00d-4a1b-000000", "0102018e-f00d-4a1b-000000"),
        ("2.0.0 3AB12cde012345 Message accepted for delivery", "3AB12cde012345"),
        (
            "2.6.0 <x@y> [InternalId=1] Queued mail for delivery",
            "",
        ),
        ("2.0.0 Ok", ""),
    ],
)
def test_the_queue_id_is_found_where_servers_put_it(text: str, expected: str) -> None:
    (reply,) = parse(f"250 {text}\r\n".encode())

    assert reply.queue_id == expected


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_give_replies_or_a_reply_error(chunks: list[bytes]) -> None:
    parser = ReplyParser()
    try:
        for chunk in chunks:
            for reply in parser.feed(chunk):
                assert 200 <= reply.code < 600
    except ReplyError:
        pass


@given(
    st.lists(
        st.tuples(
            st.integers(200, 599),
            st.lists(st.text("abc .5-", max_size=8), min_size=1, max_size=3),
        ),
        max_size=4,
    ),
    st.integers(1, 7),
)
def test_cutting_the_stream_anywhere_changes_nothing(
    replies: list[tuple[int, list[str]]], size: int
) -> None:
    data = b"".join(
        f"{code}{' ' if last else '-'}{line}\r\n".encode()
        for code, lines in replies
        for line, last in [*((line, False) for line in lines[:-1]), (lines[-1], True)]
    )
    parser = ReplyParser()

    pieces = [data[i : i + size] for i in range(0, len(data), size)]

    assert [reply for piece in pieces for reply in parser.feed(piece)] == parse(data)
    assert len(parse(data)) == len(replies)
