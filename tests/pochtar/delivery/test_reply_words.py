"""Meanings in words."""

from __future__ import annotations

import pytest

from mailcore.smtp.meanings import ABOUT_THE_RECIPIENT, KINDS
from pochtar.delivery.reasons import REASONS, pause_title, reason_words
from pochtar.delivery.reply_words import (
    CONCERNS,
    PROVIDERS,
    WORDS,
    Concern,
    explain_code,
)
from tests.mailcore.smtp.reply_corpus import CORPUS


def test_every_meaning_has_words_and_no_words_are_left_over():
    """SMTP-16"""
    assert set(WORDS) == set(KINDS)
    assert set(CONCERNS) == set(Concern)


@pytest.mark.parametrize("key", sorted(WORDS))
def test_the_words_are_whole_sentences(key):
    words = WORDS[key]

    for sentence in (str(words.meaning), str(words.advice)):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_smtp_17_what_is_about_the_recipient_is_said_to_concern_the_recipient():
    for key in ABOUT_THE_RECIPIENT:
        assert WORDS[key].concern is Concern.RECIPIENT


def test_every_provider_that_speaks_has_a_name():
    assert {line.provider for line in CORPUS if line.provider} <= set(PROVIDERS)


def test_where_no_server_spoke_there_is_nothing_to_explain():
    assert explain_code(None, "", "Connection refused", "connect", "") is None


def test_a_reply_is_explained_with_who_said_it():
    explained = explain_code(550, "5.1.1", "It does not exist. gsmtp", "rcpt", "")

    assert explained
    assert (explained.key, explained.provider) == ("no_mailbox", "Gmail")


def test_a_code_without_words_shows_as_itself():
    assert reason_words("strange_code") == "strange_code"
    assert pause_title("strange_code") == "strange_code"
    assert pause_title("")
    assert pause_title("timeout") == REASONS["timeout"]
