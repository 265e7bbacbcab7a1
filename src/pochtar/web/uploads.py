"""Uploaded files go to the disk as they arrive, never into memory (SEC-11)."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

from mailcore.sheets import LIMITS
from pochtar.accounts.models import Role

TOO_BIG = "pochtar.upload_too_big"


class DiskUploadHandler(TemporaryFileUploadHandler):
    """Writes each file below VAR; drops one that is too big, and says so.

    The other fields of the form are kept, so that the page can answer with an error at
    the field instead of a broken connection.  Whoever may not edit fills no disk.
    """

    received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        # The form is read for its CSRF token before any view asks who this is.
        role: Role | None = getattr(self.request, "role", None)
        if not (role and role.at_least(Role.EDITOR)):
            raise SkipFile
        self.received = 0
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > LIMITS.file_bytes:
            assert self.request
            self.request.META[TOO_BIG] = True
            raise SkipFile  # Django closes the file, which deletes it
        super().receive_data_chunk(raw_data, start)


def was_too_big(request: HttpRequest) -> bool:
    """Say whether a file of this request was dropped for its size."""
    return bool(request.META.get(TOO_BIG))
