from __future__ import annotations

import quopri
import re
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.transfer import (
    Base64,
    Part,
    QuotedPrintable,
    best_part,
    quoted_printable,
    quoted_values,
)

AWKWARD = st.text(
    st.one_of(
        st.sampled_from(" \t.F=\r\n\x00-_é"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=300,
)
VALUES = st.text(st.sampled_from(" \t.=\nFrom ая😀x"), max_size=90)


# What is mostly asked for, and what a short way could trip over.
WORDS = st.text(
    st.sampled_from(" \t.=F\n\r\0\x7f_Aяé€😀\ud800") | st.sampled_from("Тверь350-"),
    max_size=100,
)


def encode(part: Part, values: list[str]) -> bytes:
    return b"".join(part.fill(part.prepare(values)))


def normal(text: str) -> bytes:
    return re.sub(r"\r\n|\r|\n", "\r\n", text).encode()


def check_quoted_printable(encoded: bytes) -> None:
    """MSG-02, MSG-05, and what DKIM's relaxed form would change (ARCHITECTURE §3)."""
    assert encoded.isascii()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", encoded) is None
    for line in encoded.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert b"  " not in line
        assert b"\t" not in line
        assert b"=_" not in line


@given(AWKWARD)
def test_quoted_printable_comes_back(text):
    encoded = quoted_printable(text)

    check_quoted_printable(encoded)
    assert quopri.decodestring(encoded) == normal(text)


@given(st.lists(WORDS | st.text(st.sampled_from("Aя=.F "), max_size=90), max_size=6))
def test_values_encoded_in_one_go_are_as_each_by_itself(values):
    """MSG-05"""
    assert quoted_values(values) == [quoted_printable(value) for value in values]


@pytest.mark.parametrize("length", range(60, 90))
@pytest.mark.parametrize("form", ["{}", "{}=", "{}я", ".{}", "F{}", "{} ", "я{}"])
def test_a_long_value_is_cut_as_it_is_by_itself(form, length):
    """MSG-02, MSG-05"""
    value = form.format("x" * length)

    for values in ([value], ["a", value], [value, "я"]):
        assert quoted_values(values) == [quoted_printable(each) for each in values]


@given(st.lists(st.one_of(st.none(), AWKWARD), max_size=8), st.data())
@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
def test_pieces_and_values_come_back_joined(kind, pieces, data):
    values = [data.draw(VALUES) for piece in pieces if piece is None]
    part = kind.compile(pieces)
    rest = iter(values)
    whole = "".join(next(rest) if piece is None else piece for piece in pieces)

    encoded = encode(part, values)

    assert encoded.endswith(b"\r\n")
    # A line break cut in two by a slot is two line breaks; sources have no such thing.
    if "\r" in "".join(piece or "" for piece in pieces):
        return
    if kind is QuotedPrintable:
        check_quoted_printable(encoded)
        assert quopri.decodestring(encoded.removesuffix(b"\r\n")) == normal(whole)
    else:
        assert max(map(len, encoded.split(b"\r\n"))) <= 76
        assert b64decode(encoded) == normal(whole)


@given(st.lists(st.one_of(st.none(), AWKWARD), max_size=8), st.data())
def test_every_line_of_base64_stands_alone(pieces, data):
    """Readers that decode line by line find whole groups, and padding at the end only."""
    values = [data.draw(VALUES) for piece in pieces if piece is None]
    encoded = encode(Base64.compile(pieces), values)

    lines = encoded.removesuffix(b"\r\n").split(b"\r\n")
    assert all(len(line) % 4 == 0 for line in lines)
    assert not any(b"=" in line for line in lines[:-1])


def test_the_smaller_encoding_is_taken():
    """MSG-04"""
    assert (
        best_part(["Hello, ", None, "! It costs 5 euros."]).name == "quoted-printable"
    )
    assert best_part(["Здравствуйте, ", None, "!"]).name == "base64"
    assert best_part(["Hello é" + "x" * 20]).name == "quoted-printable"


def test_a_russian_letter_grows_by_a_third():
    """MSG-04: ≤ 1.4 of its size in UTF-8."""
    text = "Здравствуйте! Осенняя распродажа начинается в пятницу.\n" * 200

    encoded = encode(best_part([text]), [])

    assert len(encoded) <= 1.4 * len(text.encode())


def test_dots_and_froms_at_the_start_of_a_line_are_encoded():
    """MSG-05, MSG-06: nothing is left to be stuffed."""
    encoded = quoted_printable(".\n..\n.x\nFrom me\nFor you\n" + "x" * 74 + ".y")

    assert encoded.split(b"\r\n")[:3] == [b"=2E", b"=2E.", b"=2Ex"]
    assert b"\r\n=46rom me" in encoded
    check_quoted_printable(encoded)


def test_a_value_at_the_very_end_leaves_no_open_line():
    """RFC 2045 section 6.7: the last line must not end in a soft break."""
    part = QuotedPrintable.compile(["Bye, ", None])

    assert encode(part, ["Ivan "]) == b"Bye,=20=\r\nIvan=20\r\n"


@pytest.mark.parametrize("kind", [QuotedPrintable, Base64])
def test_half_a_surrogate_does_no_harm(kind):
    encoded = encode(kind.compile(["a\ud800", None]), ["\udfff"])

    assert encoded.isascii()
