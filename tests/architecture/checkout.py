"""What the rules look at: the files that git knows or would take."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
POCHTAR = SRC / "pochtar"


@cache
def files() -> tuple[Path, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return tuple(path for name in names if (path := ROOT / name).is_file())


def files_like(*suffixes: str, under: Path = ROOT) -> list[Path]:
    return [
        path
        for path in files()
        if path.suffix in suffixes and path.is_relative_to(under)
    ]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls_in(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.Call):
            yield node
