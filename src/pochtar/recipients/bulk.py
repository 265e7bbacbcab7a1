"""Changes of many recipients at once: those ticked, or all that a search finds.

The work is done in batches, each a transaction of its own, so that a million rows do
not hold the database; each batch can safely be done again after an interruption.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import Role, User
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.errors import Conflict
from pochtar.recipients.models import Recipient, RecipientList, Subscription
from pochtar.recipients.search import Selection
from pochtar.recipients.stop_marks import lock_stop_list
from pochtar.recipients.stoplist import remember_departed

BATCH = 5000


def delete_selected(selection: Selection, *, by: User) -> int:
    """Delete the recipients and return how many; their deliveries keep the address."""
    workspace = selection.search.workspace
    require_role(by, workspace, Role.EDITOR)
    number = 0
    for ids in _batches(selection.recipients()):
        with transaction.atomic():
            lock_stop_list(workspace)
            remember_departed(workspace, ids)
            deleted = Recipient.objects.filter(pk__in=ids).delete()[1]
            number += deleted.get(Recipient._meta.label, 0)
            note_departure(workspace)
    write_audit(
        workspace, by=by, verb="recipients_deleted", subject=workspace, number=number
    )
    return number


def add_selected(selection: Selection, *, to: RecipientList, by: User) -> int:
    """Put the recipients into the list; return how many were not in it before.

    Conflict when somebody deletes the list meanwhile.
    """
    workspace = selection.search.workspace
    require_role(by, workspace, Role.EDITOR)
    mine = Subscription.objects.filter(list=to, recipient=OuterRef("pk"))
    newcomers = selection.recipients().filter(~Exists(mine))
    number = 0
    for ids in _batches(newcomers):
        number += _subscribe(ids, to)
    write_audit(workspace, by=by, verb="list_filled", subject=to, number=number)
    return number


@transaction.atomic
def _subscribe(ids: list[UUID], to: RecipientList) -> int:
    # Locked, so that nobody deletes the list or a recipient under our hands.
    lists = RecipientList.objects.select_for_update(no_key=True).filter(pk=to.pk)
    if not lists.values_list("pk", flat=True).first():
        raise Conflict("list_gone", _("This list has been deleted."))
    people = Recipient.objects.select_for_update(no_key=True).filter(pk__in=ids)
    rows = [
        Subscription(list=to, recipient_id=pk)
        for pk in people.order_by("pk").values_list("pk", flat=True)
    ]
    Subscription.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def remove_selected(selection: Selection, *, out_of: RecipientList, by: User) -> int:
    """Take the recipients out of the list; return how many were in it."""
    workspace = selection.search.workspace
    require_role(by, workspace, Role.EDITOR)
    mine = Subscription.objects.filter(list=out_of)
    members = selection.recipients().filter(
        Exists(mine.filter(recipient=OuterRef("pk")))
    )
    number = 0
    for ids in _batches(members):
        number += mine.filter(recipient__in=ids).delete()[0]
    write_audit(workspace, by=by, verb="list_thinned", subject=out_of, number=number)
    return number


def _batches(recipients: QuerySet[Recipient]) -> Iterator[list[UUID]]:
    """Yield ids in the order of adding; what is found may shrink under our hands."""
    last: UUID | None = None
    while True:
        rest = recipients.filter(pk__gt=last) if last else recipients
        ids = list(rest.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not ids:
            return
        yield ids
        last = ids[-1]
