from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore import places
from mailcore.markup import Kind, tokenize
from mailcore.places import (
    Place,
    escape,
    escape_all,
    find_places,
    find_unsafe_url,
    is_safe_url,
)


def test_every_character_belongs_to_one_token():
    html = "<!doctype html><!-- a --><P title='x>y' b=c d/>a < b</P ><style>p{}</STYLE>x<?a"

    tokens = list(tokenize(html))

    assert "".join(html[token.start : token.end] for token in tokens) == html
    assert [token.kind for token in tokens] == [
        Kind.DECLARATION,
        Kind.COMMENT,
        Kind.START,
        Kind.TEXT,
        Kind.END,
        Kind.START,
        Kind.RAW,
        Kind.END,
        Kind.TEXT,
        Kind.DECLARATION,
    ]
    assert [(each.name, each.value) for each in tokens[2].attributes] == [
        ("title", "x>y"),
        ("b", "c"),
        ("d", ""),
    ]


def test_a_field_in_a_comment_counts_as_an_address():
    """Outlook reads markup there."""
    places, urls = find_places(['<!--[if mso]><a href="', None, '"><![endif]-->', None])

    assert places == (Place.ATTRIBUTE, Place.TEXT)
    assert [url.fields for url in urls] == [(0,)]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<a href='https://x.ru'>x</a>", None),
        ("<a href='{{ link }}'>x</a>", None),
        ("<a title='javascript:x'>x</a>", None),
        ("<img src=' data:image/png;base64,AA'>", None),
        ("<p>\n<a href='javascript:x'>x</a>", (2, 10, "javascript:x")),
        ("<a href=&#106;avascript:x>", (1, 9, "javascript:x")),
        ("<a href='data:text/html,x'>", (1, 10, "data:text/html,x")),
        ("<img background='file:///C:/a.png'>", (1, 18, "file:///C:/a.png")),
    ],
)
def test_an_address_that_leads_nowhere_good_is_found(html, found):
    """SEC-16"""
    assert find_unsafe_url(html) == found


@given(
    st.sampled_from(
        ["https:", "http:", "mailto:", "HTTPS:", " http:", "httpsx:", "x:", ""]
    ),
    st.text(max_size=20),
)
def test_an_address_that_is_safe_at_a_glance_is_safe_at_a_closer_look(start, rest):
    """SEC-16"""
    at_a_glance = is_safe_url(start + rest)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(places, "_USUAL_SCHEMES", ())

        assert is_safe_url(start + rest) == at_a_glance


@given(st.lists(st.text(st.sampled_from("<>&\"'aя "), max_size=5), max_size=5))
def test_all_are_escaped_as_each_by_itself(values):
    """SEC-16"""
    assert list(escape_all(values)) == [escape(value) for value in values]
