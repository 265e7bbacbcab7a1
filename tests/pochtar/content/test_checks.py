"""What is wrong with a message, and where."""

from __future__ import annotations

import pytest
from django.utils import translation

from pochtar.content.checks import (
    Draft,
    clean_draft,
    find_problems,
    is_blank,
    is_clipped,
)

NAMES = ["full_name", "email", "город"]


def problems_of(**fields: str) -> dict[str, tuple[str, str]]:
    draft = clean_draft(Draft(**{"subject": "Тема", "html": "<p>Текст</p>", **fields}))
    with translation.override("en"):
        return {
            each.field: (each.code, str(each))
            for each in find_problems(draft, names=NAMES)
        }


def test_a_good_message_has_no_problems() -> None:
    html = '<a href="https://x.ru/?c={{ город }}">{{ full_name | default(&quot;друг&quot;) }}</a>'

    assert problems_of(html=html, preheader="{{ email }}", text="{{ город }}") == {}


@pytest.mark.parametrize(
    ("field", "source", "code", "words"),
    [
        (
            "html",
            "<p>a</p>\n<p>{{ gorod }}</p>",
            "unknown_name",
            "Line 2, character 7:",
        ),
        ("html", "{{ full_nam }}", "unknown_name", "Did you mean “full_name”?"),
        ("html", "a\nb {{ full_name", "unclosed", "Line 2, character 3:"),
        ("text", "{{ full_name | shout }}", "unknown_filter", "no filter “shout”"),
        ("text", "{% if a %}", "logic", "Line 1, character 1:"),
        ("subject", "Для {{ full name }}", "syntax", "Character 13:"),
        ("preheader", "{{ a }}", "unknown_name", "Character 4:"),
        ("html", "<a href={{ email }}>x</a>", "place", "cannot stand here"),
    ],
)
def test_a_mistake_in_a_merge_field_says_where_it_is(
    field: str, source: str, code: str, words: str
) -> None:
    problem = problems_of(**{field: source})[field]

    assert problem[0] == f"template_{code}"
    assert words in problem[1]


def test_every_field_is_looked_at_at_once() -> None:
    found = problems_of(subject="{{ a }}", preheader="{{ b }}", html="{{", text="{{")

    assert set(found) == {"subject", "preheader", "html", "text"}


@pytest.mark.parametrize(
    "html", ["", " \n", "<p></p>", "<p>&nbsp;</p>", "<style>p{}</style>"]
)
def test_a_letter_needs_something_to_read(html: str) -> None:
    assert problems_of(html=html)["html"][0] == "required"
    assert problems_of(html=html, text="Привет") == {}


def test_an_image_is_something_to_see() -> None:
    assert not is_blank('<IMG src="https://x.ru/a.png">')


def test_a_subject_is_needed() -> None:
    assert problems_of(subject="  ")["subject"][0] == "required"


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@y.ru", "a\nb", "a\x00b", "a\x0bb", "a\x85b", "a\u2028b"]
)
@pytest.mark.parametrize("field", ["subject", "preheader"])
def test_nothing_can_end_a_header(field: str, value: str) -> None:
    """MSG-20"""
    hidden = '{{ full_name | default("' + value.replace("\n", "&#10;") + '") }}'

    assert problems_of(**{field: value})[field][0] == "control_character"
    assert problems_of(**{field: hidden})[field][0] == "control_character"


def test_a_letter_takes_line_breaks_of_any_kind_but_no_null() -> None:
    assert problems_of(html="<p>a</p>\r\n<p>b</p>\r\t") == {}
    assert problems_of(html="a\x00b")["html"][0] == "control_character"


@pytest.mark.parametrize("field", ["subject", "preheader", "html", "text"])
def test_ten_megabytes_are_too_long_and_refused_at_once(field: str) -> None:
    code, words = problems_of(**{field: "{{ <a " * 1_700_000})[field]

    assert code == "too_long"
    assert "at most" in words


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///C:/a.png", "JAVA\tSCRIPT:x"]
)
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    """SEC-16"""
    code, words = problems_of(html=f'<p>a</p>\n<a href="{url}">x</a>')["html"]

    assert code == "unsafe_url"
    assert words.startswith("Line 2, character 10:")


def test_an_image_of_the_letters_own_is_let_through() -> None:
    assert problems_of(html='<img src="data:image/png;base64,AAAA">') == {}


def test_a_long_letter_is_noticed() -> None:
    """MSG-04"""
    assert is_clipped("ы" * 50_000)
    assert not is_clipped("x" * 50_000)
