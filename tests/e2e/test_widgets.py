"""The widgets of the design page: letter editor, menus, select, bulk bar, theme."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from pochtar.web.templatetags.assets import DIST, read_manifest
from tests.e2e.watching import Watch

PLAIN = "<h2>Осень</h2>\n<ul>\n<li>чай</li>\n<li>мёд</li>\n</ul>"


@pytest.fixture
def watch(open_page) -> Iterator[Watch]:
    """The design page in Russian; at the end, nothing may have been refused."""
    watch = open_page()
    watch.page.goto("/_design/")
    yield watch
    watch.check()
    assert watch.troubles == []


@pytest.fixture
def page(watch: Watch) -> Page:
    return watch.page


def letter(page: Page) -> str:
    return str(page.locator("textarea[data-editor]").input_value())


def mode(page: Page, name: str) -> None:
    page.locator(".editor-modes").get_by_role("button", name=name).click()


def settle(page: Page) -> None:
    """Let the editor see where the caret is.

    It hears of a moved caret by an event, and puts its own back 20 ms after it was
    entered: keys that come faster than any hand's fall in between.
    """
    page.evaluate(
        """() => new Promise((done) => setTimeout(() =>
          requestAnimationFrame(() => requestAnimationFrame(done)), 60))"""
    )


def go_to_the_end(page: Page) -> None:
    page.locator(".tiptap").click()
    settle(page)
    page.keyboard.press("Control+End")
    settle(page)


def put_html(page: Page, html: str) -> None:
    mode(page, "HTML")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.insert_text(html)


def test_the_letter_is_not_rewritten_by_looking_at_it(page):
    before = letter(page)
    expect(page.locator(".tiptap")).to_be_visible()
    mode(page, "HTML")
    expect(page.locator(".cm-content")).to_be_visible()
    mode(page, "Текст")
    expect(page.locator(".tiptap")).to_be_visible()

    assert letter(page) == before


def test_what_is_typed_and_formatted_is_what_will_be_sent(page):
    go_to_the_end(page)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Полужирный").click()
    page.keyboard.type("новинки")

    assert letter(page).endswith("<p><strong>новинки</strong></p>")


def test_a_button_is_written_with_the_styles_that_mail_programs_know(page):
    page.get_by_role("toolbar").get_by_role("button", name="Кнопка").click()
    words, address = page.get_by_role("dialog").get_by_role("textbox").all()
    words.fill("Купить")
    address.fill("javascript:alert(1)")
    page.get_by_role("dialog").get_by_role("button", name="Вставить").click()
    expect(page.get_by_role("dialog")).to_contain_text("Нужен адрес")
    address.fill("https://lavka.example/")
    page.get_by_role("dialog").get_by_role("button", name="Вставить").click()
    expect(page.get_by_role("dialog")).to_have_count(0)

    # The dialog closes first, then its answer reaches the letter.
    button = re.compile('<a href="https://lavka.example/" style="display:inline-block;')
    expect(page.locator("textarea[data-editor]")).to_have_value(button)
    assert "javascript" not in letter(page)


def test_a_merge_field_comes_from_the_menu_with_what_stands_in_for_it(page):
    go_to_the_end(page)
    page.locator(".editor .merge-menu > summary").click()
    page.get_by_label("Если пусто, подставить").fill('дорогой "друг"')
    page.locator(".merge-menu").get_by_role("button", name="Имя").click()

    assert '{{ full_name | default("дорогой \\"друг\\"") }}' in letter(page)


def test_a_list_written_by_hand_can_be_edited_as_text(page):
    put_html(page, PLAIN)
    mode(page, "Текст")
    page.locator(".tiptap li").last.click()
    settle(page)
    page.keyboard.press("End")
    settle(page)
    page.keyboard.type("!")

    assert letter(page) == PLAIN.replace("мёд", "мёд!")


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>1</td></tr></table>",
        '<p class="lead">1</p>',
        '<p style="color:red">1</p>',
        "<style>p{color:red}</style><p>1</p>",
        "<!-- note --><p>1</p>",
        '<a href="javascript:x">1</a>',
    ],
)
def test_what_the_text_view_would_lose_stays_html_and_says_why(page, html):
    put_html(page, html)
    written = letter(page)  # the code editor may close tags while one types
    mode(page, "Текст")

    expect(page.locator(".editor-note")).to_contain_text("потерял бы")
    expect(page.locator(".cm-content")).to_be_visible()
    assert letter(page) == written


def test_ticking_all_shows_what_can_be_done_with_them(page):
    bar = page.locator("[data-bulk]")
    expect(bar).to_be_hidden()
    page.get_by_label("Выбрать все").check()

    expect(bar).to_contain_text("Выбрано: 5")


def test_a_menu_is_closed_by_escape_and_gives_the_focus_back(page):
    opener = page.locator("details.menu > summary.btn", has_text="Ещё").first
    opener.click()
    page.keyboard.press("Escape")

    expect(page.locator("details.menu[open]")).to_have_count(0)
    expect(opener).to_be_focused()


def test_the_chosen_theme_is_there_on_the_next_page(page):
    page.locator(".side [data-theme-toggle]").click()
    page.reload()

    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_a_select_finds_what_is_typed(page):
    page.locator(".ts-control input").first.fill("парт")
    page.locator(".ts-dropdown .option", has_text="Партнёры").click()

    assert page.locator("select[data-tomselect]").first.evaluate(
        "select => [...select.selectedOptions].map(option => option.value)"
    ) == ["2"]


def test_the_chart_is_drawn_and_its_table_is_at_hand(page):
    expect(page.locator(".chart canvas")).to_be_visible()
    page.get_by_text("Показать таблицей").click()

    expect(page.locator("table[data-chart]")).to_be_visible()


def test_a_page_loads_little_before_it_is_usable(page):
    """What every page fetches: 120 kB of script at most, packed; widgets come later."""
    entry = read_manifest()["src/app.js"]
    first = [
        entry["file"],
        *(read_manifest()[name]["file"] for name in entry.get("imports", [])),
    ]
    packed = sum(len(gzip.compress((DIST / name).read_bytes())) for name in first)

    assert packed <= 120_000
