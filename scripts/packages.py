"""Keep ``.venv`` at what poetry.lock says, through pip and only when it changed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from locked import locked_requirements
from steps import ROOT, Stop, digest_of, run_step

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
SOURCE_PTH = "pochtar-source.pth"
OLDEST = (3, 11)
NEXT_UNTRIED = (3, 14)

NO_VENV = """\
Python's venv module is not installed on this machine. On Debian and Ubuntu:

    sudo apt-get install python3-venv

then run the same command again."""


def install_packages(groups: list[str]) -> None:
    """Make the environment when it is missing, then install what the lock names."""
    _check_python()
    if not _works(PYTHON):
        _make_environment()
    _link_source()
    done = _installed()
    wanted = {group: digest_of([_requirements([group])]) for group in groups}
    if all(done.get(group) == digest for group, digest in wanted.items()):
        return
    _pip_install(sorted({*groups, *done}))
    kept = {group: digest_of([_requirements([group])]) for group in done}
    STAMP.write_text(json.dumps(kept | wanted), encoding="ascii")


def _check_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version < NEXT_UNTRIED:
        raise Stop(
            f"This is Python {version[0]}.{version[1]}; Pochtar needs 3.11, 3.12 or "
            "3.13.\nName another one: make run PYTHON=python3.11"
        )


def _works(python: Path) -> bool:
    """An environment may be half made, or its interpreter may be gone."""
    if not python.exists():
        return False
    ask: list[str | Path] = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    answer = subprocess.run(ask, capture_output=True, text=True, check=False)
    if answer.returncode:
        return False
    major, minor = (int(part) for part in answer.stdout.split())
    return OLDEST <= (major, minor) < NEXT_UNTRIED


def _make_environment() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    has_pip_for_venv = importlib.util.find_spec("ensurepip") is not None
    if not has_pip_for_venv and importlib.util.find_spec("pip") is None:
        raise Stop(NO_VENV)
    options = [] if has_pip_for_venv else ["--without-pip"]
    run_step(
        "Python environment",
        [sys.executable, "-m", "venv", *options, VENV],
        hint=NO_VENV,
    )


def _link_source() -> None:
    """Make ``src`` importable: what an editable install does, without a build."""
    ask: list[str | Path] = [
        PYTHON,
        "-c",
        "import sysconfig; print(sysconfig.get_path('purelib'))",
    ]
    answer = subprocess.run(ask, capture_output=True, text=True, check=True)
    pth = Path(answer.stdout.strip()) / SOURCE_PTH
    text = f"{ROOT / 'src'}\n"
    if not pth.is_file() or pth.read_text(encoding="utf-8") != text:
        pth.write_text(text, encoding="utf-8")


def _installed() -> dict[str, str]:
    if not STAMP.is_file():
        return {}
    read: dict[str, str] = json.loads(STAMP.read_text(encoding="ascii"))
    return read


def _requirements(groups: list[str]) -> bytes:
    return "\n".join(locked_requirements(groups)).encode()


def _pip_install(groups: list[str]) -> None:
    STAMP.unlink(missing_ok=True)
    pip: list[str | Path] = [PYTHON, "-m", "pip"]
    if not (VENV / "bin" / "pip").exists():
        pip = [sys.executable, "-m", "pip", "--python", PYTHON]
    options = [
        "--no-deps",
        "--require-hashes",
        "--no-input",
        "--no-warn-script-location",
    ]
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_bytes(_requirements(groups))
        run_step(
            "Python packages",
            [*pip, "install", *options, "-r", listed],
            hint="Is the network there? The same command goes on where it stopped.",
        )
