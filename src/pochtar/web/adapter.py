"""What django-allauth asks us: how letters go out, and what happens at a login."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

from pochtar.accounts.models import User
from pochtar.accounts.services import trust_address
from pochtar.base.errors import PochtarError
from pochtar.web.language import keep_language
from pochtar.web.letters import remember_letter

log = structlog.get_logger()

# The letters that somebody waits for on a page; the others only inform.
AWAITED = {
    "account/email/email_confirmation_signup",
    "account/email/email_confirmation",
    "account/email/account_already_exists",
    "account/email/password_reset_key",
    "account/email/unknown_account",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped library
    """The library's behaviour but for the methods below."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This account is switched off."),
        "duplicate_email": _("This is your address already."),
        "email_password_mismatch": _("The address or the password is wrong."),
        "enter_current_password": _("This is not your current password."),
        "incorrect_password": _("The password is wrong."),
        "too_many_login_attempts": _(
            "Too many failed attempts. Wait five minutes, or recover the password by"
            " letter."
        ),
    }

    def new_user(self, request: HttpRequest) -> User:
        """Remember the language in which the person registered."""
        language = get_language() or ""
        return User(language=language if language in dict(settings.LANGUAGES) else "")

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Send a letter in its reader's language; a mail server in trouble is no bug.

        The page that follows tells the visitor (and offers to try again), the same
        way whether or not the address is registered.
        """
        taken = True
        try:
            with override(self._language_of(email, context)):
                super().send_mail(template_prefix, email, context)
        except (OSError, PochtarError) as error:
            taken = False
            log.warning("letter_not_sent", letter=template_prefix, error=repr(error))
        if template_prefix in AWAITED:
            remember_letter(self.request, email, taken=taken)
            if not taken:
                self._give_back_tries(email)

    def _language_of(self, email: str, context: dict[str, Any]) -> str | None:
        reader = context.get("user") or User.objects.filter(email__iexact=email).first()
        return (reader and reader.language) or get_language()

    def _give_back_tries(self, email: str) -> None:
        """A letter that did not go out does not count against the rate limits."""
        for action in ("confirm_email", "reset_password"):
            ratelimit.clear(self.request, action=action, key=email.lower())

    def pre_login(
        self, request: HttpRequest, user: User, **kwargs: Any
    ) -> HttpResponse | None:
        """An operator made by ``createsuperuser`` named the address: no letter."""
        if user.is_superuser:
            trust_address(user)
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def post_login(
        self, request: HttpRequest, user: User, **kwargs: Any
    ) -> HttpResponse:
        """Speak the person's language in this browser too."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        keep_language(response, user.language)
        return response

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Refuse, when somebody else has registered the address in the meantime."""
        others = User.objects.exclude(pk=email_address.user_id)
        if not others.filter(email__iexact=email_address.email).exists():
            return bool(super().confirm_email(request, email_address))
        self.add_message(
            request,
            messages.ERROR,
            "account/messages/email_confirmation_failed.txt",
            {"email": email_address.email},
        )
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def get_email_verification_redirect_url(self, email_address: EmailAddress) -> str:
        """A new address is confirmed on the profile's side; a first one by a login."""
        if self.request.user.is_authenticated:
            return reverse("profile")
        return str(super().get_email_verification_redirect_url(email_address))
