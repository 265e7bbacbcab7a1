"""Erase a person: what stays of the address is its keyed hash (LAW-06).

The tables here go with the recipient's row, by its keys.  What stands elsewhere is
taken away by functions that the caller brings: those tables lie above, or below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from mailcore.addresses import AddressError, parse_address
from pochtar.accounts.models import Role, User
from pochtar.accounts.services import note_departure, require_role, write_audit
from pochtar.base.errors import Conflict
from pochtar.base.traces import Eraser, Traces, telling
from pochtar.recipients.merging import earlier_addresses, earlier_selves
from pochtar.recipients.models import Recipient
from pochtar.recipients.stop_marks import lock_stop_list
from pochtar.recipients.stoplist import forget_address


@transaction.atomic
def erase_recipient(
    recipient: Recipient,
    *,
    by: User,
    addresses: Iterable[str] = (),
    erasers: Sequence[Eraser] = (),
) -> None:
    """Take the person out of every table, for good.

    ``addresses`` are further ones that the person was written to at.  Nothing is kept
    that says who it was; the stop list keeps them from being imported again.
    """
    workspace = recipient.workspace
    require_role(by, workspace, Role.MANAGER)
    lock_stop_list(workspace)
    locked = Recipient.objects.select_for_update().filter(pk=recipient.pk).first()
    if locked is None:
        raise Conflict("recipient_gone", _("This recipient has been deleted."))
    traces = traces_of(locked, addresses)
    for erase in erasers:
        erase(traces)
    forget_address(workspace, locked.email_key, by=by)
    write_audit(workspace, by=by, verb="recipient_erased", subject=locked)
    locked.delete()  # with words, subscriptions, picks of mailings
    note_departure(workspace)


def traces_of(recipient: Recipient, addresses: Iterable[str] = ()) -> Traces:
    """Return what the recipient is recognised by."""
    known = (recipient.email, *addresses, *earlier_addresses(recipient))
    selves = earlier_selves(recipient).ids[1:]
    spelled = {spelling for address in known for spelling in spellings(address)}
    values = _texts_in(recipient.attributes)
    return Traces(
        workspace_id=recipient.workspace_id,
        recipient_id=recipient.pk,
        addresses=frozenset(spelled | {recipient.email_key}),
        texts=telling([recipient.full_name, recipient.comment, *values]),
        other_ids=frozenset(map(UUID, selves)),
    )


def spellings(address: str) -> set[str]:
    """Return the address as typed, as its key and as it goes on the wire."""
    try:
        parsed = parse_address(address)
    except AddressError:
        return {address} - {""}
    return {parsed.display, parsed.key, parsed.envelope}


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts_in(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
