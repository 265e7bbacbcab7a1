"""Find out in which encoding a text file is.

1. A mark at the beginning settles it.
2. Zero bytes at every second place are UTF-16.
3. What is valid UTF-8, but for a few rows, is UTF-8: no other text looks like it.
4. Lone high bytes among Latin letters are cp1252.
5. The rest is Russian in one of three old encodings; the frequency of letters decides.

The whole file is looked through, until enough bytes beyond ASCII are seen: the first
Russian name may stand after a hundred thousand Latin ones.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["find_encoding", "looks_binary"]

_BLOCK = 1 << 20
_ENOUGH = 1 << 14  # bytes beyond ASCII
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF8_RUN = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LATIN_RUN = re.compile(
    rb"(?<=[A-Za-z])[\x80-\xff]{1,2}(?![\x80-\xff])|[\x80-\xff](?=[A-Za-z])"
)
_MAGIC = (
    b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"MZ", b"Rar!",
    b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"SQLite format 3", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
_CONTROL = bytes({*range(32)} - set(b"\t\n\r\f\x1a")) + b"\x7f"

# Of 1000 letters of Russian text.
_FREQUENCY = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (110, 85, 80, 74, 67, 63, 55, 47, 45, 44, 35, 32, 30, 28, 26, 20, 19, 17, 17,
         16, 16, 14, 12, 10, 9, 7, 6, 5, 4, 3, 3, 1, 1),
        strict=True,
    )
)  # fmt: skip
_RUSSIAN = ("cp1251", "koi8-r", "cp866")


def find_encoding(path: Path) -> str:
    """Return one of `ENCODINGS`; "utf-8" for plain ASCII."""
    with path.open("rb") as file:
        start = file.read(4096)
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        if wide := _without_mark(start):
            return wide
        file.seek(0)
        return _narrow(_beyond_ascii(file))


def looks_binary(start: bytes) -> bool:
    """Tell whether the first bytes are those of no text in any encoding."""
    if start.startswith(_MAGIC):
        return True
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or _without_mark(start):
        return False
    odd = len(start) - len(start.translate(None, _CONTROL))
    return odd * 20 > len(start)


def _without_mark(start: bytes) -> str:
    """Tell UTF-16 by its high bytes, which are all 0 or, in Russian, 4."""
    pairs = len(start) // 2
    if pairs < 2:
        return ""
    for encoding, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
        high = start[offset : pairs * 2 : 2]
        if b"\0" in high and (high.count(0) + high.count(4)) * 10 >= pairs * 9:
            low = start[1 - offset : pairs * 2 : 2]
            return encoding if low.count(0) * 10 < pairs else ""
    return ""


def _beyond_ascii(file: BinaryIO) -> bytes:
    """Return the lines, as many as are needed, which have bytes beyond ASCII."""
    found: list[bytes] = []
    seen = 0
    for block in _blocks(file):
        if block.isascii():
            continue
        for line in block.split(b"\n"):
            if not line.isascii():
                found.append(line[:4096])
                seen += sum(map(len, _HIGH_RUN.findall(found[-1])))
        if seen > _ENOUGH:
            break
    return b"\n".join(found)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        # A letter cut in two would look like a broken one.
        yield block + file.readline(_BLOCK)


def _narrow(sample: bytes) -> str:
    high = sum(map(len, _HIGH_RUN.findall(sample)))
    in_utf8 = sum(map(len, _UTF8_RUN.findall(sample)))
    if (high - in_utf8) * 10 <= in_utf8:  # true of pure ASCII too: 0 <= 0
        return "utf-8"
    latin = sum(map(len, _LATIN_RUN.findall(sample)))
    if latin * 10 >= high * 8:
        return "cp1252"
    return max(_RUSSIAN, key=lambda encoding: _russian(sample, encoding))


def _russian(sample: bytes, encoding: str) -> float:
    """Return how much like Russian the sample reads: its letters' mean frequency."""
    text = sample.decode(encoding, "replace")
    beyond = Counter(letter for letter in text if ord(letter) > 127)
    score = sum(_FREQUENCY.get(letter.lower(), -50) * n for letter, n in beyond.items())
    # A small letter just before a capital is what a wrong table makes of "Иван".
    return score / max(1, beyond.total()) - 100 * _reversed(text)


def _reversed(text: str) -> float:
    words: list[str] = re.findall(r"[А-Яа-яЁё]{2,}", text)
    wrong = [word for word in words if word[0].islower() and word[1:].isupper()]
    return len(wrong) / max(1, len(words))
