"""With DEBUG off, as on a server: our own error pages, and no letters for visitors."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.e2e.installation import Installation
from tests.e2e.traveller import Traveller
from tests.e2e.watching import Watch


def test_a_server_shows_its_own_404_and_no_letter_to_visitors(
    installation: Installation, browser: Browser, screenshots: Path
):
    installation.more["DEBUG"] = "off"
    context = browser.new_context(base_url=installation.url, locale="ru-RU")
    me = Traveller(watch=Watch(page=context.new_page()), screenshots=screenshots)
    with installation.running():
        with me.watch.tolerating("status of 404"):
            missing = me.page.goto("/no-such-page/")
            me.look()
            me.shoot("404")
        assert missing is not None
        assert missing.status == 404
        expect(me.page.locator("h1")).to_be_visible()
        assert "DEBUG" not in me.page.content()
        register(me)
        assert me.page.locator("a[href='/account/letter/']").count() == 0
        assert installation.status_of("/account/letter/") == 404
        assert installation.status_of("/_design/") == 404
    context.close()

    assert me.watch.troubles == [], "\n".join(me.watch.troubles)


def register(me: Traveller) -> None:
    me.go("/account/signup/")
    me.fill(
        email="new@shop.example",
        password1="correct horse staple",
        workspace_name="Shop",
    )
    me.submit()
    expect(me.page.locator("body")).to_contain_text("new@shop.example")
