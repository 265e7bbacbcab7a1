"""What is done for each kind of bulk action, and what takes it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pochtar.recipients.job_changes import (
    Items,
    Returned,
    add_to_list,
    remove_from_list,
    set_attribute,
    undo_add,
    undo_attribute,
    undo_remove,
)
from pochtar.recipients.job_models import BulkJob, JobKind
from pochtar.recipients.job_standing import (
    delete_batch,
    state_basis,
    stop,
    undo_basis,
    undo_stop,
)

APPLY: Mapping[str, Callable[[BulkJob, Items], int]] = {
    JobKind.ADD: add_to_list,
    JobKind.REMOVE: remove_from_list,
    JobKind.ATTRIBUTE: set_attribute,
    JobKind.BASIS: state_basis,
    JobKind.STOP: stop,
    JobKind.DELETE: delete_batch,
}
UNDO: Mapping[str, Callable[[BulkJob, Items], Returned]] = {
    JobKind.ADD: undo_add,
    JobKind.REMOVE: undo_remove,
    JobKind.ATTRIBUTE: undo_attribute,
    JobKind.BASIS: undo_basis,
    JobKind.STOP: undo_stop,
}
