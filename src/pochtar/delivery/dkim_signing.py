"""From stored keys to a signer: who signs the letters of a From address.

The key of the very domain comes before the key of a domain above it (both are aligned,
relaxed).  The service's own key, where the operator has set one, signs too (DKIM-06).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from mailcore.addresses import AddressError, parse_address
from mailcore.dkim import Algorithm, Signer, SigningKey
from mailcore.dkim_keys import open_key
from mailcore.smtp.session import Envelope
from pochtar.base.secrets import SecretError, seal, unseal
from pochtar.delivery.dkim_service import service_key
from pochtar.delivery.models import DkimAlgorithm, DkimKey, DkimState

SignLetter = Callable[[Envelope], Envelope]


class SigningTrouble(Exception):
    """No letter of this domain may leave now.

    Codes: ``dkim_mismatch``, ``dkim_unreadable``.
    """

    def __init__(self, code: str, key: DkimKey) -> None:
        super().__init__(code)
        self.code = code
        self.text = key.record_name


@dataclass(frozen=True, slots=True)
class LetterSigner:
    """Signs whole envelopes: what the engine calls in its threads."""

    signer: Signer

    def __call__(self, envelope: Envelope) -> Envelope:
        return Envelope(
            mail_from=envelope.mail_from,
            rcpt_to=envelope.rcpt_to,
            data=self.signer.sign(
                envelope.data, at=int(time.time()), ours=envelope.clean
            ),
            smtputf8=envelope.smtputf8,
            clean=envelope.clean,  # no line of a signature begins with a dot
            envid=envelope.envid,
        )


def signer_for(workspace_id: UUID, from_email: str) -> SignLetter | None:
    """Return what signs letters of this address; None if nothing does.

    Raises SigningTrouble where a key is wrong: such letters must not go unsigned.
    """
    rows = active_keys(workspace_id, domain_of(from_email))
    for row in rows:
        if row.is_mismatched:
            raise SigningTrouble("dkim_mismatch", row)
    keys = [_signing_key(row) for row in rows]
    if service := service_key():
        keys.append(service)
    return LetterSigner(Signer(keys)) if keys else None


def system_signer(from_email: str) -> SignLetter | None:
    """Return what signs our own letters: the service's key, if it is theirs."""
    service = service_key()
    if service and service.domain in domains_above(domain_of(from_email)):
        return LetterSigner(Signer([service]))
    return None


def active_keys(workspace_id: UUID, domain: str) -> list[DkimKey]:
    """Return the keys that sign for a domain, RSA first; none without RSA (DKIM-05)."""
    rows = DkimKey.objects.filter(
        workspace_id=workspace_id,
        state=DkimState.ACTIVE,
        domain__in=domains_above(domain),
    )
    found = {(row.domain, row.algorithm): row for row in rows}
    for each in domains_above(domain):
        if rsa := found.get((each, DkimAlgorithm.RSA)):
            second = found.get((each, DkimAlgorithm.ED25519))
            return [rsa, second] if second else [rsa]
    return []


def domain_of(email: str) -> str:
    """Return the domain of an address as A-labels, "" for what is no address."""
    try:
        return parse_address(email).domain
    except AddressError:
        return ""


def domains_above(domain: str) -> list[str]:
    """Return the domain and those above it, but for the top one."""
    labels = domain.split(".")
    return [".".join(labels[at:]) for at in range(max(1, len(labels) - 1))]


def sealed_key(row: DkimKey, packed: str) -> str:
    """Encrypt a private key for this very row (SEC-23)."""
    return seal(packed, place=_place(row))


def _signing_key(row: DkimKey) -> SigningKey:
    try:
        packed = unseal(row.private_sealed, place=_place(row))
    except SecretError as error:
        raise SigningTrouble("dkim_unreadable", row) from error
    return SigningKey(
        domain=row.domain,
        selector=row.selector,
        algorithm=Algorithm(row.algorithm),
        private_key=open_key(packed),
    )


def _place(row: DkimKey) -> str:
    return f"{row.workspace_id}|delivery_dkimkey|{row.pk}|private_key"
