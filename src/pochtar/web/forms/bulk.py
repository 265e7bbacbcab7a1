"""What is asked before many recipients are changed; each form knows what to order."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User, Workspace
from pochtar.recipients import bulk
from pochtar.recipients.models import Attribute, Basis, BulkJob
from pochtar.recipients.selections import Selection
from pochtar.web.forms.lists import AddToListForm, RemoveFromListForm

FEW = 500  # more are not deleted without their number


class AddForm(AddToListForm):
    field_of_conflict = "to"

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        to = self.chosen(by=by)
        return bulk.add_selected(selection, to=to, by=by)


class RemoveForm(RemoveFromListForm):
    field_of_conflict = "out_of"

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        out_of = self.cleaned_data["out_of"]
        return bulk.remove_selected(selection, out_of=out_of, by=by)


class AttributeForm(forms.Form):
    field_of_conflict = None

    key = forms.ModelChoiceField(
        queryset=Attribute.objects.none(),
        to_field_name="key",
        label=_("Attribute"),
        empty_label=_("— choose an attribute —"),
        error_messages={"required": _("Choose an attribute.")},
    )
    value = forms.CharField(
        label=_("Value"),
        required=False,
        help_text=_("Empty takes the attribute away from all of them."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["key"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Attribute.objects.of(workspace).order_by("key")

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        key, value = self.cleaned_data["key"].key, self.cleaned_data["value"]
        return bulk.set_attribute_of_selected(selection, key=key, value=value, by=by)


class BasisForm(forms.Form):
    field_of_conflict = None

    basis = forms.ChoiceField(
        choices=Basis.choices,
        label=_("On what basis do you write to them?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a basis.")},
    )
    wording = forms.CharField(
        label=_("What they were told or agreed to"),
        required=False,
        help_text=_(
            "Word for word, as on the form or in the contract. It is kept in the "
            "consent ledger, which is never changed."
        ),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        return bulk.state_basis_of_selected(selection, by=by, **self.cleaned_data)


class StopForm(forms.Form):
    field_of_conflict = None

    evidence = forms.CharField(
        label=_("Why"),
        required=False,
        help_text=_("It stands beside each of them in the stop list."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        return bulk.stop_selected(selection, by=by, **self.cleaned_data)


class DeleteForm(forms.Form):
    """For more than a few their number is typed: the only proof that it was read."""

    field_of_conflict = None

    typed = forms.CharField(
        label=_("Type the number of recipients that will be deleted"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )

    def __init__(
        self, *args: Any, workspace: Workspace, number: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.number = number
        if number <= FEW:
            del self.fields["typed"]

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if "".join(filter(str.isalnum, typed)) != str(self.number):
            raise forms.ValidationError(
                _("This is not their number. It may have changed meanwhile."),
                code="wrong_number",
            )
        return typed

    def order(self, selection: Selection, *, by: User) -> BulkJob:
        return bulk.delete_selected(selection, by=by)


BulkForm = AddForm | RemoveForm | AttributeForm | BasisForm | StopForm | DeleteForm
FORMS: dict[str, type[BulkForm]] = {
    "add": AddForm,
    "remove": RemoveForm,
    "attribute": AttributeForm,
    "basis": BasisForm,
    "stop": StopForm,
    "delete": DeleteForm,
}
