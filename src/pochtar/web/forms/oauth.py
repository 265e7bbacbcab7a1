"""The fields of a login with OAuth 2. Secrets are write-only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from pochtar.base.errors import InvalidInput
from pochtar.delivery.models import RelayOAuth
from pochtar.delivery.oauth import (
    LONGEST_CLIENT_ID,
    LONGEST_SECRET,
    LONGEST_URL,
    OAuthDraft,
    clean_oauth_url,
)
from pochtar.delivery.presets import Preset

PASSWORD, OAUTH = "password", "oauth"
VERBATIM = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
SECRET = {
    **VERBATIM,
    "autocomplete": "new-password",
    "maxlength": LONGEST_SECRET,
    "data-secret": True,
}


class OAuthFields(forms.Form):
    """Which kind of login, and what OAuth 2 needs; checked only where it is chosen."""

    login_with = forms.ChoiceField(
        label=_("Login"),
        choices=[(PASSWORD, _("With a password")), (OAUTH, _("With OAuth 2"))],
        initial=PASSWORD,
        required=False,
        help_text=_(
            "OAuth 2: the provider's permission takes the place of a password. No login "
            "name: no login at all."
        ),
        widget=forms.RadioSelect,
    )
    oauth_url = forms.CharField(
        label=_("Token address"),
        required=False,
        help_text=_("Access tokens are fetched there; the provider documents it."),
        widget=forms.TextInput(
            attrs={
                **VERBATIM,
                "inputmode": "url",
                "maxlength": LONGEST_URL,
                "placeholder": "https://oauth.example.com/token",
            }
        ),
    )
    client_id = forms.CharField(
        label=_("Client ID"),
        required=False,
        help_text=_("Of the application that you registered with the provider."),
        widget=forms.TextInput(attrs={**VERBATIM, "maxlength": LONGEST_CLIENT_ID}),
    )
    client_secret = forms.CharField(
        label=_("Client secret"),
        required=False,
        help_text=_("Kept encrypted, and never shown again."),
        widget=forms.PasswordInput(attrs=SECRET),
    )
    refresh_token = forms.CharField(
        label=_("Refresh token"),
        required=False,
        help_text=_(
            "The provider gives it when the mailbox's owner allows the application to "
            "send mail. Kept encrypted, and never shown again."
        ),
        widget=forms.PasswordInput(attrs=SECRET),
    )
    scope = forms.CharField(
        label=_("Scope"),
        required=False,
        help_text=_("What the permission is for. Empty: as it was given."),
        widget=forms.TextInput(attrs={**VERBATIM, "maxlength": LONGEST_URL}),
    )

    def __init__(self, *args: Any, stored: RelayOAuth | None, **kwargs: Any) -> None:
        self.stored = stored
        super().__init__(*args, **kwargs)
        for name in ("client_secret", "refresh_token"):
            if stored and getattr(stored, f"{name}_sealed"):
                kept = _("One is stored. Leave this empty to keep it.")
                self.fields[name].help_text = kept

    def clean_login_with(self) -> str:
        return self.cleaned_data["login_with"] or PASSWORD

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if data.get("login_with") == OAUTH:
            self._check_oauth(data)
        return data

    def _check_oauth(self, data: dict[str, Any]) -> None:
        needed = {
            "username": _("Enter the mailbox's address."),
            "client_id": _("Enter the client ID."),
        }
        if not self.stored:
            needed["refresh_token"] = _("Enter the refresh token.")
        for name, words in needed.items():
            if not data.get(name) and name not in self.errors:
                self.add_error(name, words)
        try:
            clean_oauth_url(data.get("oauth_url", ""))
        except InvalidInput as error:
            self.add_error(error.field, str(error))

    def oauth(self) -> OAuthDraft | None:
        data = self.cleaned_data
        if data["login_with"] != OAUTH:
            return None
        return OAuthDraft(
            oauth_url=data["oauth_url"],
            client_id=data["client_id"],
            client_secret=data["client_secret"] or None,
            refresh_token=data["refresh_token"] or None,
            scope=data["scope"],
        )


def initial_oauth(source: RelayOAuth | Preset | None) -> dict[str, Any]:
    """Return the fields' values for a row or for a preset."""
    if source is None:
        return {}
    values = {"oauth_url": source.oauth_url, "scope": source.scope}
    if isinstance(source, Preset):
        return values | {"login_with": OAUTH if source.oauth_first else PASSWORD}
    return values | {"login_with": OAUTH, "client_id": source.client_id}
