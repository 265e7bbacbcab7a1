"""Every setting of the environment is documented, and nothing else is."""

from __future__ import annotations

import ast
import re

from tests.architecture.checkout import POCHTAR, ROOT, calls_in, files_like, text_of

PAGE = ROOT / "docs" / "reference" / "configuration.md"
READERS = {"env", "os.environ"}
# The tools' own: Django's, pytest's, the shell's.
NOT_OURS = {
    "TEST_DATABASE_URL",
    "DJANGO_SETTINGS_MODULE",
    "PYTHONPATH",
    "SECRET_KEY_FILE",
    "RUN_MAIN",
}


def _read_names() -> set[str]:
    """Names given to env.<type>("NAME") or os.environ.get("NAME")."""
    return {
        str(call.args[0].value)
        for path in files_like(".py", under=POCHTAR)
        for call in calls_in(path)
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) in READERS
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and re.fullmatch(r"[A-Z][A-Z0-9_]+", str(call.args[0].value))
    } - NOT_OURS


def _documented_names() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)`", text_of(PAGE), re.MULTILINE))


def test_every_setting_is_documented():
    assert _read_names() - _documented_names() == set()


def test_no_setting_is_documented_that_is_not_read():
    assert _documented_names() - _read_names() == set()
