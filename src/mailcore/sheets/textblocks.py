"""Read a file of text in pieces that end where a line ends.

1. Decode strictly; a piece that resists is decoded again so that its bad bytes show.
2. Cut at the last line end; what follows is carried over to the next piece.
3. A line that never ends is cut, so that memory has a bound.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from mailcore.sheets.model import ENCODINGS, SheetError

__all__ = ["LONGEST_LINE", "has_bad_bytes", "read_blocks"]

LONGEST_LINE = 1 << 20  # in characters; a longer one is cut and refused as a row
_BLOCK = 1 << 16  # bytes; what is made of them stays in the processor's cache
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?(?:\n|$)', re.IGNORECASE)  # Excel's own
_ESCAPED = re.compile("[\udc80-\udcff]")


def read_blocks(path: Path, encoding: str) -> Iterator[tuple[str, bool]]:
    """Yield (text of whole lines, whether bytes in it could not be decoded)."""
    rest, spoilt, first, newline = "", False, True, "\n"
    with path.open("rb", buffering=0) as file:
        decoder = _decoder(encoding, file.read(2))
        file.seek(0)
        while chunk := file.read(_BLOCK):
            text, bad = _decode(decoder, chunk)
            if first:
                text, first = _without_marks(text, encoding), False
                newline = "\r" if "\r" in text and "\n" not in text else "\n"
            if newline == "\r":
                text = text.replace("\r", "\n")
            head, found, tail = text.rpartition("\n")
            spoilt = spoilt or bad
            if not found:
                rest = (rest + text)[: LONGEST_LINE + 1]
                continue
            yield f"{rest}{head}\n", spoilt
            rest, spoilt = tail, bad
    text, bad = _decode(decoder, b"", final=True)
    if rest or text:
        yield rest + text, spoilt or bad


def has_bad_bytes(text: str, encoding: str) -> bool:
    """Tell whether a part of a piece that resisted is itself what resisted."""
    return "\ufffd" in text if _is_wide(encoding) else bool(_ESCAPED.search(text))


def _is_wide(encoding: str) -> bool:
    return encoding.startswith("utf-16")


def _decoder(encoding: str, start: bytes) -> codecs.IncrementalDecoder:
    if encoding not in ENCODINGS:
        raise SheetError("unreadable_encoding", encoding=encoding)
    if encoding == "utf-16" and start not in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        encoding = "utf-16-le"  # what has no mark comes from Windows
    return codecs.getincrementaldecoder(encoding)("strict")


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False
) -> tuple[str, bool]:
    try:
        return decoder.decode(chunk, final), False
    except UnicodeDecodeError as error:
        # A decoder that failed still stands where it stood before.
        decoder.errors = "replace" if "16" in error.encoding else "surrogateescape"
        text = decoder.decode(chunk, final)
        decoder.errors = "strict"
        return text, True


def _without_marks(text: str, encoding: str) -> str:
    if encoding not in ("utf-8-sig", "utf-16"):  # these take the mark away themselves
        text = text.removeprefix("\ufeff")
    return _SEP_LINE.sub("", text, count=1) if _SEP_LINE.match(text) else text
