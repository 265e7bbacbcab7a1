"""Pages for what went wrong."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "words"), [("ru", "не читается"), ("en", "cannot be read")]
)
def test_a_form_beyond_every_limit_gets_a_page_of_ours(
    as_editor: Client, settings: LazySettings, language: str, words: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    as_editor.raise_request_exception = False

    answer = as_editor.post(
        reverse("message-add"),
        {"subject": "x" * 2000},
        headers={"accept-language": language},
    )

    assert answer.status_code == 400
    assert words in answer.content.decode()


@pytest.mark.parametrize("name", ["message-add", "recipient-add"])
def test_a_long_text_travels_unswollen(as_editor: Client, name: str) -> None:
    """Percent-encoding would make ten megabytes of Cyrillic thirty, past the limit."""
    page = as_editor.get(reverse(name)).content.decode()

    assert 'enctype="multipart/form-data"' in page
