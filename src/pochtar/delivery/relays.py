"""SMTP servers: add, change, delete. The sandbox is one that nobody changes."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.hosts import clean_host, is_local
from pochtar.delivery.limits import RelayLimits, apply_limits
from pochtar.delivery.models import Relay, RelayKind, RelayOAuth, RelayTls
from pochtar.delivery.oauth import OAuthDraft, prepare_oauth, save_oauth
from pochtar.delivery.routes import sealed_password
from pochtar.delivery.ways import wake_slices

SANDBOX_NAME = "Sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDraft:
    """What a person enters. ``password`` None keeps the stored one.

    With ``oauth`` there is no password: access tokens take its place.
    """

    name: str
    host: str
    port: int
    tls: str
    username: str = ""
    password: str | None = None
    oauth: OAuthDraft | None = None
    limits: RelayLimits | None = None  # None keeps them


def sandbox_relay(workspace: Workspace) -> Relay:
    """Return the workspace's sandbox, which is there from the first look."""
    relay, _created = Relay.objects.get_or_create(
        workspace=workspace,
        kind=RelayKind.SANDBOX,
        defaults={"name": SANDBOX_NAME, "tls": RelayTls.NONE},
    )
    return relay


def create_relay(workspace: Workspace, draft: RelayDraft, *, by: User) -> Relay:
    """Add an SMTP server. Raises InvalidInput with the field."""
    require_role(by, workspace, Role.MANAGER)
    return _save(Relay(workspace=workspace), draft, by=by, verb="relay_added")


def change_relay(relay: Relay, draft: RelayDraft, *, by: User) -> Relay:
    """Change an SMTP server; what is already running uses it from its next letters on.

    A new host or login needs the password again: a stored password must not be sent
    to a server that somebody else has named.
    """
    require_role(by, relay.workspace_id, Role.MANAGER)
    _refuse_sandbox(relay)
    keeps = draft.password is None and draft.username and not draft.oauth
    if _moved(relay, draft) and keeps and relay.password_sealed:
        raise InvalidInput(
            "password_needed",
            _("The host or the login is new: enter the password again."),
            field="password",
        )
    return _save(relay, draft, by=by, verb="relay_changed")


def delete_relay(relay: Relay, *, by: User) -> None:
    """Delete an SMTP server that no sender and no run uses."""
    require_role(by, relay.workspace_id, Role.MANAGER)
    _refuse_sandbox(relay)
    with transaction.atomic():
        if relay.senders.exists() or relay.sender_shares.exists():
            raise Conflict(
                "relay_has_senders",
                _("Senders use this SMTP server. Give them another one first."),
            )
        if relay.runs.exists() or relay.run_shares.exists():
            raise Conflict(
                "relay_has_runs",
                _("Mailings went over this SMTP server, so it stays in their history."),
            )
        write_audit(
            relay.workspace, by=by, verb="relay_deleted", subject=relay, name=relay.name
        )
        relay.delete()


def _moved(relay: Relay, draft: RelayDraft) -> bool:
    return (relay.host, relay.username) != (clean_host(draft.host), draft.username)


def _refuse_sandbox(relay: Relay) -> None:
    if relay.is_sandbox:
        raise Conflict("relay_is_sandbox", _("The sandbox cannot be changed."))


def _save(relay: Relay, draft: RelayDraft, *, by: User, verb: str) -> Relay:
    oauth = _oauth_of(relay, draft)
    relay.name = _clean_name(draft.name)
    relay.host, relay.port = clean_host(draft.host), _clean_port(draft.port)
    relay.tls, relay.username = draft.tls, draft.username.strip()
    _check_protection(relay)
    if oauth or not relay.username:
        relay.password_sealed = ""
    elif draft.password is not None:
        relay.password_sealed = sealed_password(relay, draft.password)
    if draft.limits:
        apply_limits(relay, draft.limits)
    relay.checked_at = relay.check_ok = None
    relay.check_text = ""
    try:
        with transaction.atomic():
            relay.save()
            if oauth and draft.oauth:
                save_oauth(oauth, draft.oauth)
            else:
                RelayOAuth.objects.filter(relay=relay).delete()
            wake_slices(relay, now=timezone.now())
            write_audit(
                relay.workspace, by=by, verb=verb, subject=relay, name=relay.name
            )
    except IntegrityError as error:
        raise InvalidInput(
            "relay_name_taken",
            _("There is an SMTP server of this name already."),
            field="name",
        ) from error
    return relay


def _oauth_of(relay: Relay, draft: RelayDraft) -> RelayOAuth | None:
    if not draft.oauth:
        return None
    if not draft.username.strip():
        raise InvalidInput(
            "oauth_login",
            _("With OAuth 2, enter the mailbox's address as the login name."),
            field="username",
        )
    return prepare_oauth(relay, draft.oauth, moved=_moved(relay, draft))


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 120:
        raise InvalidInput("relay_name", _("Enter a name."), field="name")
    return name


def _clean_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise InvalidInput(
            "relay_port", _("Enter a port between 1 and 65535."), field="port"
        )
    return port


def _check_protection(relay: Relay) -> None:
    """A login may cross a network only encrypted (SMTP-02)."""
    if relay.tls not in RelayTls.values:
        raise InvalidInput("relay_tls", _("Choose the encryption."), field="tls")
    if relay.tls == RelayTls.NONE and relay.username and not is_local(relay.host):
        raise InvalidInput(
            "relay_login_in_the_clear",
            _("Without encryption the password would cross the network readable."),
            field="tls",
        )
