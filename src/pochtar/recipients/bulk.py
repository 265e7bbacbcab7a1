"""Changes of the few or many that a selection finds (see jobs.py)."""

from __future__ import annotations

from pochtar.accounts.models import User
from pochtar.recipients.cleaning import clean_attributes, clean_key
from pochtar.recipients.job_models import BulkJob, JobKind
from pochtar.recipients.jobs import order_job
from pochtar.recipients.models import RecipientList
from pochtar.recipients.search import Selection


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
    """Give the attribute this value, or none if it is empty."""
    cleaned = clean_attributes({key: value})
    return order_job(
        selection,
        kind=JobKind.ATTRIBUTE,
        by=by,
        key=clean_key(key),
        value=cleaned.get(clean_key(key), ""),
    )
