"""Find in a page what the content security policy would refuse (SEC-04)."""

from __future__ import annotations

import re
from html.parser import HTMLParser

HANDLER = re.compile(r"on[a-z]|hx-on")
DATA = {"application/json", "application/ld+json"}


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.found += [
            f"<{tag} {name}>"
            for name in names
            if name == "style" or HANDLER.match(name)
        ]
        is_code = tag == "script" and "src" not in names
        if tag == "style" or (is_code and names.get("type") not in DATA):
            self.found.append(f"inline <{tag}>")
        if (names.get("href") or "").strip().lower().startswith("javascript:"):
            self.found.append(f"<{tag} href=javascript:>")


def inline_code_in(html: str) -> list[str]:
    finder = _Finder()
    finder.feed(html)
    return finder.found
