"""django-allauth's forms in our words, and the profile."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as library
from django import forms
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User
from pochtar.accounts.services import change_profile, open_workspace

LONGEST_PASSWORD = 512  # hashing a pasted book would keep the server busy
EMAIL = _("E-mail")
PASSWORD_RULES = _(
    "At least 12 characters; not one of the common passwords, and not like your address."
)


class PlainFields:
    """Takes the library's placeholders away, and sets labels and help of our own."""

    labels: dict[str, Any] = {}
    helps: dict[str, Any] = {}
    fields: dict[str, forms.Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.helps.get(name, "")
            if isinstance(field.widget, forms.PasswordInput):
                field.widget.attrs["data-password"] = True
                field.validators.append(MaxLengthValidator(LONGEST_PASSWORD))


class SignupForm(PlainFields, library.SignupForm):  # type: ignore[misc]  # untyped library
    """Asks besides the address and the password for the first workspace's name."""

    labels = {"email": EMAIL, "password1": _("Password")}
    helps = {
        "password1": PASSWORD_RULES,
        "workspace_name": _("Your workspace gets this name; it can be changed later."),
    }
    field_order = ("email", "password1", "workspace_name")
    account_already_exists: bool

    workspace_name = forms.CharField(
        label=_("Company or project name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """Open the person's first workspace (the library calls this when it saves)."""
        open_workspace(name=self.cleaned_data["workspace_name"], owner=user)

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Register, or only tell the owner of an address that is registered already.

        Both take as long and look the same, so that nobody learns which it was.  The
        transaction must not hold the letter: the sandbox writes to the same database.
        """
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    return self._register(request)
            except IntegrityError:  # the same address, registered in the same instant
                self.account_already_exists = True
        else:
            # As slow as hashing the password of a new account.
            User().set_password(self.cleaned_data["password1"])
        return self._register(request)

    def _register(
        self, request: HttpRequest
    ) -> tuple[User | None, HttpResponse | None]:
        result: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return result


class LoginForm(PlainFields, library.LoginForm):  # type: ignore[misc]  # untyped library
    labels = {"login": EMAIL, "password": _("Password")}


class ResetPasswordForm(PlainFields, library.ResetPasswordForm):  # type: ignore[misc]  # untyped library
    labels = {"email": EMAIL}


class NewPasswordForm(PlainFields, library.ResetPasswordKeyForm):  # type: ignore[misc]  # untyped library
    """The password is typed once: it can be shown."""

    labels = {"password1": _("New password")}
    helps = {"password1": PASSWORD_RULES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class SetPasswordForm(PlainFields, library.SetPasswordForm):  # type: ignore[misc]  # untyped library
    labels = {"password1": _("New password")}
    helps = {"password1": PASSWORD_RULES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class ChangePasswordForm(PlainFields, library.ChangePasswordForm):  # type: ignore[misc]  # untyped library
    labels = {"oldpassword": _("Current password"), "password1": _("New password")}
    helps = {"password1": PASSWORD_RULES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]


class ChangeEmailForm(PlainFields, library.AddEmailForm):  # type: ignore[misc]  # untyped library
    labels = {"email": _("New e-mail")}
    helps = {
        "email": _(
            "A letter with a link goes there; the address changes when you follow it."
        )
    }


class ReauthenticateForm(PlainFields, library.ReauthenticateForm):  # type: ignore[misc]  # untyped library
    labels = {"password": _("Password")}


class ProfileForm(forms.ModelForm[User]):
    """How the person is called, and which language they read."""

    class Meta:
        model = User
        fields = ("name", "language")
        labels = {
            "name": _("Your name"),
            "language": _("Language of the pages and letters"),
        }
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [  # type: ignore[attr-defined]  # a choice field
            ("", _("As the browser wishes")),
            *((code, name) for code, name in NATIVE_NAMES.items()),
        ]

    def apply(self, user: User) -> User:
        return change_profile(user, **self.cleaned_data)


# Each language in its own words: it must be found by somebody who reads no other.
NATIVE_NAMES = {"ru": "Русский", "en": "English"}
