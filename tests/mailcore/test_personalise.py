from __future__ import annotations

import html as stdlib_html
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.personalise import (
    MissingValue,
    TemplateError,
    check_names,
    parse_template,
    render_html,
    render_text,
)

VALUES = {"full_name": "Иван Петров", "город": "Москва", "empty": "", "blank": " \n"}


def text(source: str) -> str:
    return render_text(parse_template(source), VALUES)


def refusal(source: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        parse_template(source)
    return caught.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ""),
        ("без полей", "без полей"),
        ("{{ full_name }}", "Иван Петров"),
        ("{{full_name}}!", "Иван Петров!"),
        ("{{\n full_name\t}}", "Иван Петров"),
        ("{{&nbsp;full_name\u00a0}}", "Иван Петров"),
        ("{{ город }}{{ город }}", "МоскваМосква"),
        ("{{ full_name | upper }}", "ИВАН ПЕТРОВ"),
        ("{{ full_name | lower | title }}", "Иван Петров"),
        ("{{ город | lower | capitalize }}", "Москва"),
        ('{{ empty | default("друг") }}', "друг"),
        ('{{ blank | default("друг") | upper }}', "ДРУГ"),
        ('{{ absent | upper | default("друг") }}', "друг"),
        ('{{ full_name | default("друг") }}', "Иван Петров"),
        ('{{ empty | default("") }}', ""),
        (r'{{ empty | default("a \"b\" \\ c\d") }}', 'a "b" \\ c\\d'),
        ("{{ empty | default('друг') }}", "друг"),
        ("{{ empty | default(“друг”) }}", "друг"),
        ("{{ empty | default(„друг“) }}", "друг"),
        ("{{ empty | default(«друг») }}", "друг"),
        ("{{ empty | default(‘друг’) }}", "друг"),
        ("{{ empty | default(&quot;друг&quot;) }}", "друг"),
        ("{{ empty | default(&#34;друг&#x22;) }}", "друг"),
        ("{{ empty | default(&#39;друг&#x27;) }}", "друг"),
        ("{{ empty | default(&laquo;друг&raquo;) }}", "друг"),
        ('{{ empty | default("ООО «Ромашка»") }}', "ООО «Ромашка»"),
        ('{{ empty | default("a &amp; b") }}', "a & b"),
        ('{{ empty | default("}} {{") }}', "}} {{"),
        ("a }} b { c } #}", "a }} b { c } #}"),
        ("@media x{#top{color:red}}", "@media x{#top{color:red}}"),
        ("{{ full_name }}}", "Иван Петров}"),
    ],
)
def test_a_template_puts_the_values_in(source, expected):
    assert text(source) == expected


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "name"),
    [
        ("ab\ncd {{ name", "unclosed", 2, 4, "{{"),
        ("{{ name } и {{ b }}", "unclosed", 1, 1, "{{"),
        ('{{ name | default("x }}', "syntax", 1, 19, '"x'),
        ("{{ }}", "syntax", 1, 4, "}"),
        ("{{ 1 }}", "syntax", 1, 4, "1"),
        ("{{ a b }}", "syntax", 1, 6, "b"),
        ("\n\n {{ a.b }}", "syntax", 3, 6, ".b"),
        ("{{ a() }}", "syntax", 1, 5, "("),
        ("{{ a | default }}", "syntax", 1, 16, "}"),
        ("{{ a | default() }}", "syntax", 1, 16, ")"),
        ('{{ a | default("b" "c") }}', "syntax", 1, 16, '"b"'),
        ("{{ a | safe }}", "unknown_filter", 1, 8, "safe"),
        ("{{ a | Upper }}", "unknown_filter", 1, 8, "Upper"),
        ("{{ " + "a" * 51 + " }}", "syntax", 1, 4, "a" * 30),
        ("один\n{% if a %}", "logic", 2, 1, "{%"),
        ("a {# b #}", "logic", 1, 3, "{#"),
        ("{{ <b>a</b> }}", "syntax", 1, 4, "<b>a</b>"),
    ],
)
def test_a_mistake_is_named_with_its_place(source, code, line, column, name):
    error = refusal(source)

    assert (error.code, error.line, error.column) == (code, line, column)
    assert error.name == name
    assert f"{line}:{column}" in str(error)


def test_an_unknown_name_is_named_with_its_place():
    template = parse_template("{{ full_name }},\nгород {{ gorod }}")

    with pytest.raises(TemplateError) as caught:
        check_names(template, {"full_name", "email"})

    error = caught.value
    assert (error.code, error.name) == ("unknown_name", "gorod")
    assert (error.line, error.column) == (2, 10)
    check_names(template, {"full_name", "gorod"})


def test_a_template_knows_what_it_needs():
    template = parse_template('{{ a }}{{ b | default("") }}{{ c | upper }}')

    assert template.names == {"a", "b", "c"}
    assert template.required == {"a", "c"}


@pytest.mark.parametrize(
    "source", ["{{ absent }}", "{{ blank }}", "{{ empty | upper }}"]
)
def test_a_missing_value_is_never_an_empty_greeting(source):
    """SEC-15"""
    with pytest.raises(MissingValue) as caught:
        text(source)

    assert caught.value.name in {"absent", "blank", "empty"}


def test_two_unicode_spellings_of_a_name_are_one_name():
    assert parse_template("{{ и\u0306 }}").names == {"й"}


@pytest.mark.parametrize(
    "value",
    ["{{ 7*7 }}", '"><script>alert(1)</script>', "{% if %}", "&amp;", "'", "a}}b"],
)
def test_data_is_shown_and_never_run(value):
    """SEC-16: no second pass, and nothing that HTML could read as markup."""
    template = parse_template('<p title="{{ a }}">{{ a }}</p>')
    shown = stdlib_html.escape(value)

    assert render_html(template, {"a": value}) == f'<p title="{shown}">{shown}</p>'
    assert render_text(parse_template("{{ a }}"), {"a": value}) == value


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " \tjavascript:alert(1)",
        "java\nscript:alert(1)",
        "java" + "\t" * 300 + "script:alert(1)",
        "\x01javascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>",
        "file:///etc/passwd",
        "blob:https://x.ru/1",
    ],
)
def test_a_dangerous_address_leads_nowhere(value):
    """SEC-16: escaping does not stop javascript:"""
    html = render_html(parse_template('<a href="{{ a }}">{{ a }}</a>'), {"a": value})

    assert html.startswith('<a href="#">')


@pytest.mark.parametrize(
    "value",
    [
        "https://example.ru/?a=1&b=2",
        "HTTP://example.ru",
        "mailto:a@example.ru",
        "tel:+74950000000",
        "/path",
        "#top",
        "example.ru:8080/path",
    ],
)
def test_an_ordinary_address_stays(value):
    html = render_html(parse_template("<a href='{{ a }}'>x</a>"), {"a": value})

    assert html == f"<a href='{stdlib_html.escape(value)}'>x</a>"


def test_a_scheme_put_together_from_pieces_is_seen():
    template = parse_template('<a href="java{{ a }}:{{ b }}">x</a>')

    html = render_html(template, {"a": "script", "b": "alert(1)"})

    assert html == '<a href="java#:#">x</a>'


def test_a_field_behind_the_host_is_only_escaped():
    template = parse_template('<a href="https://x.ru/?q={{ a }}">x</a>')

    html = render_html(template, {"a": 'javascript:"'})

    assert html == '<a href="https://x.ru/?q=javascript:&quot;">x</a>'


@pytest.mark.parametrize(
    "source",
    [
        "<a href={{ a }}>x</a>",
        "<{{ a }}>x",
        "<a {{ a }}>x</a>",
        '<a {{ a }}="x">x</a>',
        '<a onclick="f({{ a }})">x</a>',
        '<iframe srcdoc="{{ a }}"></iframe>',
        "<style>p{color:{{ a }}}</style>",
        "<script>{{ a }}</script>",
        "<SCRIPT>{{ a }}",
        "<!doctype {{ a }}>",
        "<a = {{ a }}>",
    ],
)
def test_a_field_where_escaping_cannot_help_is_refused(source):
    """SEC-16"""
    with pytest.raises(TemplateError) as caught:
        render_html(parse_template(source), {"a": "x"})

    assert (caught.value.code, caught.value.name) == ("place", "a")
    assert caught.value.column == source.index("{{") + 4


@given(st.dictionaries(st.sampled_from("abc"), st.text(), max_size=3))
def test_rendered_html_shows_the_values_as_text(values):
    """Whatever the values are, a parser finds the author's tags and no others."""
    template = parse_template('<p>{{ a | default("1") }}{{ b | default("2") }}</p>')
    html = render_html(template, values)

    shown = stdlib_html.unescape(html.removeprefix("<p>").removesuffix("</p>"))
    text = parse_template('{{ a | default("1") }}{{ b | default("2") }}')
    assert shown == stdlib_html.unescape(stdlib_html.escape(render_text(text, values)))
    assert html.count("<") == 2


@given(st.text(alphabet="{}%#|\"'ab \n<>/=&;()«»", max_size=80))
def test_any_source_is_a_template_or_a_template_error(source):
    with suppress(TemplateError):
        template = parse_template(source)
        render_html(template, dict.fromkeys(template.names, "<v>"))


@pytest.mark.parametrize(
    "unit",
    [
        "{#",
        "{{ a }}\n",
        "<a ",
        "<!--",
        '<a href="',
        "&lt;",
        "<p>",
        "</",
        '{{a|default("',
    ],
)
def test_a_hostile_source_is_read_in_linear_time(unit):
    source = unit * (400_000 // len(unit))
    started = time.process_time()

    with suppress(TemplateError):
        template = parse_template(source)
        render_html(template, {"a": "x"})

    assert time.process_time() - started < 5
