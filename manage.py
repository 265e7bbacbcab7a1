#!/usr/bin/env python
"""Django's command line, for a checkout: finds the code in src/ and the first .env."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "src"))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pochtar.conf.settings")
    try:
        from django.core.management import execute_from_command_line

        from pochtar.conf.celery import app as celery
        from pochtar.conf.environment import ensure_env_file
    except ImportError as error:
        sys.exit(
            f"{error}.\nThe packages are not installed in this Python. "
            "Run `make setup` (or `poetry install`), then use .venv/bin/python."
        )
    celery.set_default()  # so that commands' nudges reach our broker
    ensure_env_file()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
