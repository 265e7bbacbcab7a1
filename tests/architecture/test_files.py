"""The shape of files: small, named after a thing, and free of what must not be in."""

from __future__ import annotations

import re

import pytest

from tests.architecture.checkout import POCHTAR, files, files_like, shown, text_of

LONGEST = 400
EMPTY_NAMES = {"utils", "helpers", "common", "misc", "util", "helper"}
WHOLE_BY_NATURE = {"poetry.lock", "package-lock.json"}
# Written in two halves, so that this file does not name them either.
REGISTRIES = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry." + "npmjs",
    "npmmirror" + ".com",
    "registry." + "yarnpkg",
    "jsr" + ".io",
]


def test_no_file_of_code_is_longer_than_400_lines():
    sizes = {
        shown(path): text_of(path).count("\n")
        for path in files_like(".py", ".ts", ".js", ".css", ".html")
        if "migrations" not in path.parts
    }

    assert [name for name, size in sizes.items() if size > LONGEST] == []


def test_no_file_is_named_after_nothing():
    assert [
        shown(path) for path in files_like(".py", ".ts") if path.stem in EMPTY_NAMES
    ] == []


def test_importing_a_part_of_pochtar_boots_nothing():
    inits = [
        path for path in files_like(".py", under=POCHTAR) if path.stem == "__init__"
    ]

    assert [shown(path) for path in inits if text_of(path).strip()] == []


def test_no_imports_of_our_own_code_for_type_checkers_only():
    pattern = re.compile(
        r"^if TYPE_CHECKING:\n(    .*\n)*    from (pochtar|mailcore)", re.MULTILINE
    )
    guilty = [shown(p) for p in files_like(".py") if pattern.search(text_of(p))]

    assert guilty == []


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host):
    """A company's mirror must work: the address is the installer's business."""
    guilty = [shown(path) for path in files() if host.encode() in path.read_bytes()]

    assert guilty == []


@pytest.mark.parametrize("lock", sorted(WHOLE_BY_NATURE))
def test_lock_files_carry_no_address(lock):
    found = [path for path in files() if path.name == lock]
    guilty = [
        shown(path)
        for path in found
        if re.search(r'"resolved"|"?url"?\s*[=:]\s*"https?:', text_of(path))
        and not _only_names_homepages(text_of(path))
    ]

    assert found
    assert guilty == []


def _only_names_homepages(text: str) -> bool:
    """npm's lock keeps funding pages, which nobody fetches."""
    return '"resolved"' not in text and '"funding"' in text
