"""A message as one recipient would get it."""

from __future__ import annotations

import pytest

from mailcore.personalise import TemplateError
from pochtar.content.checks import Draft
from pochtar.content.preview import Preview, render_preview

DRAFT = Draft(
    subject="{{ full_name }}, привет",
    preheader="Из города {{ город }}",
    html="<p>Вы в городе <b>{{ город }}</b></p>",
)


def preview(draft: Draft = DRAFT, **values: str) -> Preview:
    return render_preview(draft, values)


def test_a_preview_is_the_letter_that_is_sent() -> None:
    shown = preview(full_name="Иван", город="Тула & Ко")

    assert shown.subject == "Иван, привет"
    assert shown.preheader == "Из города Тула & Ко"
    assert shown.text == "Вы в городе Тула & Ко"
    assert "<b>Тула &amp; Ко</b>" in shown.html
    assert shown.html.startswith("<!doctype html>")
    assert shown.missing == ()


def test_what_is_missing_is_named_and_shown_as_its_field() -> None:
    """SEC-15"""
    shown = preview(full_name="Иван", город=" ")

    assert shown.missing == ("город",)
    assert "<b>{{ город }}</b>" in shown.html


def test_a_plain_letter_has_no_html() -> None:
    shown = preview(Draft(subject="x", text="Привет, {{ a }}"), a="Иван")

    assert (shown.html, shown.text) == ("", "Привет, Иван")


def test_a_message_that_is_broken_says_so() -> None:
    with pytest.raises(TemplateError):
        preview(Draft(subject="{{"))
