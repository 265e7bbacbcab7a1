"""OAuth 2 of an SMTP server as a person enters it: checked, and sealed for its row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from mailcore.egress import HTTPS_PORT
from pochtar.base.errors import InvalidInput
from pochtar.base.secrets import seal, unseal
from pochtar.delivery.hosts import clean_host
from pochtar.delivery.models import Relay, RelayOAuth

LONGEST_URL = 500
LONGEST_CLIENT_ID = 300
LONGEST_SECRET = 10_000
_SPACES_AND_TRICKS = re.compile(r"[\s\x00-\x1f\x7f\\]")
# What is handed over as a form field must at least be one printable line.
_LINE = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthDraft:
    """What a person enters. A secret that is None keeps the stored one."""

    oauth_url: str
    client_id: str
    client_secret: str | None = None
    refresh_token: str | None = None
    scope: str = ""


def find_oauth(relay: Relay) -> RelayOAuth | None:
    return RelayOAuth.objects.filter(relay=relay).first()


def prepare_oauth(relay: Relay, draft: OAuthDraft, *, moved: bool) -> RelayOAuth:
    """Return the row to be saved. Raises InvalidInput with the field.

    Stored secrets go only where they were meant for: another token address, client or
    (``moved``) mail server or mailbox wants them again.
    """
    row = find_oauth(relay) or RelayOAuth(relay=relay)
    oauth_url = clean_oauth_url(draft.oauth_url)
    client_id = _clean_line(draft.client_id, "client_id", most=LONGEST_CLIENT_ID)
    foreign = (row.oauth_url, row.client_id) != (oauth_url, client_id)
    row.oauth_url, row.client_id = oauth_url, client_id
    row.scope = _clean_scope(draft.scope)
    if foreign or draft.client_secret is not None:
        secret = _clean_line(draft.client_secret or "", "client_secret", empty=True)
        row.client_secret_sealed = sealed_secret(row, "client_secret", secret)
    if draft.refresh_token is not None:
        token = _clean_line(draft.refresh_token, "refresh_token")
        row.refresh_token_sealed = sealed_secret(row, "refresh_token", token)
    elif foreign or moved or not row.refresh_token_sealed:
        raise InvalidInput(
            "oauth_refresh_token",
            _("Enter the refresh token: a stored one goes only where it was meant for.")
            if row.refresh_token_sealed
            else _("Enter the refresh token."),
            field="refresh_token",
        )
    row.access_token_sealed, row.access_from, row.access_until = "", None, None
    return row


def save_oauth(row: RelayOAuth, draft: OAuthDraft) -> None:
    """Write the row; a refresh token that is kept may have been renewed meanwhile."""
    if draft.refresh_token is not None:  # always so for a new row
        row.save()
        return
    kept = {"relay", "refresh_token_sealed", "fetching_until"}
    fields = (field.name for field in RelayOAuth._meta.concrete_fields)
    row.save(update_fields=[name for name in fields if name not in kept])


def clean_oauth_url(url: str) -> str:
    """Return an https address that secrets may be sent to; raise InvalidInput."""
    typed = url.strip()
    parts = _split(typed)
    if (
        parts is None
        or len(typed) > LONGEST_URL
        or _SPACES_AND_TRICKS.search(typed)
        or parts.scheme != "https"
        or not parts.hostname
        or "@" in parts.netloc
        or parts.fragment
        or not (parts.path + parts.query).isascii()
    ):
        raise _no_url()
    port = parts.port or HTTPS_PORT
    if port != HTTPS_PORT and not settings.ALLOW_PRIVATE_RELAYS:
        raise _no_url()
    try:
        host = clean_host(parts.hostname, field="oauth_url")
    except InvalidInput as error:
        if error.code == "relay_private":
            raise
        raise _no_url() from error
    place = f"[{host}]" if ":" in host else host
    place += f":{port}" if port != HTTPS_PORT else ""
    return urlunsplit(("https", place, parts.path or "/", parts.query, ""))


def _split(typed: str) -> SplitResult | None:
    try:
        parts = urlsplit(typed)
        parts.port  # noqa: B018 - it is looked at here or never: "https://a:b/"
    except ValueError:
        return None
    return parts


def _no_url() -> InvalidInput:
    return InvalidInput(
        "oauth_url",
        _("Enter the address as the provider documents it: https://…/token."),
        field="oauth_url",
    )


def _clean_line(
    text: str, field: str, *, most: int = LONGEST_SECRET, empty: bool = False
) -> str:
    line = text.strip()
    if not (line or empty) or len(line) > most or not _LINE.fullmatch(line):
        raise InvalidInput(
            f"oauth_{field}",
            _("Enter it in one line, without spaces, as the provider shows it."),
            field=field,
        )
    return line


def _clean_scope(scope: str) -> str:
    names = scope.split()
    clean = " ".join(names)
    if len(clean) > LONGEST_URL or not all(map(_LINE.fullmatch, names)):
        raise InvalidInput(
            "oauth_scope_text",
            _("Enter names without special characters, separated by spaces."),
            field="scope",
        )
    return clean


def sealed_secret(row: RelayOAuth, name: str, secret: str) -> str:
    """Encrypt for this very row and column (SEC-23); "" stays ""."""
    return seal(secret, place=_place(row, name)) if secret else ""


def open_secret(row: RelayOAuth, name: str) -> str:
    """Decrypt. Raise SecretError if the key has changed."""
    sealed: str = getattr(row, f"{name}_sealed")
    return unseal(sealed, place=_place(row, name)) if sealed else ""


def _place(row: RelayOAuth, name: str) -> str:
    workspace = row.relay.workspace_id
    return f"{workspace}|delivery_relayoauth|{row.relay_id}|{name}"
