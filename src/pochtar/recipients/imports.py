"""What can be done with an import: a file of recipients on its way in, and out again.

A file is stored, understood and recognised at once; everything that looks at all its
rows happens in the background (import_work.py), in batches that can be cut off anywhere.
Nothing is written to recipients before `apply_import`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from django.utils.functional import Promise

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.models import Basis, Import, RecipientList

# The words for the codes of `Import.refusals` and of `Sample.reason`.
REFUSALS: dict[str, str | Promise] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row of the file, as an example of what will happen (or happened) to its kind.

    ``action``: new, updated, unchanged, refused, duplicate or suppressed.
    """

    number: int  # of the row in the file: what a spreadsheet shows beside it
    action: str
    email: str = ""
    full_name: str = ""
    comment: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    # updated: field (email, full_name, comment, basis, or an attribute's key as
    # "attributes.<key>") -> what is there now and what will be.
    changes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    reason: str = ""  # refused: a key of REFUSALS
    cells: Sequence[str] = ()  # refused: the row as it came
    twin_of: int = 0  # duplicate: the number of the row that counts


def start_import(
    workspace: Workspace, *, by: User, stream: BinaryIO, file_name: str, size: int
) -> Import:
    """Store the file (streamed), understand it, and propose what its columns are.

    Step UPLOADED, state IDLE.  InvalidInput(field="file") says what was expected of a
    file in which nothing can be read: empty, too_large, not_a_table, encrypted, …
    """
    raise NotImplementedError


def start_paste(workspace: Workspace, *, by: User, text: str) -> Import:
    """The same for what was pasted; InvalidInput(field="text")."""
    raise NotImplementedError


def reread_import(
    import_: Import,
    *,
    by: User,
    encoding: str = "",
    delimiter: str = "",
    header: bool = True,
    sheet: str = "",
) -> Import:
    """Read the file in another way ("" = as before); what columns are is proposed anew.

    Before the check only (Conflict "import_moved_on"); InvalidInput names the field.
    """
    raise NotImplementedError


def preview_import(import_: Import) -> object:
    """Return mailcore.sheets.Preview: the first rows, as they are understood now."""
    raise NotImplementedError


def check_import(
    import_: Import,
    *,
    by: User,
    columns: Sequence[Mapping[str, str]],
    lists: Sequence[RecipientList],
    update_existing: bool = True,
    basis: Basis | str = "",
    wording: str = "",
) -> Import:
    """Take the choices and start looking at the whole file, in the background.

    ``columns``: as `Import.columns`, one for each of the file's: {"title", "to", "key"}.
    InvalidInput: field="columns" (no_email_column, two_email_columns, column_twice,
    too_many_attributes, too_many_keys, and clean_key's codes; details["column"] is the
    index), field="lists", field="basis".  May be called again after a check.
    """
    raise NotImplementedError


def apply_import(import_: Import, *, by: User) -> Import:
    """Do what the check has shown, in the background; Conflict unless it is CHECKED."""
    raise NotImplementedError


def undo_import(import_: Import, *, by: User) -> Import:
    """Take back what it did, in the background, except rows changed since.

    For finished imports, and those cancelled while they were applied; Conflict
    "import_too_old" once its rows have been pruned.
    """
    raise NotImplementedError


def cancel_import(import_: Import, *, by: User) -> Import:
    """Stop it.  While checking: back to the choice of columns.  While applying: what is
    in stays (and can be undone), state CANCELLED once it is searchable.  Before: ended.
    """
    raise NotImplementedError


def delete_import(import_: Import, *, by: User) -> None:
    """Remove the file and what is remembered of its rows: no report, no undo any more.

    The line of the history stays if it has changed recipients.  Conflict while active.
    """
    raise NotImplementedError


def can_undo(import_: Import) -> bool:
    """Say whether `undo_import` has anything to work with."""
    raise NotImplementedError


def sample_rows(import_: Import, action: str, limit: int = 20) -> list[Sample]:
    """Return examples: new, updated, unchanged, refused, duplicate, suppressed.

    For ``refused``, "refused:<code>" narrows it to one reason.
    """
    raise NotImplementedError


def refused_file(import_: Import) -> Iterator[bytes]:
    """Yield the refused rows as they came, each with its reason in a last column.

    In the encoding and with the delimiter that came (a workbook comes back as CSV in
    UTF-8 with a signature); the words are in the active language.
    """
    raise NotImplementedError


def refused_file_name(import_: Import) -> str:
    """Return a name for that file: the import's own, and what it is."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recipient that an undo left as it is, because it had been changed since."""

    recipient_id: object
    number: int
    email: str
    full_name: str
    added: bool  # by this import; else it was there before


def kept_rows(import_: Import, limit: int = 100) -> list[Kept]:
    """Return what an undo left because it had changed since (counts["kept"] in all)."""
    raise NotImplementedError
