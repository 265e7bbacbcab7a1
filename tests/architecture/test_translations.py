"""Both languages are complete: English is in the code, Russian in the catalogue."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.architecture.catalogue import Entry, read_catalogue
from tests.architecture.checkout import POCHTAR

FOLDER = POCHTAR / "locale" / "ru" / "LC_MESSAGES"
RUSSIAN_PLURALS = {0, 1, 2}
PLACEHOLDER = re.compile(r"%\((\w+)\)[sdf]|\{(\w+)\}")


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return [entry for entry in read_catalogue(FOLDER / "django.po") if entry.msgid]


def test_nothing_is_left_untranslated(entries):
    missing = [
        entry.msgid
        for entry in entries
        if not all(entry.strings.values())
        or (entry.plural and entry.strings.keys() != RUSSIAN_PLURALS)
    ]

    assert missing == []


def test_nothing_is_fuzzy(entries):
    assert [entry.msgid for entry in entries if entry.fuzzy] == []


def test_a_translation_keeps_the_places_for_values(entries):
    guilty = [
        entry.msgid
        for entry in entries
        for text in entry.strings.values()
        if not _places(text) <= _places(entry.msgid + (entry.plural or ""))
        or (not entry.plural and _places(text) != _places(entry.msgid))
    ]

    assert guilty == []


def _places(text: str) -> set[str]:
    return {found[1] or found[2] for found in PLACEHOLDER.finditer(text)}


def test_the_compiled_catalogue_is_what_the_source_says(entries):
    """The .mo is committed: nobody needs gettext to run Pochtar."""
    with (FOLDER / "django.mo").open("rb") as file:
        compiled: dict[Any, str] = vars(gettext.GNUTranslations(file))["_catalog"]
    written = {
        (entry.key, number) if entry.plural else entry.key: text
        for entry in entries
        for number, text in entry.strings.items()
        if not entry.fuzzy and text
    }

    assert {key: compiled[key] for key in compiled if key} == written


@pytest.mark.skipif(
    not shutil.which("xgettext"),
    reason="gettext is not installed: strings missing from the catalogue go unseen",
)
def test_every_string_of_the_code_is_in_the_catalogue(entries, tmp_path):
    copy = tmp_path / "pochtar"
    unwanted = shutil.ignore_patterns("dist", "__pycache__", "*.mo")
    shutil.copytree(POCHTAR, copy, ignore=unwanted)
    command = ["makemessages", "-l", "ru", "--no-location", "--no-wrap"]

    # Without our settings, whose LOCALE_PATHS name the real folder.
    unset = {"DJANGO_SETTINGS_MODULE"}
    subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=copy,
        env={name: text for name, text in os.environ.items() if name not in unset},
        check=True,
        capture_output=True,
    )

    fresh = read_catalogue(copy / FOLDER.relative_to(POCHTAR) / "django.po")
    fresh_keys = {entry.key for entry in fresh if entry.msgid}
    assert fresh_keys - {entry.key for entry in entries} == set()
    assert {entry.key for entry in entries} - fresh_keys == set()
