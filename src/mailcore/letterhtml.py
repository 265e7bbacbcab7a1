"""Make a whole HTML document of what the author wrote.

1. A fragment, as the rich editor writes it, is put into a plain and readable letter:
   a column of text that mail programs on phones and on desktops show well.
2. The preheader becomes the first thing in the body: hidden, and followed by invisible
   filler so that no text of the body runs into the preview line (MSG-30).

Everything here works on sources of templates: merge fields are text like any other.
"""

from __future__ import annotations

import re
from html import escape

__all__ = ["as_document", "hidden_block", "insert_first", "is_document"]

PREVIEW_LENGTH = 150

_DOCUMENT = re.compile(r"<(?:!doctype|html|body)\b", re.IGNORECASE)
_TAG = r"(?:[^>\"']|\"[^\"]*\"|'[^']*')*>"
_BODY = re.compile(rf"<body\b{_TAG}", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_HTML = re.compile(rf"<html\b{_TAG}", re.IGNORECASE)
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_FIELD = re.compile(r"\{\{.*?\}\}", re.DOTALL)

_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_STYLE = """
body{margin:0;padding:0;background:#f3f4f6;-webkit-text-size-adjust:100%}
.letter h1{margin:0 0 16px;font-size:26px;line-height:1.25;color:#111827}
.letter h2{margin:28px 0 12px;font-size:21px;line-height:1.3;color:#111827}
.letter h3{margin:24px 0 8px;font-size:17px;line-height:1.35;color:#111827}
.letter p,.letter ul,.letter ol,.letter blockquote,.letter pre{margin:0 0 16px}
.letter ul,.letter ol{padding-left:24px}
.letter li{margin:0 0 6px}
.letter li p,.letter blockquote p:last-child{margin:0}
.letter a{color:#1d4ed8}
.letter img{max-width:100%;height:auto;border:0}
.letter blockquote{padding:2px 0 2px 16px;border-left:3px solid #d1d5db;color:#4b5563}
.letter hr{margin:24px 0;border:0;border-top:1px solid #e5e7eb}
.letter table{border-collapse:collapse}
.letter td,.letter th{padding:6px 12px 6px 0;text-align:left;vertical-align:top}
@media (max-width:480px){.letter{padding:24px 20px !important}}
@media (prefers-color-scheme:dark){
body,.page{background:#111827 !important}
.letter{background:#1f2937 !important;color:#e5e7eb !important}
.letter h1,.letter h2,.letter h3{color:#f9fafb !important}
.letter a{color:#93c5fd !important}
.letter blockquote{border-color:#4b5563;color:#9ca3af}
.letter hr{border-color:#374151}
}
""".strip()
_FRAME = """\
<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body style="margin:0;padding:0;background:#f3f4f6">
<table role="presentation" class="page" width="100%" cellspacing="0" cellpadding="0" \
border="0" style="background:#f3f4f6"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="600" cellspacing="0" cellpadding="0" border="0" \
style="width:100%;max-width:600px"><tr><td class="letter" align="left" \
style="padding:36px 40px;background:#ffffff;border-radius:8px;font-family:{font};\
font-size:16px;line-height:1.55;color:#1f2937;word-break:break-word">
"""
_FRAME_END = "\n</td></tr></table>\n</td></tr></table>\n</body>\n</html>"

_HIDING = (
    "display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;"
    "font-size:1px;line-height:1px;color:transparent;mso-hide:all"
)
_FILLER = "\u200c\xa0"  # a zero-width non-joiner keeps the blanks from collapsing


def is_document(html: str) -> bool:
    return _DOCUMENT.search(html) is not None


def as_document(fragment: str, *, title: str) -> str:
    """Return a whole document with the fragment in it; ``title`` is a text template."""
    language = "ru" if _CYRILLIC.search(_FIELD.sub("", fragment)) else "en"
    frame = _FRAME.format(
        lang=language, title=escape_template(title), style=_STYLE, font=_FONT
    )
    return frame + fragment.strip() + _FRAME_END


def escape_template(text: str) -> str:
    """Escape a text template for HTML, its merge fields too: they are read either way."""
    return escape(text)


def hidden_block(preheader: str) -> str:
    """Return the hidden element with the preview text (a text template)."""
    filler = _FILLER * max(0, PREVIEW_LENGTH - len(_FIELD.sub("", preheader)))
    return f'<div style="{_HIDING}">{escape_template(preheader)}{filler}</div>'


def insert_first(document: str, block: str) -> str:
    """Put the block first in the body, wherever the author's document starts it."""
    for pattern in (_BODY, _HEAD_END, _HTML):
        if found := pattern.search(document):
            return document[: found.end()] + block + document[found.end() :]
    return block + document
