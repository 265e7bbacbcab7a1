"""SMTP servers: add, change, delete. The sandbox is one that nobody changes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.smtp.session import SmtpError
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.limits import RelayLimits, apply_limits
from pochtar.delivery.models import Relay, RelayKind, RelayTls
from pochtar.delivery.routes import refuse_private, sealed_password
from pochtar.delivery.ways import wake_slices

SANDBOX_NAME = "Sandbox"
_HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
LOCAL_NAMES = frozenset({"localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDraft:
    """What a person enters. ``password`` None keeps the stored one."""

    name: str
    host: str
    port: int
    tls: str
    username: str = ""
    password: str | None = None
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
    moved = (relay.host, relay.username) != (clean_host(draft.host), draft.username)
    keeps = draft.password is None and draft.username
    if moved and keeps and relay.password_sealed:
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


def _refuse_sandbox(relay: Relay) -> None:
    if relay.is_sandbox:
        raise Conflict("relay_is_sandbox", _("The sandbox cannot be changed."))


def _save(relay: Relay, draft: RelayDraft, *, by: User, verb: str) -> Relay:
    relay.name = _clean_name(draft.name)
    relay.host, relay.port = clean_host(draft.host), _clean_port(draft.port)
    relay.tls, relay.username = draft.tls, draft.username.strip()
    _check_protection(relay)
    if not relay.username:
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


def _clean_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 120:
        raise InvalidInput("relay_name", _("Enter a name."), field="name")
    return name


def clean_host(host: str) -> str:
    """Return a host name (A-labels) or an address; raise InvalidInput."""
    typed = host.strip().rstrip(".")
    try:
        return _address(typed)
    except ValueError:
        pass
    try:
        name = typed.encode("idna").decode().lower()
    except UnicodeError:
        name = ""
    labels = name.split(".")
    numeric = labels[-1].isdecimal()  # 1.2.3 and 0x7f.1 are tricks, not names
    if not all(_HOST_LABEL.fullmatch(label) for label in labels) or numeric:
        raise InvalidInput(
            "relay_host",
            _("Enter a host name like smtp.example.com, without https:// and port."),
            field="host",
        )
    return name


def _address(typed: str) -> str:
    address = str(ipaddress.ip_address(typed.strip("[]")))
    if not settings.ALLOW_PRIVATE_RELAYS:
        try:
            refuse_private(address)
        except SmtpError as error:
            raise InvalidInput(
                "relay_private",
                _("This installation does not allow servers in a private network."),
                field="host",
            ) from error
    return address


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
    if relay.tls == RelayTls.NONE and relay.username and not _is_local(relay.host):
        raise InvalidInput(
            "relay_login_in_the_clear",
            _("Without encryption the password would cross the network readable."),
            field="tls",
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOCAL_NAMES
