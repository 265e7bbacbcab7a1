"""The words for what is wrong with a file, or with a row of it."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from mailcore.sheets import SheetError
from pochtar.base.errors import InvalidInput

MEGABYTE = 1 << 20

# A row's reason, by its code.
REFUSALS: dict[str, str | Promise] = {
    "address_empty": _("no e-mail address"),
    "address_control": _("the address contains a control character"),
    "address_too_long": _("the address is longer than 254 characters"),
    "address_domain": _("the part after “@” is not a domain"),
    "address_syntax": _("this is not an e-mail address"),
    "name_control": _("the name contains a line break or a control character"),
    "name_too_long": _("the name is longer than 200 characters"),
    "comment_control": _("the comment contains a control character"),
    "comment_too_long": _("the comment is longer than 2000 characters"),
    "value_control": _("a value contains a line break or a control character"),
    "value_too_long": _("a value is longer than 500 characters"),
    "not_a_number": _("the value of a number is no number"),
    "not_a_date": _("the value of a date is no date, such as 29.11.2026"),
    "not_yes_or_no": _("the value of a yes-or-no attribute is neither"),
    "not_an_option": _("the value is none of the attribute's options"),
    "bad_encoding": _("the row is not in the file's encoding"),
    "nul": _("the row contains a NUL character"),
    "field_too_long": _("a cell is too long"),
    "unbalanced_quote": _("a quotation mark is opened and never closed"),
    "too_many_columns": _("the row has too many cells"),
}

# What was expected of a file in which nothing can be read.
_FILES: dict[str, str | Promise] = {
    "empty": _("The file is empty. Expected is a table with a column of addresses."),
    "binary": _(
        "This is not a table. Expected is a CSV or TSV text file, or a workbook "
        "(.xlsx, .ods)."
    ),
    "not_a_table": _(
        "No table was found in the file. Expected are rows with columns, one of which "
        "has e-mail addresses."
    ),
    "too_big": _(
        "The file is too big: at most %(most)d MB. Split it, or save it as CSV."
    ),
    "too_many_columns": _(
        "The file has %(columns)d columns; at most %(most)d can be read."
    ),
    "unreadable_encoding": _(
        "The file cannot be read in the encoding “%(encoding)s”. Choose another one."
    ),
    "encrypted": _(
        "The workbook is protected by a password. Save it without one and upload it "
        "again."
    ),
    "old_xls": _(
        "This is a workbook of Excel 97–2003 (.xls). Save it as .xlsx or CSV and upload "
        "it again."
    ),
    "other_workbook": _(
        "Workbooks of this kind cannot be read. Save it as .xlsx, .ods or CSV and "
        "upload it again."
    ),
    "broken_workbook": _(
        "The workbook is damaged. Open it in a spreadsheet, save it anew and upload it "
        "again."
    ),
    "zip_bomb": _(
        "The workbook unpacks into too much. Save it as CSV and upload that."
    ),
    "no_such_sheet": _("The workbook has no such sheet."),
}
_REASON = gettext_noop("Why it was refused")


def refuse_file(error: SheetError, *, field: str = "file") -> InvalidInput:
    """Return the error as a person sees it."""
    text = _FILES.get(error.code, _FILES["binary"])
    details = dict(error.details)
    if error.code == "too_big":
        details["most"] = int(details.get("most", 0)) // MEGABYTE
    return InvalidInput(
        error.code,
        str(text) % details if details else text,
        field=field,
        details=details,
    )


def reason_title() -> str:
    """Return the heading of the reasons' column, in the reader's language."""
    return gettext(_REASON)


def is_reason_title(title: str) -> bool:
    """Say whether a column is that of a file of refused rows, in any language."""
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            if title.strip() == gettext(_REASON):
                return True
    return False
