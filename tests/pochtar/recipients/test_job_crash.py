"""A worker is killed in the middle of a bulk action, again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
COUNT = 1500
ALREADY = COUNT // 3
PROGRAM = (
    "import django; django.setup(); "
    "from tests.pochtar.recipients.job_crash_child import main; main()"
)


def drill(folder: Path) -> dict[str, Any]:
    """Run it over a database file of its own: its workers are other processes."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "POCHTAR_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "pochtar.conf.settings",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(COUNT)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def test_a_killed_worker_adds_nobody_twice_and_an_undo_knows_whom_it_added(
    tmp_path: Path,
) -> None:
    figures = drill(tmp_path)

    # What a batch did and what is noted of it are one transaction.
    for after in figures["deaths"]:
        assert after["items"] in {0, COUNT}
        assert after["noted"] == after["changed"]
        assert after["members"] == ALREADY + after["changed"] - after["returned"]
    assert len({after["cursor"] for after in figures["deaths"]} - {0, COUNT}) > 0
    done, undone = figures["done"], figures["undone"]
    assert (done["state"], done["step"]) == ("done", "applying")
    assert (done["members"], done["changed"]) == (COUNT, COUNT - ALREADY)
    assert (undone["state"], undone["step"]) == ("done", "undone")
    assert (undone["members"], undone["returned"]) == (ALREADY, COUNT - ALREADY)
