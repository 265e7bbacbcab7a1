"""DKIM keys: make, take in, replace, retire, delete."""

from __future__ import annotations

import re
import secrets
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mailcore.dkim import Algorithm
from mailcore.dkim_keys import (
    BadKey,
    PrivateKey,
    algorithm_of,
    bits_of,
    generate_key,
    pack_key,
    public_text,
    read_pem,
)
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.delivery.dkim_checks import runs_signed_by
from pochtar.delivery.dkim_signing import domain_of, domains_above, sealed_key
from pochtar.delivery.models import (
    DkimAlgorithm,
    DkimKey,
    DkimState,
    RunStatus,
    Sender,
)

_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

PEM_TEXTS: dict[str, Promise] = {
    "no_pem": _(
        "There is no key here. Paste the whole file, from “-----BEGIN” to “-----END”."
    ),
    "public": _("This is a public key or a certificate. The private key is needed."),
    "encrypted": _(
        "The key is protected by a password. Remove it first: "
        "openssl pkey -in key.pem -out open.pem"
    ),
    "kind": _("DKIM knows RSA and Ed25519 keys; this is another kind."),
    "short": _("The key is shorter than 1024 bits: nobody accepts it any more."),
    "long": _("The key is longer than 4096 bits: many servers do not accept it."),
    "broken": _("The key is damaged. Paste the whole file once more."),
}


def generate_dkim_key(
    workspace: Workspace, *, domain: str, algorithm: str = DkimAlgorithm.RSA, by: User
) -> DkimKey:
    """Make a key with a selector of its own. It signs when DNS shows it.

    Raises Conflict ``dkim_rsa_first`` for Ed25519 alone, ``dkim_key_waits`` while
    another one is not published yet.
    """
    require_role(by, workspace, Role.MANAGER)
    if algorithm == DkimAlgorithm.ED25519:
        _need_rsa(workspace, domain)
    return _save(
        workspace,
        domain,
        f"p{timezone.now():%Y%m}-{secrets.token_hex(2)}",
        generate_key(Algorithm(algorithm)),
        by=by,
        verb="dkim_key_generated",
    )


def import_dkim_key(
    workspace: Workspace, *, domain: str, selector: str, pem: str, by: User
) -> DkimKey:
    """Take in a private key from outside. Raises InvalidInput with the field."""
    require_role(by, workspace, Role.MANAGER)
    selector = selector.strip().lower()
    if not _SELECTOR.fullmatch(selector):
        raise InvalidInput(
            "dkim_selector",
            _(
                "A selector is Latin letters, digits and hyphens, for example “mail2026”."
            ),
            field="selector",
        )
    try:
        private = read_pem(pem)
    except BadKey as error:
        raise InvalidInput(
            f"dkim_pem_{error.code}", PEM_TEXTS[error.code], field="pem"
        ) from error
    if algorithm_of(private) == Algorithm.ED25519:
        _need_rsa(workspace, domain)
    return _save(workspace, domain, selector, private, by=by, verb="dkim_key_imported")


def rotate_dkim_key(key: DkimKey, *, by: User) -> DkimKey:
    """Make the key's successor, which signs as soon as DNS shows it (DKIM-06)."""
    require_role(by, key.workspace_id, Role.MANAGER)
    if not key.is_active:
        raise Conflict("dkim_not_active", _("Only a key in use can be replaced."))
    return generate_dkim_key(
        key.workspace, domain=key.domain, algorithm=key.algorithm, by=by
    )


@transaction.atomic
def retire_dkim_key(key: DkimKey, *, by: User) -> DkimKey:
    """Never sign with it again: its private half is erased, the row stays."""
    require_role(by, key.workspace_id, Role.MANAGER)
    _refuse_in_use(key)
    states = [DkimState.ACTIVE, DkimState.REPLACED]
    if not DkimKey.objects.filter(pk=key.pk, state__in=states).update(
        state=DkimState.RETIRED, private_sealed=""
    ):
        raise Conflict("dkim_not_used", _("This key is not in use."))
    key.refresh_from_db()
    _write(key, by=by, verb="dkim_key_retired")
    return key


@transaction.atomic
def delete_dkim_key(key: DkimKey, *, by: User) -> None:
    """Delete a key that signs nothing now."""
    require_role(by, key.workspace_id, Role.MANAGER)
    _refuse_in_use(key)
    _write(key, by=by, verb="dkim_key_deleted")
    key.delete()


def known_domains(workspace: Workspace) -> list[str]:
    """Return the domains of the workspace's senders, and those that have keys."""
    addresses = Sender.objects.of(workspace).values_list("from_email", flat=True)
    with_keys = DkimKey.objects.of(workspace).values_list("domain", flat=True)
    return sorted({*filter(None, map(domain_of, addresses)), *with_keys})


def keys_of(workspace: Workspace | UUID, domain: str) -> list[DkimKey]:
    """Return the keys of a domain: in use, waiting, then the old ones."""
    order = [DkimState.ACTIVE, DkimState.NEW, DkimState.REPLACED, DkimState.RETIRED]
    rows = DkimKey.objects.filter(workspace=workspace, domain=domain)
    return sorted(
        rows.select_related("workspace").order_by("-algorithm", "-created_at"),
        key=lambda row: order.index(DkimState(row.state)),
    )


def _save(
    workspace: Workspace,
    domain: str,
    selector: str,
    private: PrivateKey,
    *,
    by: User,
    verb: str,
) -> DkimKey:
    _check_domain(workspace, domain)
    key = DkimKey(
        workspace=workspace,
        domain=domain,
        selector=selector,
        algorithm=algorithm_of(private).value,
        bits=bits_of(private),
        public_key=public_text(private),
    )
    _refuse_second(key)
    key.private_sealed = sealed_key(key, pack_key(private))
    try:
        with transaction.atomic():
            key.save()
            _write(key, by=by, verb=verb)
    except IntegrityError as error:
        raise InvalidInput(
            "dkim_selector_taken",
            _("The domain has a key with this selector already."),
            field="selector",
        ) from error
    return key


def _check_domain(workspace: Workspace, domain: str) -> None:
    allowed = {
        above for each in known_domains(workspace) for above in domains_above(each)
    }
    if domain not in allowed:
        raise InvalidInput(
            "dkim_domain", _("No sender of the workspace has an address there.")
        )


def _refuse_second(key: DkimKey) -> None:
    waiting = DkimKey.objects.filter(
        workspace=key.workspace_id,
        domain=key.domain,
        algorithm=key.algorithm,
        state=DkimState.NEW,
    )
    if waiting.exists():
        raise Conflict(
            "dkim_key_waits",
            _(
                "A new key of this kind waits for DNS already. Publish or delete it first."
            ),
        )


def _need_rsa(workspace: Workspace, domain: str) -> None:
    rsa = DkimKey.objects.filter(
        workspace=workspace, domain=domain, algorithm=DkimAlgorithm.RSA
    ).exclude(state=DkimState.RETIRED)
    if not rsa.exists():
        raise Conflict(
            "dkim_rsa_first",
            _("Ed25519 is only used together with RSA: make an RSA key first."),
        )


def _refuse_in_use(key: DkimKey) -> None:
    open_runs = (RunStatus.RUNNING, RunStatus.PAUSED)
    if key.is_active and runs_signed_by(key, *open_runs):
        raise Conflict(
            "dkim_in_use",
            _("A mailing that this key signs is not finished yet."),
        )


def _write(key: DkimKey, *, by: User, verb: str) -> None:
    write_audit(key.workspace, by=by, verb=verb, subject=key, name=key.record_name)
