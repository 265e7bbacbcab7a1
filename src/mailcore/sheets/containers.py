"""Look at a workbook's wrapping before anything opens it (SEC-11).

1. An OLE file is an old .xls, or a workbook with a password.
2. The directory of a zip file tells sizes, number and kinds of what is in it; what is
   out of all proportion, or a zip within the zip, is refused.
3. Only then is it looked which program's workbook it is.
"""

from __future__ import annotations

import mmap
import zipfile
import zlib
from pathlib import Path

from mailcore.sheets.model import Limits, SheetError, SheetKind

__all__ = ["is_workbook", "kind_of_workbook"]

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_ENCRYPTED = 0x1  # bit of a zip entry
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a way of packing that nobody uses for workbooks
    EOFError,
    OSError,
    UnicodeDecodeError,  # in a name
)
_SMALL = 16 << 20  # bytes that may be packed as well as they like


def is_workbook(start: bytes) -> bool:
    """Tell whether a file that begins so is a zip or an OLE file."""
    return start.startswith((_ZIP, b"PK\x05\x06", _OLE))


def kind_of_workbook(path: Path, limits: Limits) -> SheetKind:
    """Return what kind of workbook this is, or raise `SheetError`."""
    size = path.stat().st_size
    if size > limits.packed_bytes:
        raise SheetError("too_big", size=size, most=limits.packed_bytes)
    with path.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            raise SheetError(_ole_code(path))
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, size, limits)
            return _kind(archive)
    except _BROKEN as error:
        raise SheetError("broken_workbook") from error


def _ole_code(path: Path) -> str:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        if content.find("EncryptedPackage".encode("utf-16-le")) >= 0:
            return "encrypted"
        names = ("Workbook", "Book")
        is_xls = any(content.find(name.encode("utf-16-le")) >= 0 for name in names)
    return "old_xls" if is_xls else "binary"


def _check_sizes(archive: zipfile.ZipFile, size: int, limits: Limits) -> None:
    entries = archive.infolist()
    if len(entries) > limits.entries:
        raise SheetError("zip_bomb", entries=len(entries), most=limits.entries)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.unpacked_bytes:
        raise SheetError("zip_bomb", unpacked=unpacked, most=limits.unpacked_bytes)
    # Entries that overlap add up to more than the file that holds them.
    packed = sum(entry.compress_size for entry in entries)
    if packed > size or unpacked > _SMALL + packed * limits.unpacked_ratio:
        raise SheetError("zip_bomb", unpacked=unpacked, packed=min(packed, size))
    for entry in entries:
        _check_entry(archive, entry)


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise SheetError("encrypted")
    with archive.open(entry) as content:
        if content.read(len(_ZIP)) == _ZIP:
            raise SheetError("zip_bomb", nested=entry.filename[:100])


def _kind(archive: zipfile.ZipFile) -> SheetKind:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "mimetype" in names and _begins(archive, "mimetype", 100).startswith(_ODS):
        if b"encryption-data" in _begins(archive, "META-INF/manifest.xml", 1 << 20):
            raise SheetError("encrypted")
        return "ods"
    other = "xl/workbook.bin" in names or "Index/Document.iwa" in names
    raise SheetError("other_workbook" if other else "not_a_table")


def _begins(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    try:
        with archive.open(name) as content:
            return content.read(size)
    except KeyError:
        return b""
