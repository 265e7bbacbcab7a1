"""The header fields of mailings, one by one."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy

import mailparser
import pytest

from mailcore.bulk import Bulk, bulk_fields, delivery_field, unsubscribe_fields
from mailcore.headers import HeaderError

BULK = Bulk(
    list_id="mailings-0a1b2c3d4e5f.example.ru",
    list_name="Обжарка «Полдень»",
    feedback=("m1", "w2", "mailing"),
    sender_id="pochtar",
    kind="mailing",
)
LONG = "https://mail.example.ru/u/" + "Ab-_" * 43 + "cd/"


def unfolded(raw: bytes) -> str:
    return raw.decode("ascii").replace("\r\n ", " ")


def test_a_url_of_two_hundred_characters_arrives_byte_for_byte():
    """MSG-19, MSG-22"""
    raw = unsubscribe_fields(LONG, mailto="mailto:leave@example.ru?subject=x%20y")

    assert len(LONG) > 200
    assert LONG.encode() in raw  # not even folded
    assert b"=?" not in raw
    first = unfolded(raw).splitlines()[0]
    assert (
        first == f"List-Unsubscribe: <{LONG}>, <mailto:leave@example.ru?subject=x%20y>"
    )
    for value in (
        message_from_bytes(raw, policy=policy.default)["List-Unsubscribe"],
        mailparser.parse_from_bytes(raw).headers["List-Unsubscribe"],
    ):
        assert str(value).startswith(f"<{LONG}>,")


def test_https_alone_without_a_mailbox_that_is_read():
    """MSG-22"""
    assert unsubscribe_fields(LONG).splitlines()[0] == (
        f"List-Unsubscribe: <{LONG}>".encode()
    )


def test_one_click_is_offered_with_https_only():
    """MSG-23"""
    line = b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"

    assert unsubscribe_fields(LONG).endswith(line)
    assert b"Post" not in unsubscribe_fields(LONG.replace("https", "http"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "ftp://x",
        "https://a b",
        "https://a>b",
        "https://ё.рф/",
        "https://a\r\nb",
        "https://x/" + "a" * 1000,
    ],
)
def test_what_is_no_plain_address_is_refused(url):
    """MSG-20"""
    with pytest.raises(HeaderError):
        unsubscribe_fields(url)
    with pytest.raises(HeaderError):
        unsubscribe_fields(LONG, mailto=url or " ")


def test_the_list_has_a_name_for_people_and_an_id_for_machines():
    """MSG-21"""
    value = message_from_bytes(bulk_fields(BULK), policy=policy.default)["List-Id"]

    assert str(value) == "Обжарка «Полдень» <mailings-0a1b2c3d4e5f.example.ru>"
    raw = unfolded(bulk_fields(BULK)).splitlines()[0]
    assert raw.endswith(" <mailings-0a1b2c3d4e5f.example.ru>")
    assert bulk_fields(replace(BULK, list_name="")).startswith(
        b"List-Id: <mailings-0a1b2c3d4e5f.example.ru>\r\n"
    )


def test_the_feedback_id_has_four_different_fields_and_nobodys_name():
    """MSG-26"""
    assert b"\r\nFeedback-ID: m1:w2:mailing:pochtar\r\n" in bulk_fields(BULK)


def test_mail_services_are_told_that_it_is_a_mailing():
    """MSG-27, MSG-28"""
    raw = bulk_fields(BULK)

    assert b"\r\nPrecedence: bulk\r\n" in raw
    assert raw.endswith(b"\r\nX-Mailru-Msgtype: mailing\r\n")
    assert b"Auto-Submitted" not in raw


@pytest.mark.parametrize(
    "change",
    [
        {"list_id": "nodots"},
        {"list_id": "ё.example.ru"},
        {"list_id": f"a.{'b' * 255}"},
        {"list_name": "a\r\nBcc: x@y"},
        {"feedback": ("a", "a", "mailing")},
        {"feedback": ("a", "pochtar", "mailing")},
        {"feedback": ("a:b", "c", "mailing")},
        {"sender_id": "four"},
        {"sender_id": "x" * 16},
        {"kind": "two words"},
        {"kind": "x" * 33},
    ],
)
def test_what_a_field_cannot_hold_is_refused(change):
    """MSG-20, MSG-21, MSG-26, MSG-28"""
    with pytest.raises(HeaderError):
        bulk_fields(replace(BULK, **change))


@pytest.mark.parametrize("token", ["", "a b", "a\r\nb", "ё", "x" * 201])
def test_a_delivery_token_is_letters_and_digits(token):
    """MSG-20, MSG-29"""
    with pytest.raises(HeaderError):
        delivery_field(token)
