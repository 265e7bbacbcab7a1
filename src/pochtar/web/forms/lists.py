"""The forms of lists."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User, Workspace
from pochtar.recipients.lists import create_list
from pochtar.recipients.models import RecipientList


class ListForm(forms.Form):
    """Takes the text as it was typed; the services say what is wrong with it."""

    name = forms.CharField(
        label=_("List name"),
        error_messages={"required": _("Give the list a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    description = forms.CharField(
        label=_("Description"),
        required=False,
        help_text=_("Who is in the list and where they came from."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class AddToListForm(forms.Form):
    """A list that is there, or the name of a new one."""

    to = forms.ModelChoiceField(
        queryset=RecipientList.objects.none(),
        label=_("List"),
        required=False,
        empty_label=_("— choose a list —"),
    )
    new_name = forms.CharField(
        label=_("Or a new list"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = workspace
        _choices(self, "to", workspace)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("to") and not cleaned.get("new_name") and not self.errors:
            self.add_error("to", _("Choose a list or name a new one."))
        return cleaned

    def chosen(self, *, by: User) -> RecipientList:
        """Return the list; a new name wins, since it was typed on purpose."""
        if name := self.cleaned_data["new_name"]:
            return create_list(self.workspace, by=by, name=name)
        chosen: RecipientList = self.cleaned_data["to"]
        return chosen


class RemoveFromListForm(forms.Form):
    out_of = forms.ModelChoiceField(
        queryset=RecipientList.objects.none(),
        label=_("List"),
        empty_label=_("— choose a list —"),
        error_messages={"required": _("Choose a list.")},
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "out_of", workspace)


def _choices(form: forms.Form, name: str, workspace: Workspace) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ModelChoiceField)
    field.queryset = RecipientList.objects.of(workspace).order_by("name")
