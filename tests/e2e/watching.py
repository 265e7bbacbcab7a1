"""What is asked of every page: quiet console, no CSP violation, accessible, in width."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page, Response

GRAVE = ("serious", "critical")
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# Runs before any script of a page and keeps what the browser refused.
LISTEN = """
window.__refused = [];
document.addEventListener('securitypolicyviolation', (event) =>
  window.__refused.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
SETTLED = "() => !document.querySelector('.htmx-request') && document.fonts.status === 'loaded'"
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .slice(0, 5).map((node) => node.outerHTML.slice(0, 160));
}"""

# A colour on its way to another has the contrast of neither, and what sticks to an edge
# covers something on the way to a field with a mistake.  Nothing to wait for: a page that
# lies behind another one is not drawn, and stands still half-way.
STILL = """() => {
  document.getAnimations()
    .filter((one) => one instanceof CSSTransition)
    .forEach((one) => one.finish());
  window.scrollTo({top: 0, behavior: 'instant'});
}"""


@functools.cache
def axe_source() -> str:
    return (
        resources.files("axe_playwright_python")
        .joinpath("axe.min.js")
        .read_text("utf-8")
    )


@dataclass(kw_only=True)
class Watch:
    """Collects what goes wrong on a page while it is used."""

    page: Page
    troubles: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(LISTEN)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._note(f"script: {error}"))
        self.page.on("response", self._response)

    @contextmanager
    def tolerating(self, pattern: str) -> Iterator[None]:
        """Let troubles of this kind pass, where the page is made to have them."""
        self.tolerated.append(pattern)
        try:
            yield
        finally:
            self.tolerated.remove(pattern)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(f"console: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._note(f"answer {response.status}: {response.url}")

    def _note(self, trouble: str) -> None:
        if not any(re.search(pattern, trouble) for pattern in self.tolerated):
            self.troubles.append(f"{self.page.url}: {trouble}")

    def open(self, path: str, then: Callable[[], None]) -> None:
        """Go there and act; an address that does not load is a trouble, not the end."""
        try:
            self.page.goto(path)
            then()
        except Error as error:
            self._note(f"{path}: {error.message.splitlines()[0]}")

    def settle(self) -> None:
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(SETTLED)

    def check(self) -> None:
        """Note refusals of the security policy and overflow on the page as it is."""
        self.settle()
        for refused in self.page.evaluate("window.__refused || []"):
            self._note(f"policy: {refused}")
        for node in self.page.evaluate(TOO_WIDE):
            self._note(f"wider than the window: {node}")

    def check_accessibility(self) -> None:
        """Run axe; a serious violation is a trouble."""
        self.page.evaluate(STILL)
        # Over the debugging protocol: the page's policy would refuse a script.
        self.page.evaluate(axe_source())
        result = self.page.evaluate(
            "(tags) => axe.run(document, {runOnly: {type: 'tag', values: tags},"
            " resultTypes: ['violations'], iframes: false})",
            list(WCAG),
        )
        for violation in result["violations"]:
            if violation["impact"] in GRAVE:
                self._note(f"axe {violation['id']}: {_nodes(violation)}")

    def shoot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True, animations="disabled")


def _nodes(violation: dict[str, Any]) -> str:
    return json.dumps(
        [node["html"][:200] for node in violation["nodes"][:3]], ensure_ascii=False
    )
