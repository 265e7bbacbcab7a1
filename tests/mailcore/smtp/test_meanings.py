"""Replies of the world's mail servers, and what they mean."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.meaning_codes import CODES, ENHANCED
from mailcore.smtp.meaning_rules import RULES
from mailcore.smtp.meanings import (
    ABOUT_THE_RECIPIENT,
    KINDS,
    Kind,
    Meaning,
    explain_reply,
)
from mailcore.smtp.replies import ReplyParser
from mailcore.smtp.route import Stage
from tests.mailcore.smtp.reply_corpus import CORPUS, Line

BEFORE_RCPT = ["connect", "greeting", "ehlo", "starttls", "auth", "mail"]


def meaning_of(line: str, stage: str, host: str = "") -> Meaning:
    (reply,) = ReplyParser().feed(f"{line}\r\n".encode())
    return explain_reply(reply.code, reply.enhanced, reply.text, stage, host)


@pytest.mark.parametrize("line", CORPUS, ids=str)
def test_a_reply_means_what_its_server_means_by_it(line: Line) -> None:
    """SMTP-16"""
    meaning = meaning_of(line.reply, line.stage)

    assert meaning.key == line.key
    assert meaning.kind is KINDS[line.key]
    assert line.provider is None or meaning.provider == line.provider


def test_the_corpus_shows_nearly_every_meaning() -> None:
    rare = {"low_reputation", "unreachable", "unknown"}

    assert set(KINDS) - {line.key for line in CORPUS} <= rare


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("gmail-smtp-in.l.google.com", "gmail"),
        ("mxs.mail.ru", "mailru"),
        ("mx.yandex.ru", "yandex"),
        ("smtp.office365.com", "microsoft"),
        ("notmail.ru", ""),
        ("mx.firm.example", ""),
    ],
)
def test_the_provider_is_known_by_its_host_where_its_words_do_not_say(
    host: str, provider: str
) -> None:
    assert meaning_of("550 Nope", "rcpt", host).provider == provider


def test_an_address_in_the_text_does_not_say_who_speaks() -> None:
    meaning = meaning_of("550 5.1.1 <anna@gmail.com>: User unknown", "rcpt")

    assert meaning == Meaning(key="no_mailbox", kind=Kind.NO_MAILBOX, provider="")


@pytest.mark.parametrize("stage", BEFORE_RCPT)
@pytest.mark.parametrize(
    "line", [line for line in CORPUS if line.key in ABOUT_THE_RECIPIENT], ids=str
)
def test_nothing_said_before_rcpt_speaks_against_the_recipient(
    line: Line, stage: str
) -> None:
    """SMTP-17"""
    assert meaning_of(line.reply, stage).key not in ABOUT_THE_RECIPIENT


@pytest.mark.parametrize(
    ("stage", "kind"),
    [
        ("connect", Kind.POLICY),
        ("greeting", Kind.POLICY),
        ("ehlo", Kind.POLICY),
        ("auth", Kind.RELAY),
        ("mail", Kind.RELAY),
        ("rcpt", Kind.UNKNOWN),
        ("data", Kind.CONTENT),
        ("body", Kind.CONTENT),
    ],
)
def test_the_stage_says_whose_trouble_a_bare_refusal_is(stage: str, kind: Kind) -> None:
    """SMTP-17"""
    assert meaning_of("550 Nope", stage).kind is kind


@pytest.mark.parametrize("stage", [*Stage, ""])
def test_a_temporary_refusal_without_words_is_temporary(stage: str) -> None:
    assert meaning_of("450 Nope", stage).kind is Kind.TEMPORARY


def test_a_connection_that_nobody_answered_means_nothing() -> None:
    assert explain_reply(0).key == "unknown"


def test_every_key_of_the_tables_has_a_kind() -> None:
    keys = {rule.key for rule in RULES} | set(ENHANCED.values()) | set(CODES.values())

    assert keys <= set(KINDS)


@given(
    st.integers(0, 599),
    st.sampled_from(["", "5.1.1", "4.7.1", "5.7.9", "9.9.9", "x", "5"]),
    st.text(max_size=300),
    st.sampled_from([*Stage, "", "nonsense"]),
    st.text(max_size=30),
)
def test_any_reply_has_a_meaning(
    code: int, enhanced: str, text: str, stage: str, host: str
) -> None:
    """SMTP-16"""
    assert explain_reply(code, enhanced, text, stage, host).key in KINDS


WORDS = sorted(
    {
        word
        for line in CORPUS
        for word in line.reply.split()
        if not word.startswith("http")
    }
)


@given(st.lists(st.sampled_from(WORDS), max_size=60), st.sampled_from([*Stage]))
def test_any_mixture_of_known_words_has_a_meaning(words: list[str], stage: str) -> None:
    assert explain_reply(550, "", " ".join(words), stage).key in KINDS


@pytest.mark.parametrize(
    "text",
    [
        "a" * 60_000,
        "mailbox " * 8_000,
        "spf dkim dmarc policy " * 3_000,
        "account user recipient address " * 2_000,
        "blocked by " * 6_000,
        "client host ip " * 4_000,
        "too many " * 7_000,
        "domain " * 9_000,
    ],
    ids=lambda text: text[:12],
)
def test_no_text_takes_long(text: str) -> None:
    """Patterns search in linear time: a hostile server cannot hold us up."""
    started = time.process_time()

    explain_reply(550, "", text, "rcpt")

    assert time.process_time() - started < 0.5
