from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.plaintext import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("просто текст", "просто текст"),
        ("<p>один</p><p>два</p>", "один\n\nдва"),
        ("<h1>Тема</h1>\n\n<p>a\n  b</p>", "Тема\n\na b"),
        ("a<br>b<br/><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<div/>a", "a"),
        ("<b>жир</b><i>ный</i> <em>текст</em>", "жирный текст"),
        ("a &amp; b&nbsp;&lt;c&gt; &mdash; d", "a & b <c> — d"),
        ("<ul><li>a</li><li><p>b</p></li></ul>", "- a\n- b"),
        ("<ol start='3'><li>a<li>b</ol>c", "3. a\n4. b\n\nc"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "- a\n  - b"),
        ("</ul><li>a", "- a"),
        ("<ol start='x'><li>a</ol>", "1. a"),
        ("<table><tr><td>Цена</td><td>5 ₽</td></tr></table>", "Цена  5 ₽"),
        ("<p>a</p><hr><p>b</p>", "a\n\n---\n\nb"),
        ("<pre>a  b\n\tc</pre>", "a  b\n    c"),
        ("</pre><p>a  b", "a b"),
        ('<img src="x" alt="Кот"> и пёс', "Кот и пёс"),
        ("a\u200b\u00adb", "ab"),
    ],
)
def test_blocks_become_lines(html, text):
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://x.ru/a">сюда</a>.', "сюда <https://x.ru/a>."),
        ('см. <a href="https://x.ru/">x.ru</a>', "см. x.ru"),
        ('<a href="https://x.ru">https://x.ru/</a>', "https://x.ru/"),
        ('<a href="mailto:a@x.ru">a@x.ru</a>', "a@x.ru"),
        ('<a href="tel:+7495">позвоните</a>', "позвоните <tel:+7495>"),
        (
            '<a href="https://x.ru"><img src="y" alt="Купить"></a>',
            "Купить <https://x.ru>",
        ),
        ('<a href="https://x.ru"><img src="y"></a>', "https://x.ru"),
        ('<a href="#top">вверх</a> <a>a</a></a>', "вверх a"),
        ('<a href="https://x.ru"><p>a</p><p>b</p></a>', "a\n\nb\n\n<https://x.ru>"),
    ],
)
def test_a_link_keeps_its_address(html, text):
    """MSG-08"""
    assert html_to_text(html).replace("\n\n <", "\n\n<") == text


@pytest.mark.parametrize(
    "html",
    [
        "<style>p{}</style>",
        "<script>x</script>",
        "<head><title>x</title><meta charset='utf-8'></head>",
        "<head><title>x</title><body>",
        "<!-- x --><!--[if mso]>x<![endif]-->",
        '<div style="display: none">x <b>y</b><br></div>',
        '<div style="mso-hide:all">x</div>',
        "<p hidden>x</p></b>",
    ],
)
def test_what_nobody_sees_is_left_out(html):
    assert html_to_text(f"{html}<p>видно</p>") == "видно"


@pytest.mark.parametrize(
    "field",
    ["{{ a }}", '{{ a | default("b  c") }}', "{{ a | default(«<b>») }}", "{{ a > b }}"],
)
def test_merge_fields_pass_through(field):
    written = field.replace('"', "&quot;")

    text = html_to_text(
        f'<p>Привет, {written}! <a href="https://x.ru/{field}">x</a></p>'
    )

    assert text.startswith(f"Привет, {field.replace('b  c', 'b c')}! x <https://x.ru/")


def test_marks_of_ours_in_a_source_mean_nothing():
    assert html_to_text("\uf8fe7\uf8ff {{ a }}") == "7 {{ a }}"


@given(st.text(alphabet="<>/abpulidvhrefstyle=\"'=!-&; \n{}", max_size=200))
def test_any_text_can_be_converted(html):
    text = html_to_text(html)

    assert text == text.strip("\n")


@pytest.mark.parametrize(
    "unit",
    [
        "<!--",
        "<a ",
        "<a href='x'>",
        "<div>",
        "{{ ",
        "<p hidden>",
        "<",
        "</",
        "<ul><li>x",
    ],
)
def test_a_hostile_source_is_converted_in_reasonable_time(unit):
    started = time.process_time()

    html_to_text(unit * (300_000 // len(unit)))

    assert time.process_time() - started < 5
