"""What a token server says, and what we make of it (RFC 6749)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailcore.egress import Answer
from mailcore.oauth import Client, Token, TokenRefused, read_token, refresh_fields


def answer(said: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(said).encode())


def test_the_request_is_that_of_rfc_6749_section_6() -> None:
    client = Client(client_id="app", client_secret="word", refresh_token="r1")

    assert refresh_fields(client) == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "client_id": "app",
        "client_secret": "word",
    }


@pytest.mark.parametrize(
    ("expires", "seconds"),
    [
        (3599, 3599),
        ("3600", 3600),
        (31_536_000, 86_400),
        (-5, 0),
        (None, 600),
        ("soon", 600),
        (float("nan"), 600),
        (float("inf"), 86_400),
        ([], 600),
    ],
)
def test_a_token_counts_as_long_as_it_says_and_a_day_at_most(
    expires: object, seconds: float
) -> None:
    said = {"access_token": "a1", "token_type": "Bearer", "expires_in": expires}

    assert read_token(answer(said)) == Token(access_token="a1", seconds=seconds)


def test_a_new_refresh_token_is_told() -> None:
    said = {"access_token": "a1", "refresh_token": "r2"}

    assert read_token(answer(said)).refresh_token == "r2"


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, {"error": "invalid_grant"}, "oauth_withdrawn"),
        (400, {"error": "interaction_required"}, "oauth_withdrawn"),
        (401, {"error": "invalid_client"}, "oauth_client"),
        (400, {"error": "invalid_scope"}, "oauth_scope"),
        (400, {"error": "invalid_request"}, "oauth_refused"),
        (429, {"error": "rate"}, "oauth_deferred"),
        (503, "<html>", "oauth_deferred"),
        (302, {}, "oauth_answer"),
        (404, "<html>", "oauth_answer"),
        (200, "<html>", "oauth_answer"),
        (200, {"error": "bad"}, "oauth_answer"),
        (200, {"access_token": "two\r\nlines"}, "oauth_answer"),
        (200, {"access_token": "a\x01b"}, "oauth_answer"),
        (200, {"access_token": ""}, "oauth_answer"),
        (200, {"access_token": ["a"]}, "oauth_answer"),
        (200, {"access_token": "a", "token_type": "mac"}, "oauth_answer"),
    ],
)
def test_every_other_answer_has_a_code(status: int, said: Any, code: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        read_token(answer(said, status))

    assert caught.value.code == code
    assert caught.value.text


def test_the_servers_words_are_kept_short_and_printable() -> None:
    said = {"error": "invalid_grant", "error_description": "gone\r\n" + "x" * 999}

    with pytest.raises(TokenRefused) as caught:
        read_token(answer(said, 400))

    assert caught.value.text.startswith("invalid_grant: gone xxx")
    assert len(caught.value.text) == 300


def test_an_answer_that_is_no_json_does_not_matter() -> None:
    for body in (b"\xff", b"[" * 100_000, b"null"):
        with pytest.raises(TokenRefused):
            read_token(Answer(status=200, body=body))
