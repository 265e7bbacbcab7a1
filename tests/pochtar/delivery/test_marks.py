"""Tokens: what they name, and that nobody else can make one."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from email import message_from_bytes
from urllib.parse import quote
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.test import override_settings
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from mailcore.compose import Marks, name_fields
from mailcore.engine.types import Item
from mailcore.headers import HeaderError
from mailcore.tokens import TokenError
from pochtar.accounts.models import Workspace
from pochtar.delivery.leaving import find_bearer
from pochtar.delivery.marks import (
    UNSUBSCRIBE_PATH,
    LetterName,
    read_delivery_token,
    read_unsubscribe_token,
    run_naming,
    sample_url,
    trace_headers,
)
from tests.make import make_workspace

RECIPIENT = "0190000000007000800000000000000a"
REPORT = """\
From: staff@hotmail.example
Subject: complaint about message from 192.0.2.1
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="x"

--x
Content-Type: text/plain

This is an abuse report.
--x
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
--x
Content-Type: text/rfc822-headers

{headers}
--x--
"""


def named(number: int = 77) -> LetterName:
    item = Item(delivery_id=number, position=1, email="a@x.ru", recipient=RECIPIENT)
    return run_naming(domain="shop.ru")(item)


def field(name: LetterName, header: str) -> str:
    return str(message_from_bytes(name.fields)[header])


def ways_out() -> list[str]:
    return re.findall("<([^>]+)>", field(named(), "List-Unsubscribe"))


def token_of(url: str) -> str:
    return url.rstrip("/").rpartition("/")[2]


@given(st.integers(1, 2**63 - 1))
def test_a_delivery_is_read_from_its_message_id(number: int) -> None:
    """MSG-29"""
    name = named(number)

    assert read_delivery_token(name.envid) == number
    for each in ("Message-ID", "X-Pochtar-Delivery"):
        assert trace_headers(f"{each}: {field(name, each)}\r\n".encode()) == number


def test_a_name_is_the_same_on_every_try() -> None:
    """MSG-14, SMTP-07: also the envelope's id, which is plain xtext."""
    assert named() == named() != named(78)
    assert named().envid.isascii()
    assert not set("+= ") & set(named().envid)
    assert len(named().envid) <= 100


def test_an_unsubscribe_token_names_recipient_and_delivery() -> None:
    """MSG-24"""
    token = read_unsubscribe_token(token_of(named().unsubscribe_url))

    assert token.recipient_id
    assert token.recipient_id.hex == RECIPIENT
    assert (token.delivery_id, token.workspace_id) == (77, None)


def test_the_tokens_of_one_purpose_are_nothing_to_the_other() -> None:
    with pytest.raises(TokenError):
        read_unsubscribe_token(named().envid)
    with pytest.raises(TokenError):
        read_delivery_token(token_of(named().unsubscribe_url))


def test_the_address_is_that_of_the_page(settings: LazySettings) -> None:
    """MSG-22"""
    settings.PUBLIC_URL = "https://mail.shop.ru"
    url = named().unsubscribe_url

    assert url == "https://mail.shop.ru" + reverse("unsubscribe", args=[token_of(url)])
    assert reverse("unsubscribe", args=["x"]) == f"{UNSUBSCRIBE_PATH}x/"


def test_a_mailbox_is_offered_when_the_operator_reads_one(
    settings: LazySettings,
) -> None:
    """MSG-22"""
    assert ways_out() == [named().unsubscribe_url]

    settings.UNSUBSCRIBE_MAILTO = "leave+all@shop.ru"
    url, mailto = ways_out()

    assert url == named().unsubscribe_url
    assert mailto.startswith("mailto:leave+all@shop.ru?subject=unsubscribe%20")
    assert read_unsubscribe_token(mailto.rpartition("%20")[2]).delivery_id == 77


@pytest.mark.parametrize("mailbox", ["", "leave+100%b@shop.ru"])
@given(number=st.integers(0, 2**63 - 1), recipient=st.uuids())
def test_the_fields_are_those_that_are_written_one_by_one(
    mailbox: str, number: int, recipient: UUID
) -> None:
    """MSG-14, MSG-22, MSG-29: the frame, which is checked once, changes no byte."""
    item = Item(delivery_id=number, position=1, email="", recipient=recipient.hex)
    awkward = "https://mail.shop.ru/%b0%s"
    with override_settings(UNSUBSCRIBE_MAILTO=mailbox, PUBLIC_URL=awkward):
        name = run_naming(domain="shop.ru")(item)
    token = token_of(name.unsubscribe_url)
    mailto = f"mailto:{quote(mailbox, safe='@.+-_')}?subject=unsubscribe%20{token}"
    marks = Marks(
        unsubscribe_url=name.unsubscribe_url,
        unsubscribe_mailto=mailto if mailbox else "",
        token=name.envid,
    )

    assert name.fields == name_fields(f"<{name.envid}@shop.ru>", marks)
    assert read_unsubscribe_token(token).recipient_id == recipient


@pytest.mark.parametrize("domain", ["shop.ru>\r\nBcc: <x@y.ru", "", "магазин.рф"])
def test_no_letter_is_named_by_what_is_no_domain(domain: str) -> None:
    """MSG-19, MSG-20"""
    with pytest.raises(HeaderError):
        run_naming(domain=domain)


def test_an_address_of_ours_that_cannot_stand_in_a_field_stops_the_run(
    settings: LazySettings,
) -> None:
    """MSG-20"""
    settings.PUBLIC_URL = "https://mail.shop.ru/\r\nBcc:"

    with pytest.raises(HeaderError):
        run_naming(domain="shop.ru")


def test_a_new_secret_does_not_break_the_links_of_old_letters(
    settings: LazySettings,
) -> None:
    """MSG-24: a token never expires"""
    old = token_of(named().unsubscribe_url)
    before = settings.SECRET_KEY

    settings.SECRET_KEY = "another secret of fifty characters " * 2
    with pytest.raises(TokenError):
        read_unsubscribe_token(old)
    settings.SECRET_KEY_FALLBACKS = [before]

    assert read_unsubscribe_token(old).delivery_id == 77
    assert token_of(named().unsubscribe_url) != old


@given(
    st.text(max_size=80)
    | st.binary(max_size=60).map(lambda b: urlsafe_b64encode(b).decode())
)
def test_nobody_else_makes_a_token(text: str) -> None:
    """MSG-24: nor does a guess reach the database, which this test has not opened"""
    with pytest.raises(TokenError):
        find_bearer(text)


@given(st.integers(0, 40 * 8), st.data())
def test_no_bit_of_a_link_can_be_changed(bit: int, data: st.DataObject) -> None:
    """MSG-24"""
    raw = bytearray(urlsafe_b64decode(token_of(named().unsubscribe_url) + "="))
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8

    with pytest.raises(TokenError):
        find_bearer(urlsafe_b64encode(raw).decode().rstrip("="))


@pytest.mark.django_db
def test_a_test_letters_link_names_the_workspace_alone() -> None:
    workspace: Workspace = make_workspace()
    bearer = find_bearer(token_of(sample_url(workspace)))

    assert (bearer.workspace, bearer.is_test) == (workspace, True)
    assert bearer.recipient is None


@pytest.mark.parametrize(
    "kept",
    [
        "X-Pochtar-Delivery: {token}",
        "Message-ID: {message_id}",
        "message-id:\n {message_id}",
        "List-Unsubscribe: <{url}>",
        "X-Pochtar-Delivery: redacted\nMessage-ID: {message_id}",
    ],
)
def test_a_complaint_without_body_and_address_finds_its_delivery(kept: str) -> None:
    """MSG-29"""
    name = named(4711)
    headers = kept.format(
        token=name.envid,
        message_id=field(name, "Message-ID"),
        url=name.unsubscribe_url,
    )
    report = REPORT.format(headers=f"To: redacted@hotmail.example\n{headers}")
    *_before, part = message_from_bytes(report.encode()).walk()
    text = part.get_payload(decode=True)

    assert isinstance(text, bytes)
    assert trace_headers(text) == 4711


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Message-ID: <1@x>\r\n",
        b"Message-ID: \xff\r\nList-Unsubscribe: <https://x/u/" + b"A" * 60 + b"/>",
        b"X-Pochtar-Delivery: " + b"A" * 5000,
    ],
)
def test_a_foreign_letter_is_nobodys(raw: bytes) -> None:
    """MSG-29"""
    assert trace_headers(raw) is None
