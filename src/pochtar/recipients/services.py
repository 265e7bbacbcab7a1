"""What can be done with one recipient, and with many new ones at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.attributes import clean_typed, keep_keys
from pochtar.recipients.cleaning import (
    clean_address,
    clean_attributes,
    clean_basis,
    clean_comment,
    clean_full_name,
)
from pochtar.recipients.consent import record_many, record_one
from pochtar.recipients.domain_health import domain_of, expect_domains
from pochtar.recipients.indexing import index_recipients
from pochtar.recipients.models import (
    Basis,
    ConsentKind,
    ConsentSource,
    Recipient,
)
from pochtar.recipients.stop_marks import (
    batches,
    hold_stop_list,
    is_stopped,
    lock_stop_list,
    mark_suppressed,
)
from pochtar.recipients.stoplist import remember_departed
from pochtar.recipients.words import fold

BATCH = 1000
# The columns that follow from what a person typed.
TYPED = (
    "email",
    "email_key",
    "address_hash",
    "full_name",
    "name_key",
    "comment",
    "attributes",
    "basis",
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is known about a recipient, as it was typed.

    ``basis`` says why they may be written to (`Basis`); "" is nothing said: somebody
    new is unconfirmed, one who is there keeps what they have.  ``wording`` is what they
    were shown when they agreed; of many at once it is not kept.
    """

    email: str
    full_name: str = ""
    comment: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    basis: str = ""
    wording: str = ""


def create_recipient(workspace: Workspace, person: Person, *, by: User) -> Recipient:
    """Add a recipient; InvalidInput names the field and, if there already, the other."""
    require_role(by, workspace, Role.EDITOR)
    person = _in_types(workspace, person, before={})
    recipient = _fill(Recipient(workspace=workspace), person)
    with transaction.atomic():
        hold_stop_list(workspace)
        recipient.suppressed = is_stopped(workspace, recipient.email_key)
        _insert(recipient)
        keep_keys(workspace, recipient.attributes)
        expect_domains([domain_of(recipient.email_key)])
        write_audit(workspace, by=by, verb="recipient_created", subject=recipient)
        if recipient.basis:
            _record_basis(recipient, person, by=by)
    return recipient


def change_recipient(recipient: Recipient, person: Person, *, by: User) -> Recipient:
    """Change what is known about a recipient; errors as in `create_recipient`."""
    workspace = recipient.workspace
    require_role(by, workspace, Role.EDITOR)
    before = copy(recipient)
    person = _in_types(workspace, person, before=recipient.attributes)
    _fill(recipient, person)
    moved = recipient.email_key != before.email_key
    with transaction.atomic():
        if moved:
            # Not only held: a departure, if it is one, changes the workspace's row.
            lock_stop_list(workspace)
            remember_departed(workspace, [recipient.pk])
            recipient.suppressed = is_stopped(workspace, recipient.email_key)
        _overwrite(recipient, (*TYPED, "suppressed") if moved else TYPED)
        keep_keys(workspace, recipient.attributes)
        expect_domains([domain_of(recipient.email_key)])
        write_audit(
            workspace,
            by=by,
            verb="recipient_changed",
            subject=recipient,
            changed=changed_fields(before, recipient),
            **_former_hash(before, recipient),
        )
        if moved and recipient.suppressed:
            note_departure(workspace)  # a running mailing may have read them
        if recipient.basis and (recipient.basis != before.basis or person.wording):
            _record_basis(recipient, person, by=by)
    return recipient


def _former_hash(before: Recipient, after: Recipient) -> dict[str, str]:
    """Name the address that they had: the ledger of consent knows it by this hash."""
    if before.address_hash == after.address_hash:
        return {}
    return {"was": before.address_hash.hex}


def overwrite(recipient: Recipient, person: Person, *, basis: str) -> None:
    """Write these values, in the transaction and under the role of the caller."""
    _fill(recipient, person)
    _overwrite(recipient, TYPED)
    Recipient.objects.filter(pk=recipient.pk).update(basis=basis)
    recipient.basis = basis
    keep_keys(recipient.workspace, recipient.attributes)


def changed_fields(before: Recipient, after: Recipient) -> list[str]:
    """Return the names of what differs; the values are nobody's business (LAW-06)."""
    typed = [
        name
        for name in ("email", "full_name", "comment")
        if getattr(before, name) != getattr(after, name)
    ]
    old, new = before.attributes, after.attributes
    return typed + [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]


@transaction.atomic
def add_recipients(
    workspace: Workspace, people: Iterable[Person], *, by: User
) -> list[Recipient]:
    """Add all who are not there yet, and return them; one bad person refuses them all."""
    require_role(by, workspace, Role.EDITOR)
    hold_stop_list(workspace)
    added: list[Recipient] = []
    for batch in _batches(people):
        fresh = {
            row.email_key: row
            for row in (_fill(Recipient(workspace=workspace), one) for one in batch)
        }
        known = Recipient.objects.of(workspace).filter(email_key__in=fresh)
        for key in known.values_list("email_key", flat=True):
            del fresh[key]
        rows = Recipient.objects.bulk_create(fresh.values())
        _mark_stopped(workspace, rows)
        index_recipients(Recipient.objects.filter(pk__in=[row.pk for row in rows]))
        keep_keys(workspace, {key for row in rows for key in row.attributes})
        added += rows
    write_audit(
        workspace,
        by=by,
        verb="recipients_added",
        subject=workspace,
        number=len(added),
    )
    _record_bases(workspace, added, by=by)
    return added


def _record_basis(recipient: Recipient, person: Person, *, by: User) -> None:
    """Write into the ledger why the recipient may be written to (LAW-01)."""
    record_one(
        recipient,
        kind=ConsentKind.GIVEN,
        source=ConsentSource.PERSON,
        basis=recipient.basis,
        wording=person.wording,
        by=by,
    )


def _record_bases(workspace: Workspace, rows: list[Recipient], *, by: User) -> None:
    """Write a line for each basis and thousand; their wordings are not kept."""
    for basis in Basis.values:
        keys = [row.email_key for row in rows if row.basis == basis]
        for some in batches(keys):
            record_many(
                workspace,
                some,
                kind=ConsentKind.GIVEN,
                basis=basis,
                source=ConsentSource.PERSON,
                by=by,
            )


def _mark_stopped(workspace: Workspace, rows: list[Recipient]) -> None:
    ids = [row.pk for row in rows]
    if not mark_suppressed(workspace, ids):
        return
    stopped = Recipient.objects.filter(pk__in=ids, suppressed=True)
    marked = set(stopped.values_list("pk", flat=True))
    for row in rows:
        row.suppressed = row.pk in marked


def _in_types(
    workspace: Workspace, person: Person, *, before: Mapping[str, str]
) -> Person:
    """Return the person with each attribute as its type stores it."""
    attributes = clean_attributes(person.attributes)
    return replace(person, attributes=clean_typed(workspace, attributes, before=before))


def _fill(recipient: Recipient, person: Person) -> Recipient:
    address = clean_address(person.email)
    recipient.email, recipient.email_key = address.display, address.key
    recipient.address_hash = hash_address(address.key)
    recipient.full_name = clean_full_name(person.full_name)
    recipient.name_key = fold(recipient.full_name)
    recipient.comment = clean_comment(person.comment)
    recipient.attributes = clean_attributes(person.attributes)
    recipient.basis = clean_basis(person.basis) or recipient.basis
    recipient.updated_at = timezone.now()
    return recipient


def _insert(recipient: Recipient) -> None:
    """Write the row and the text that it is found by."""
    try:
        with transaction.atomic():
            recipient.save(force_insert=True)
    except IntegrityError as error:
        # Two people may add the same address at once: only the constraint knows.
        raise already_there(recipient) from error
    index_recipients(Recipient.objects.filter(pk=recipient.pk))


def _overwrite(recipient: Recipient, names: Iterable[str]) -> None:
    values = {name: getattr(recipient, name) for name in names}
    try:
        with transaction.atomic():
            written = Recipient.objects.filter(pk=recipient.pk).update(**values)
    except IntegrityError as error:
        raise already_there(recipient) from error
    if not written:
        raise Conflict("recipient_gone", _("This recipient has been deleted."))
    index_recipients(Recipient.objects.filter(pk=recipient.pk))


def already_there(recipient: Recipient) -> InvalidInput:
    other = (
        Recipient.objects.filter(
            workspace=recipient.workspace_id, email_key=recipient.email_key
        )
        .exclude(pk=recipient.pk)
        .first()
    )
    return InvalidInput(
        "recipient_exists",
        _("A recipient with this address is already there."),
        field="email",
        details={"recipient": other},
    )


def _batches(people: Iterable[Person]) -> Iterable[list[Person]]:
    batch: list[Person] = []
    for person in people:
        batch.append(person)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
