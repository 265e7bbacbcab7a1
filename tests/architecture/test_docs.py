"""The documents tell the truth: links lead somewhere, commands exist, ADRs are listed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.architecture.checkout import ROOT, files_like, shown, text_of

PAGES = files_like(".md")
DECISIONS = ROOT / "docs" / "decisions"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def _name(path: Path) -> str:
    return shown(path)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", text_of(page), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_internal_link_leads_somewhere(page):
    broken = []
    for link in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)

    assert broken == []


def _code(page: Path) -> str:
    return "\n".join(CODE.findall(text_of(page)))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_make_target_in_the_docs_exists(page):
    targets = set(
        re.findall(r"^([a-z0-9-]+):", text_of(ROOT / "Makefile"), re.MULTILINE)
    )
    named = set(re.findall(r"(?:^|[`\s])make ([a-z][a-z0-9-]*)", _code(page)))

    assert named - targets == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_management_command_in_the_docs_exists(page):
    named = set(re.findall(r"manage\.py ([a-z_]+)", _code(page)))

    assert named - get_commands().keys() == set()


def _decisions() -> list[Path]:
    return sorted(DECISIONS.glob("[0-9]*.md"))


def test_decisions_are_numbered_without_a_gap():
    numbers = [int(path.name[:4]) for path in _decisions()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_decision_is_in_the_index_and_says_its_state():
    index = text_of(DECISIONS / "README.md")

    for path in _decisions():
        assert f"({path.name})" in index
        assert re.search(r"^Status: \w+", text_of(path), re.MULTILINE), path.name
        assert re.match(rf"# {int(path.name[:4])}\. ", text_of(path)), path.name


def test_the_readmes_name_the_same_commands():
    """The Russian page must not fall behind the English one."""
    pages = [text_of(ROOT / name) for name in ("README.md", "README.ru.md")]
    english, russian = (
        set(re.findall(r"(?:make|manage\.py|poetry) [a-z]+", page)) for page in pages
    )

    assert english == russian
