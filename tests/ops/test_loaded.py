"""A web process does not look through what it has loaded for garbage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COUNT = (
    "import gc, pochtar.conf.wsgi;"
    "print(gc.get_freeze_count() > 50_000, len(gc.get_objects()) < 5_000)"
)


def test_a_web_process_freezes_what_it_has_loaded(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", COUNT],
        cwd=ROOT / "src",
        env={
            "POCHTAR_VAR": str(tmp_path),
            "SECRET_KEY": "x" * 60,
            "ENCRYPTION_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["True", "True"]
