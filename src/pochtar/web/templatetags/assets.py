"""The built front end in pages: ``{% vite %}`` and ``{% icon "name" %}``.

Vite names its files by content and lists them in a manifest; the addresses made here
therefore pass by Django's own static file storage.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.templatetags.static import PrefixNode
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

DIST = Path(__file__).resolve().parent.parent / "static" / "dist"
ENTRY = "src/app.js"
SPRITE = "icons.svg"

register = template.Library()


def read_manifest() -> dict[str, Any]:
    """Return what the last build made; empty when there was none."""
    path = DIST / "manifest.json"
    try:
        return _parse_manifest(path, path.stat().st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=1)
def _parse_manifest(path: Path, changed: int) -> dict[str, Any]:
    """Parse once for each build: ``changed`` is the key, not an argument."""
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def _address(file: str) -> str:
    return f"{PrefixNode.handle_simple('STATIC_URL')}dist/{file}"


@register.simple_tag(takes_context=True)
def vite(context: template.Context) -> SafeString:
    """Render the style sheet and script of every page.

    The script carries the request's nonce, so that widgets which write a style sheet
    (the code editor) may hand it on.
    """
    entry = read_manifest().get(ENTRY)
    if not entry:
        return SafeString("")
    request = context.get("request")
    # Said only when it is asked for as a string; asked for its truth it plays absent.
    nonce = str(getattr(request, "csp_nonce", ""))
    fonts = [name for name in entry.get("assets", []) if _is_needed_at_once(name)]
    return format_html_join(
        "\n",
        "{}",
        [
            [part]
            for part in (
                format_html_join(
                    "\n",
                    '<link rel="preload" href="{}" as="font" type="font/woff2" crossorigin>',
                    ((_address(name),) for name in fonts),
                ),
                format_html_join(
                    "\n",
                    '<link rel="stylesheet" href="{}">',
                    ((_address(name),) for name in entry.get("css", [])),
                ),
                format_html(
                    '<script type="module" src="{}" nonce="{}"></script>',
                    _address(entry["file"]),
                    nonce,
                ),
            )
        ],
    )


def _is_needed_at_once(font: str) -> bool:
    """Latin letters (and figures) stand on every page, Cyrillic ones on Russian pages."""
    scripts = ["latin", "cyrillic"] if get_language() == "ru" else ["latin"]
    return any(f"golos-text-{script}-wght" in font for script in scripts)


@register.simple_tag
def build_is_missing() -> bool:
    return ENTRY not in read_manifest()


@register.simple_tag
def icon(name: str, *, css: str = "", label: str = "") -> SafeString:
    """Render an icon of ``frontend/icons.txt``; without a label it is decoration."""
    sprite = read_manifest().get(SPRITE)
    if not sprite:
        return SafeString("")
    meaning = (
        format_html('role="img" aria-label="{}"', label)
        if label
        else SafeString('aria-hidden="true"')
    )
    return format_html(
        '<svg class="icon{}" {}><use href="{}#{}"></use></svg>',
        f" {css}" if css else "",
        meaning,
        _address(sprite["file"]),
        name,
    )
