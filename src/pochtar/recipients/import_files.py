"""Where the files of imports lie: below VAR/imports, each under a name of chance."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from django.conf import settings

from mailcore.sheets import LIMITS, SheetError
from pochtar.recipients.models import Import

BLOCK = 1 << 18


def folder() -> Path:
    return Path(settings.VAR) / "imports"


def path_of(import_: Import) -> Path:
    return folder() / import_.stored_as


def store(stream: BinaryIO) -> tuple[str, int, str]:
    """Write the stream to disk; return its name there, its size and its SHA-256.

    Whatever the sender says about its size, it is not read beyond the limit (SEC-11).
    """
    name = uuid4().hex
    folder().mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with (folder() / name).open("wb") as file:
            while block := stream.read(BLOCK):
                size += len(block)
                if size > LIMITS.file_bytes:
                    raise too_big(size)
                digest.update(block)
                file.write(block)
    except BaseException:
        forget(name)
        raise
    return name, size, digest.hexdigest()


def too_big(size: int) -> SheetError:
    return SheetError("too_big", size=size, most=LIMITS.file_bytes)


def forget(name: str) -> None:
    """Remove what lies under the name, if anything does."""
    path = folder() / name
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    elif name:
        path.unlink(missing_ok=True)
