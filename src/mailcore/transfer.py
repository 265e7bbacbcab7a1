"""Transfer encodings of a part whose text has slots.

1. The static pieces are encoded once, when the message is compiled.
2. Per letter each distinct value is encoded once (`prepare`), and put between the pieces
   wherever it stands (`fill`).  Nothing is joined: a letter is joined once, as a whole.
3. Of quoted-printable and base64 the one that makes the smaller letter is taken.

Quoted-printable is written so that no line starts with a dot or with "From ", none ends
in white space, and no two blanks stand together: nothing on the way has a reason to
change it, and it is its own relaxed canonical form (RFC 6376 section 3.4.4).
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "Base64",
    "Part",
    "QuotedPrintable",
    "best_part",
    "canonical",
    "quoted_printable",
    "quoted_values",
]

LINE = 76
LINE_BYTES = LINE // 4 * 3  # of base64
SOFT_BREAK = b"=\r\n"
SOFT_BREAK_OF_B2A = b"=\n"

_NEWLINE = re.compile(r"\r\n|[\r\n]")
# Values that quoted-printable leaves alone: one line, no blank at an end, no two
# together, nothing that a line may not begin with.
_ORDINARY = re.compile(r"(?!\.|From )[!-<>-~](?:[!-<>-~]| (?=[!-<>-~])){0,70}")
_NOT_PLAIN = re.compile(rb"[^ !-<>-~]+")
_EQUALS = ord("=")
_DOUBTFUL_STARTS = (".", "F")


class Part(Protocol):
    @property
    def name(self) -> str: ...

    def prepare(self, values: Sequence[str]) -> Sequence[bytes]:
        """Encode values as far as can be done without knowing where they stand."""
        ...

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        """Return the encoded part in chunks, ending in CRLF: a prepared value a slot."""
        ...


def best_part(pieces: Sequence[str | None]) -> Part:
    """Return the part in the smaller encoding; None in ``pieces`` is a slot."""
    text = "".join(piece or "" for piece in pieces)
    size = len(text.encode(errors="replace"))
    if len(quoted_printable(text)) <= size * 4 / 3 * (LINE + 2) / LINE:
        return QuotedPrintable.compile(pieces)
    return Base64.compile(pieces)


def canonical(text: str) -> str:
    """Return the text with CRLF for every line break (RFC 5321 section 2.3.8)."""
    return _NEWLINE.sub("\r\n", text) if "\n" in text or "\r" in text else text


@dataclass(frozen=True, slots=True)
class QuotedPrintable:
    # Chunks, an empty one in every slot, and the last line's end.  A chunk before a slot
    # ends in a soft line break and the one after it begins with one: a slot has whole
    # lines.
    chunks: tuple[bytes, ...]
    name: str = "quoted-printable"

    @classmethod
    def compile(cls, pieces: Sequence[str | None]) -> QuotedPrintable:
        texts = _between_slots(pieces)
        last = len(texts) - 1
        chunks = []
        for index, text in enumerate(texts):
            encoded = quoted_printable(text)
            before = SOFT_BREAK if index and (text or index < last) else b""
            if index == last or encoded.endswith(b"\r\n"):
                after = b""
            else:
                after = SOFT_BREAK if encoded else b""
            chunks += [before + encoded + after, b""]
        chunks[-1] = b"\r\n"
        return cls(chunks=tuple(chunks))

    def prepare(self, values: Sequence[str]) -> Sequence[bytes]:
        return quoted_values(values)

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        chunks = list(self.chunks)
        chunks[1:-1:2] = values
        return chunks


def quoted_values(values: Sequence[str]) -> list[bytes]:
    """Encode each value as `quoted_printable` does, mostly all of them in one go.

    The standard library writes the same escapes.  It cuts long lines at other places, so
    those are put together again and cut here; and where it is content with less (tabs,
    blanks in a row, line breaks), it is not asked.
    """
    text = "\n".join(values)
    if "\t" in text or "\r" in text or "  " in text:
        return [quoted_printable(value) for value in values]
    quoted = b2a_qp(text.encode(errors="replace"))
    lines = quoted.split(b"\n")
    if len(lines) != len(values):
        lines = quoted.replace(SOFT_BREAK_OF_B2A, b"").split(b"\n")
        if len(lines) != len(values):  # a value has several
            return [quoted_printable(value) for value in values]
    if max(map(len, lines)) >= LINE:
        lines = [line if len(line) < LINE else _wrap(line) for line in lines]
    if "\nF" in text or "\n." in text or text.startswith(_DOUBTFUL_STARTS):
        for index, value in enumerate(values):
            if value.startswith(_DOUBTFUL_STARTS):
                lines[index] = quoted_printable(value)
    return lines


def quoted_printable(text: str) -> bytes:
    """Encode by RFC 2045 section 6.7; no line break is added at the end."""
    if "\n" not in text and "\r" not in text:
        return _quote_line(text)
    return b"\r\n".join([_quote_line(line) for line in _NEWLINE.split(text)])


def _quote_line(line: str) -> bytes:
    if len(line) < LINE and _ORDINARY.fullmatch(line):
        return line.encode("ascii")
    text = _NOT_PLAIN.sub(_escape_run, line.encode(errors="replace"))
    # A raw blank only between two other characters.
    if b"  " in text:
        text = text.replace(b"  ", b" =20")
    if text.endswith(b" "):
        text = text[:-1] + b"=20"
    return _wrap(text)


def _escape_run(found: re.Match[bytes]) -> bytes:
    return b"=" + found[0].hex("=").upper().encode("ascii")


def _wrap(text: bytes) -> bytes:
    """Cut the line by soft breaks, never inside an escape."""
    lines = []
    at = 0
    while True:
        head = _line_start(text[at : at + 1])
        end = at + LINE - len(head)
        if end >= len(text):
            break
        # "=" begins an escape of three characters, and stands nowhere else.
        end -= 1 if text[end - 1] == _EQUALS else 2 * (text[end - 2] == _EQUALS)
        lines.append(head + text[at + 1 : end])
        at = end
    lines.append(head + text[at + 1 :])
    return SOFT_BREAK.join(lines)


def _line_start(character: bytes) -> bytes:
    """Nothing on the way takes the line for the end of mail or of a mailbox entry.

    "From " is kept from the start of a line by its first letter, with or without the rest.
    """
    return b"=%02X" % character[0] if character in (b".", b"F") else character


@dataclass(frozen=True, slots=True)
class _Piece:
    text: bytes
    # For each number of bytes that have to be borrowed from this piece to fill up what
    # came before to whole triples: the encoded middle, and the rest at the end.
    encoded: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Base64:
    """Base64 with slots: three bytes make four characters, wherever they come from.

    So every static piece is encoded in its three possible alignments beforehand, and per
    letter only the values are encoded, with up to two bytes of either neighbour.
    """

    pieces: tuple[_Piece, ...]
    name: str = "base64"

    @classmethod
    def compile(cls, pieces: Sequence[str | None]) -> Base64:
        return cls(pieces=tuple(map(_aligned, _between_slots(pieces))))

    def prepare(self, values: Sequence[str]) -> Sequence[bytes]:
        return [canonical(value).encode(errors="replace") for value in values]

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        out: list[bytes] = []
        pending = b""
        for piece, value in zip(self.pieces, [*values, b""], strict=True):
            borrowed = -len(pending) % 3
            if len(piece.text) < borrowed:
                pending += piece.text
            else:
                middle, rest = piece.encoded[borrowed]
                if pending:
                    out.append(_base64_lines(pending + piece.text[:borrowed]))
                out.append(middle)
                pending = rest
            pending += value
        out.append(_base64_lines(pending))
        return out if any(out) else [b"\r\n"]


def _aligned(text: str) -> _Piece:
    raw = canonical(text).encode(errors="replace")
    encoded = []
    for borrowed in range(3):
        end = len(raw) - (len(raw) - borrowed) % 3 if len(raw) >= borrowed else borrowed
        encoded.append((_base64_lines(raw[borrowed:end]), raw[end:]))
    return _Piece(text=raw, encoded=tuple(encoded))


def _base64_lines(raw: bytes) -> bytes:
    if len(raw) <= LINE_BYTES:
        return b2a_base64(raw, newline=False) + b"\r\n" if raw else b""
    text = b2a_base64(raw, newline=False)
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    return b"\r\n".join(lines) + b"\r\n"


def _between_slots(pieces: Sequence[str | None]) -> list[str]:
    """Return the texts around the slots; an empty one where two slots meet."""
    texts = [""]
    for piece in pieces:
        if piece is None:
            texts.append("")
        else:
            texts[-1] += piece
    return texts
