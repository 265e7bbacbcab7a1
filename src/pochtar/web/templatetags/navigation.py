"""The frame of a page: its navigation, and its title said in two places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.http import HttpRequest
from django.template.base import NodeList, Parser, Token
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy as _

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page of the menu; ``family`` are the beginnings of its pages' URL names."""

    name: str
    label: Promise | str
    icon: str
    family: tuple[str, ...]
    url: str = ""
    current: bool = False


WORK = (
    Entry(name="home", label=_("Home"), icon="home", family=("home",)),
    Entry(
        name="mailings",
        label=_("Mailings"),
        icon="send",
        family=("mailing", "mailings"),
    ),
    Entry(
        name="messages",
        label=_("Messages"),
        icon="mail",
        family=("message", "messages"),
    ),
    Entry(
        name="recipients",
        label=_("Recipients"),
        icon="users",
        family=(
            *("recipient", "recipients", "attribute", "attributes"),
            *("import", "imports", "job", "jobs", "export", "exports"),
        ),
    ),
    Entry(
        name="lists", label=_("Lists"), icon="list-details", family=("list", "lists")
    ),
    Entry(
        name="segments",
        label=_("Segments"),
        icon="filter",
        family=("segment", "segments"),
    ),
    Entry(name="stoplist", label=_("Stop list"), icon="ban", family=("stoplist",)),
    Entry(
        name="attempts",
        label=_("Attempts"),
        icon="clipboard-check",
        family=("attempt", "attempts"),
    ),
)
SETUP = (
    Entry(
        name="senders",
        label=_("Senders"),
        icon="signature",
        family=("sender", "senders", "dkim"),
    ),
    Entry(
        name="relays",
        label=_("SMTP servers"),
        icon="server",
        family=("relay", "relays"),
    ),
    Entry(
        name="consent",
        label=_("Consent ledger"),
        icon="shield-check",
        family=("consent",),
    ),
    Entry(name="sandbox", label=_("Sandbox"), icon="inbox", family=("sandbox",)),
    Entry(
        name="workspace", label=_("Workspace"), icon="building", family=("workspace",)
    ),
)
ON_THE_BAR = 4


@register.simple_tag(takes_context=True)
def navigation(context: template.Context) -> dict[str, list[Entry]]:
    """Return the entries whose page is routed, the reader's own place marked."""
    request = context.get("request")
    here = _url_name(request)
    work, setup = _routed(WORK, here), _routed(SETUP, here)
    return {
        "work": work,
        "setup": setup,
        "bar": work[:ON_THE_BAR],
        "more": work[ON_THE_BAR:] + setup,
    }


def _url_name(request: HttpRequest | None) -> str:
    match = getattr(request, "resolver_match", None)
    return str(getattr(match, "url_name", "") or "")


def _routed(entries: tuple[Entry, ...], here: str) -> list[Entry]:
    found = []
    for entry in entries:
        try:
            url = reverse(entry.name)
        except NoReverseMatch:
            continue
        current = here in entry.family or here.startswith(
            tuple(f"{name}-" for name in entry.family)
        )
        found.append(
            Entry(
                name=entry.name,
                label=entry.label,
                icon=entry.icon,
                family=entry.family,
                url=url,
                current=current,
            )
        )
    return found


@register.simple_tag
def address_of(name: str, *args: Any) -> str:
    """Return the URL of a name, or nothing where it is not routed."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


@register.tag
def remember(parser: Parser, token: Token) -> RememberNode:
    """``{% remember name %}…{% endremember %}``: render once, show in several places."""
    _tag, name = token.split_contents()
    nodes = parser.parse(("endremember",))
    parser.delete_first_token()
    return RememberNode(nodes, name)


class RememberNode(template.Node):
    def __init__(self, nodelist: NodeList, name: str) -> None:
        self.nodelist = nodelist
        self.name = name

    def render(self, context: template.Context) -> SafeString:
        # Rendered by Django with escaping on, so what comes out is safe as it is.
        context[self.name] = mark_safe(self.nodelist.render(context).strip())  # noqa: S308
        return SafeString("")
