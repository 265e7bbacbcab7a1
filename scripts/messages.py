"""``make messages``: collect the strings to translate, compile what is translated.

The compiled file is committed, so that nobody needs gettext to run Pochtar.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from steps import ROOT, Stop, end

PACKAGE = ROOT / "src" / "pochtar"
CATALOGUE = PACKAGE / "locale" / "ru" / "LC_MESSAGES"


def main() -> None:
    if not shutil.which("xgettext"):
        end(Stop("gettext is not here: sudo apt-get install gettext"))
    manage = [sys.executable, str(ROOT / "manage.py")]
    collect = ["makemessages", "-l", "ru", "--no-location", "--no-wrap"]
    subprocess.run([*manage, *collect, "-i", "dist"], cwd=PACKAGE, check=True)
    compiled = [CATALOGUE / "django.mo", CATALOGUE / "django.po"]
    subprocess.run(["msgfmt", "--check", "-o", *compiled], check=True)


if __name__ == "__main__":
    main()
