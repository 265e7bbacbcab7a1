"""A person at a browser: goes, types, presses, and reads what there is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.e2e.watching import Watch

SUBMIT = "button.btn-primary:visible, button.btn-danger:visible"


@dataclass(kw_only=True)
class Traveller:
    watch: Watch
    screenshots: Path

    @property
    def page(self) -> Page:
        return self.watch.page

    def go(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def look(self) -> None:
        """Check the page as it stands."""
        self.watch.check()

    def shoot(self, title: str) -> None:
        self.watch.check_accessibility()
        self.watch.shoot(self.screenshots / f"journey-{title}.png")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.field(name).fill(value)

    def field(self, name: str) -> Locator:
        return self.page.locator(f"[name='{name}']:visible").first

    def submit(self, selector: str = SUBMIT) -> None:
        """Press the form's button and wait for the next page."""
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()
        self.look()

    def follow(self, selector: str) -> None:
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()
        self.look()

    def choose(self, name: str, words: str) -> None:
        """Choose the option of a select that has these words."""
        select = self.page.locator(f"select[name='{name}']")
        value = select.locator("option", has_text=words).first.get_attribute("value")
        select.select_option(value)

    def text(self, selector: str = "body") -> str:
        return self.page.locator(selector).first.inner_text()

    @property
    def path(self) -> str:
        return self.page.evaluate("location.pathname")  # type: ignore[no-any-return]
