"""The forms of an import: the file, how it is read, what its columns are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mailcore.sheets import LIMITS
from pochtar.accounts.models import Workspace
from pochtar.recipients.models import RecipientList

LONGEST_PASTE = 1_000_000  # letters
ENDINGS = ".csv,.tsv,.txt,.xlsx,.ods"


class UploadForm(forms.Form):
    """A file, or rows that were copied out of a table."""

    file = forms.FileField(
        label=_("File"),
        required=False,
        allow_empty_file=True,  # the reading of it says what is wrong
        widget=forms.FileInput(attrs={"accept": ENDINGS}),
    )
    text = forms.CharField(
        label=_("Rows"),
        required=False,
        strip=False,
        help_text=_("With or without a line of headings; one recipient a line."),
        widget=forms.Textarea(
            attrs={
                "rows": 6,
                "class": "mono",
                "spellcheck": "false",
                "autocomplete": "off",
                "placeholder": "anna@example.com\tАнна Соколова\tТверь",
            }
        ),
    )
    to = forms.ModelChoiceField(
        queryset=RecipientList.objects.none(),
        required=False,
        widget=forms.HiddenInput,
    )

    def __init__(
        self, *args: Any, workspace: Workspace, too_big: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.too_big = too_big
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = RecipientList.objects.of(workspace)

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if len(text) > LONGEST_PASTE:
            raise forms.ValidationError(
                gettext("That is too much to paste. Save it as a file and upload that.")
            )
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.too_big:
            size = filesizeformat(LIMITS.file_bytes)
            self.add_error(
                "file",
                gettext(
                    "The file is too big: at most %(size)s are taken in. Divide it into "
                    "parts, or save a spreadsheet as CSV, which is smaller."
                )
                % {"size": size},
            )
        elif not self.errors and not self._is_filled(cleaned):
            self.add_error("file", gettext("Choose a file, or paste rows below."))
        return cleaned

    def _is_filled(self, cleaned: dict[str, Any]) -> bool:
        return bool(cleaned.get("file") or cleaned.get("text", "").strip())


ENCODINGS: dict[str, str | Promise] = {
    "utf-8": "UTF-8",
    "cp1251": _("Windows-1251, Cyrillic"),
    "koi8-r": _("KOI8-R, Cyrillic"),
    "cp866": _("CP866, Cyrillic of DOS"),
    "cp1252": _("Windows-1252, Western European"),
    "utf-16": "UTF-16",
}
# Kinds of the same that nobody needs to tell apart: shown only when one was found.
KINDS_OF_UNICODE = {
    "utf-8-sig": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
}
DELIMITERS: dict[str, str | Promise] = {
    ";": _("semicolon ( ; )"),
    ",": _("comma ( , )"),
    "\t": _("tab"),
    "|": _("bar ( | )"),
}
YES, NO = "yes", "no"


class ReadingForm(forms.Form):
    """How a file is read: what was found out, and can be changed."""

    encoding = forms.ChoiceField(label=_("Encoding"))
    delimiter = forms.ChoiceField(
        label=_("Columns are divided by"), choices=list(DELIMITERS.items())
    )
    sheet = forms.ChoiceField(label=_("Sheet"))
    header = forms.ChoiceField(
        label=_("First row"),
        choices=[(YES, _("headings of the columns")), (NO, _("already a recipient"))],
    )

    def __init__(self, data: Any = None, *, understood: Mapping[str, Any]) -> None:
        self.understood = understood
        now = {
            "encoding": understood.get("encoding", ""),
            "delimiter": understood.get("delimiter", ""),
            "sheet": str(understood.get("sheet", 0)),
            "header": YES if understood.get("header", True) else NO,
        }
        super().__init__(data, initial=now)
        self._leave_out(understood)

    def _leave_out(self, understood: Mapping[str, Any]) -> None:
        """Ask only what this kind of file has."""
        if understood.get("kind", "csv") == "csv":
            del self.fields["sheet"]
            self._field("encoding").choices = _encodings(understood.get("encoding", ""))
            return
        del self.fields["encoding"], self.fields["delimiter"]
        sheets = understood.get("sheets", [])
        if len(sheets) > 1:
            names = [(str(number), name) for number, name in enumerate(sheets)]
            self._field("sheet").choices = names
        else:
            del self.fields["sheet"]

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def changes(self) -> dict[str, Any]:
        """Return what `reread_import` takes, or nothing when all is as it was."""
        if not self.has_changed():
            return {}
        told: dict[str, Any] = dict(self.cleaned_data)
        if "sheet" in told:
            told["sheet"] = int(told["sheet"])
        return {**told, "header": told["header"] == YES}


def _encodings(found: str) -> list[tuple[str, str | Promise]]:
    choices = list(ENCODINGS.items())
    if found in ENCODINGS or not found:
        return choices
    return [(found, KINDS_OF_UNICODE.get(found, found)), *choices]
