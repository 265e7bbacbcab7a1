"""Templates: each compiles, and none holds what the content policy forbids (SEC-04)."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.template import engines

from tests.architecture.checkout import POCHTAR, files, shown, text_of

TEMPLATES = [
    path
    for path in files()
    if path.is_relative_to(POCHTAR) and "templates" in path.parts
]
PAGES = [path for path in TEMPLATES if path.suffix == ".html"]
# Letters are read by mail programs, which know no style sheets of ours.
LETTERS = re.compile(r"/(email|emails|letters)/")
TAGS = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
DATA_TYPES = {"application/json", "application/ld+json"}


def _name(path: Path) -> str:
    return str(path).split("/templates/", 1)[1]


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_every_template_compiles(path):
    engines["django"].get_template(_name(path))


class _Inline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        self.found += [
            f"line {self.getpos()[0]}: <{tag} {name}>"
            for name in names
            if name == "style" or re.match(r"on[a-z]|hx-on", name)
        ]
        is_data = names.get("type") in DATA_TYPES
        if tag == "style" or (tag == "script" and "src" not in names and not is_data):
            self.found.append(f"line {self.getpos()[0]}: inline <{tag}>")
        if str(names.get("href", "")).startswith("javascript:"):
            self.found.append(f"line {self.getpos()[0]}: javascript: address")


@pytest.mark.parametrize(
    "path", [page for page in PAGES if not LETTERS.search(str(page))], ids=_name
)
def test_no_page_has_inline_script_style_or_handler(path):
    """SEC-04"""
    reader = _Inline()
    # Keep the line count: a tag may span lines.
    reader.feed(TAGS.sub(lambda tag: "\n" * tag[0].count("\n"), text_of(path)))

    assert reader.found == [], shown(path)
