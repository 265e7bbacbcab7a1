"""Registration, profile and workspace forms."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User
from pochtar.accounts.services import open_workspace


class SignupFields(forms.Form):
    """What registration asks besides the address and the password."""

    workspace_name = forms.CharField(
        label=_("Company or project name"),
        max_length=120,
        help_text=_("Your workspace gets this name; it can be changed later."),
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Open the person's first workspace (django-allauth calls this)."""
        open_workspace(name=self.cleaned_data["workspace_name"], owner=user)
