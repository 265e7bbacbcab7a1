"""Make the plain text part from the HTML part (MSG-08).

1. Walk the HTML; blocks become lines with an empty line between paragraphs, list items
   get a dash or their number, a link is followed by its address.
2. What nobody sees (head, styles, scripts, hidden elements, comments) is left out.
3. Merge fields pass through untouched, so that templates can be converted too.
"""

from __future__ import annotations

import re
from html import unescape

from mailcore.markup import Kind, Token, tokenize

__all__ = ["html_to_text"]

DEEPEST_INDENT = 6

PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl"}
    | {"blockquote", "table", "pre", "hr", "figure", "form"}
)
LINES = frozenset(
    {"div", "tr", "li", "dt", "dd", "section", "article", "header", "footer", "main"}
    | {"nav", "aside", "address", "center", "caption", "figcaption", "body", "html"}
)
INVISIBLE = frozenset(
    {"head", "style", "script", "title", "template", "noscript", "object", "svg"}
)
VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"}
    | {"param", "source", "track", "wbr"}
)

_FIELD = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_KEPT = re.compile("\uf8fe(\\d+)\uf8ff")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all")
_SPACES = re.compile(r"[ \t\r\n\f]+")
_FILLER = re.compile("[\u200b\u200c\u200d\u034f\xad\ufeff]")


def html_to_text(html: str) -> str:
    """Return what a reader sees of the page, as lines of text without a final one."""
    fields: list[str] = []

    def keep(match: re.Match[str]) -> str:
        fields.append(_SPACES.sub(" ", unescape(match.group())))
        return f"\uf8fe{len(fields) - 1}\uf8ff"

    walker = _Walker()
    html = re.sub("[\uf8fe\uf8ff]", "", html)
    whole = html.rfind("}}") + 2 if "}}" in html else 0  # behind it nothing is closed
    walker.walk(_FIELD.sub(keep, html[:whole]) + html[whole:])
    return _KEPT.sub(lambda match: fields[int(match[1])], walker.text())


class _Walker:
    def __init__(self) -> None:
        self.lines: list[str] = []  # an empty one ends a paragraph
        self.line = ""
        self.gap = False  # white space was seen, and may have to be shown
        self.hidden = ""  # the outermost hidden element, and how many like it are open
        self.depth = 0
        self.lists: list[int] = []  # the next number in each open list; 0: bullets
        self.links: list[tuple[str, int, int]] = []  # address and where its text began
        self.preformatted = 0

    # Reading

    def walk(self, html: str) -> None:
        for token in tokenize(html):
            if token.kind is Kind.START:
                self._start(token)
            elif token.kind is Kind.END:
                self._end(token.name)
            elif token.kind is Kind.TEXT and not self.hidden:
                self._text(unescape(html[token.start : token.end]))

    def _start(self, token: Token) -> None:
        tag = token.name
        values = {each.name: each.value for each in token.attributes}
        if tag == "body":  # the end of the head may be left out
            self.hidden = ""
        if self.hidden:
            self.depth += tag == self.hidden
            return
        if _is_hidden(tag, values):
            if tag not in VOID:
                self.hidden, self.depth = tag, 1
            return
        self._break_for(tag)
        opener = getattr(self, f"open_{tag}", None)
        if opener:
            opener(values)

    def _end(self, tag: str) -> None:
        if self.hidden:
            self.depth -= tag == self.hidden
            if not self.depth:
                self.hidden = ""
            return
        closer = getattr(self, f"close_{tag}", None)
        if closer:
            closer()
        if tag not in VOID:
            self._break_for(tag)

    def _text(self, data: str) -> None:
        if not self.preformatted:
            self._add(data.replace("\xa0", " "))
            return
        first, *rest = data.expandtabs(4).split("\n")
        self.line += first
        for line in rest:
            self._end_line(keep_empty=True)
            self.line = line

    # Elements

    def open_br(self, _: dict[str, str]) -> None:
        self._end_line(keep_empty=True)

    def open_hr(self, _: dict[str, str]) -> None:
        self._add("---")
        self._end_paragraph()

    def open_ul(self, _: dict[str, str]) -> None:
        self.lists.append(0)

    def open_ol(self, values: dict[str, str]) -> None:
        start = values.get("start", "")
        self.lists.append(int(start) if re.fullmatch(r"\d{1,6}", start) else 1)

    def close_ul(self) -> None:
        if self.lists:
            self.lists.pop()

    close_ol = close_ul

    def open_li(self, _: dict[str, str]) -> None:
        number = self.lists[-1] if self.lists else 0
        if number:
            self.lists[-1] += 1
        indent = "  " * min(len(self.lists) - 1, DEEPEST_INDENT)
        self.line = f"{indent}{number}. " if number else f"{indent}- "
        self.gap = False

    def open_pre(self, _: dict[str, str]) -> None:
        self.preformatted += 1

    def close_pre(self) -> None:
        self.preformatted = max(0, self.preformatted - 1)

    def open_td(self, _: dict[str, str]) -> None:
        if self.line.strip():
            self.line += "  "
            self.gap = False

    open_th = open_td

    def open_img(self, values: dict[str, str]) -> None:
        self._add(values.get("alt", ""))

    def open_a(self, values: dict[str, str]) -> None:
        if self.gap and self.line:
            self._add(" ")
        self.links.append((values.get("href", ""), len(self.lines), len(self.line)))

    def close_a(self) -> None:
        if not self.links:
            return
        address, first_line, first_column = self.links.pop()
        if not address or address.startswith(("#", "javascript:")):
            return
        shown = " ".join([*self.lines[first_line:], self.line])[first_column:].strip()
        if not _says(shown, address):
            self._add(f" <{address}>" if shown else address)

    # Writing

    def _break_for(self, tag: str) -> None:
        if tag in PARAGRAPHS and not (self.lists and tag in ("ul", "ol", "p")):
            self._end_paragraph()
        elif tag in PARAGRAPHS or tag in LINES:
            self._end_line()

    def _add(self, text: str) -> None:
        text = _SPACES.sub(" ", _FILLER.sub("", text))
        if not text:
            return
        if text[0] == " " or self.gap:
            text = text.lstrip(" ")
            if self.line and not self.line.endswith(" ") and text:
                text = f" {text}"
            self.gap = True
        if text.strip(" "):
            self.line += text.rstrip(" ")
            self.gap = text.endswith(" ")

    def _end_line(self, *, keep_empty: bool = False) -> None:
        line = self.line.rstrip()
        bullet = re.fullmatch(r"\s*(-|\d+\.)", line) is not None and not keep_empty
        if bullet:  # the item's text is in a block of its own, on the same line
            return
        if line or (keep_empty and not (self.lines and not self.lines[-1])):
            self.lines.append(line)
        self.line = ""
        self.gap = False

    def _end_paragraph(self) -> None:
        self._end_line()
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self) -> str:
        self._end_line()
        return "\n".join(self.lines).strip("\n")


def _is_hidden(tag: str, values: dict[str, str]) -> bool:
    return (
        tag in INVISIBLE
        or "hidden" in values
        or _HIDDEN.search(values.get("style", "").lower()) is not None
    )


def _says(shown: str, address: str) -> bool:
    """Tell whether the text of a link already is its address."""
    bare = re.sub(r"^(?:https?://|mailto:|tel:)", "", address).rstrip("/")
    return re.sub(r"^https?://", "", shown).rstrip("/") == bare
