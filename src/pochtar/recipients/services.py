"""What can be done with one recipient, and with many new ones at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.addresshash import hash_address
from pochtar.base.errors import Conflict, InvalidInput
from pochtar.recipients.attributes import clean_typed
from pochtar.recipients.cleaning import (
    MOST_KEYS,
    clean_address,
    clean_attributes,
    clean_comment,
    clean_full_name,
)
from pochtar.recipients.models import Attribute, Recipient, SearchWord
from pochtar.recipients.words import fold, search_words

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
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is known about a recipient, as it was typed."""

    email: str
    full_name: str = ""
    comment: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def create_recipient(workspace: Workspace, person: Person, *, by: User) -> Recipient:
    """Add a recipient; InvalidInput names the field and, if there already, the other."""
    require_role(by, workspace, Role.EDITOR)
    person = _in_types(workspace, person, before={})
    recipient = _fill(Recipient(workspace=workspace), person)
    with transaction.atomic():
        _insert(recipient)
        _keep_keys(workspace, recipient.attributes)
        write_audit(workspace, by=by, verb="recipient_created", subject=recipient)
    return recipient


def change_recipient(recipient: Recipient, person: Person, *, by: User) -> Recipient:
    """Change what is known about a recipient; errors as in `create_recipient`."""
    workspace = recipient.workspace
    require_role(by, workspace, Role.EDITOR)
    person = _in_types(workspace, person, before=recipient.attributes)
    _fill(recipient, person)
    with transaction.atomic():
        _overwrite(recipient)
        _keep_keys(workspace, recipient.attributes)
        write_audit(workspace, by=by, verb="recipient_changed", subject=recipient)
    return recipient


@transaction.atomic
def add_recipients(
    workspace: Workspace, people: Iterable[Person], *, by: User
) -> list[Recipient]:
    """Add all who are not there yet, and return them; one bad person refuses them all."""
    require_role(by, workspace, Role.EDITOR)
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
        SearchWord.objects.bulk_create(search_words(rows), batch_size=5 * BATCH)
        _keep_keys(workspace, {key for row in rows for key in row.attributes})
        added += rows
    write_audit(
        workspace,
        by=by,
        verb="recipients_added",
        subject=workspace,
        number=len(added),
    )
    return added


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
    recipient.updated_at = timezone.now()
    return recipient


def _insert(recipient: Recipient) -> None:
    """Write the row and the words that find it."""
    try:
        with transaction.atomic():
            recipient.save(force_insert=True)
    except IntegrityError as error:
        # Two people may add the same address at once: only the constraint knows.
        raise already_there(recipient) from error
    SearchWord.objects.bulk_create(search_words([recipient]))


def _overwrite(recipient: Recipient) -> None:
    values = {name: getattr(recipient, name) for name in TYPED}
    try:
        with transaction.atomic():
            written = Recipient.objects.filter(pk=recipient.pk).update(**values)
    except IntegrityError as error:
        raise already_there(recipient) from error
    if not written:
        raise Conflict("recipient_gone", _("This recipient has been deleted."))
    SearchWord.objects.filter(recipient=recipient).delete()
    SearchWord.objects.bulk_create(search_words([recipient]))


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


def _keep_keys(workspace: Workspace, keys: Iterable[str]) -> None:
    """Make sure that the workspace knows these merge fields."""
    known = set(Attribute.objects.of(workspace).values_list("key", flat=True))
    new = [key for key in dict.fromkeys(keys) if key not in known]
    if len(known) + len(new) > MOST_KEYS:
        raise InvalidInput(
            "too_many_keys",
            _("A workspace has at most %(most)d different attributes.")
            % {"most": MOST_KEYS},
            field="attributes",
            details={"key": new[-1]},
        )
    Attribute.objects.bulk_create(
        [Attribute(workspace=workspace, key=key) for key in new], ignore_conflicts=True
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
