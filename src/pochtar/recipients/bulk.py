"""Changes of the few or many that a selection finds (see jobs.py)."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User
from pochtar.base.errors import InvalidInput
from pochtar.recipients.attributes import clean_typed
from pochtar.recipients.cleaning import (
    LONGEST_COMMENT,
    capped,
    clean_attributes,
    clean_comment,
    clean_key,
)
from pochtar.recipients.job_models import BulkJob, JobKind
from pochtar.recipients.jobs import order_job
from pochtar.recipients.models import Basis, RecipientList
from pochtar.recipients.selections import Selection
from pochtar.recipients.stoplist import clean_evidence


def delete_selected(selection: Selection, *, by: User) -> BulkJob:
    """Delete the recipients; their deliveries keep the address.  No way back."""
    return order_job(selection, kind=JobKind.DELETE, by=by)


def add_selected(selection: Selection, *, to: RecipientList, by: User) -> BulkJob:
    """Put the recipients into the list; it counts those who were not in it before.

    Conflict when somebody deletes the list meanwhile.
    """
    return order_job(
        selection, kind=JobKind.ADD, by=by, list=str(to.pk), list_name=to.name
    )


def remove_selected(
    selection: Selection, *, out_of: RecipientList, by: User
) -> BulkJob:
    """Take the recipients out of the list; it counts those who were in it."""
    return order_job(
        selection,
        kind=JobKind.REMOVE,
        by=by,
        list=str(out_of.pk),
        list_name=out_of.name,
    )


def set_attribute_of_selected(
    selection: Selection, *, key: str, value: str, by: User
) -> BulkJob:
    """Give the attribute this value, or none if it is empty.

    InvalidInput when the value is none of the attribute's type.
    """
    key = clean_key(key)
    cleaned = clean_attributes({key: value})
    cleaned = clean_typed(selection.search.workspace, cleaned, before={})
    return order_job(
        selection, kind=JobKind.ATTRIBUTE, by=by, key=key, value=cleaned.get(key, "")
    )


def state_basis_of_selected(
    selection: Selection, *, basis: str, wording: str, by: User
) -> BulkJob:
    """Say on what ground they are written to; the consent ledger keeps it (LAW-01)."""
    if basis not in Basis.values:
        raise InvalidInput("basis_missing", _("Choose a basis."), field="basis")
    try:
        wording = capped(clean_comment(wording), LONGEST_COMMENT, field="wording")
    except InvalidInput as error:
        raise InvalidInput(error.code, error.text, field="wording") from error
    return order_job(selection, kind=JobKind.BASIS, by=by, basis=basis, wording=wording)


def stop_selected(selection: Selection, *, evidence: str, by: User) -> BulkJob:
    """Put them on the stop list; it counts those who were not on it before."""
    return order_job(
        selection, kind=JobKind.STOP, by=by, evidence=clean_evidence(evidence)
    )
