"""Profile, language, and the letter that one's own registration or reset caused."""

from __future__ import annotations

from allauth.account.internal.flows.email_verification import (
    send_verification_email_to_address,
)
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from pochtar.accounts.models import User
from pochtar.web.forms.account import ProfileForm
from pochtar.web.language import keep_language, set_language
from pochtar.web.letters import find_letter, fresh_letter, may_open_letters
from pochtar.web.sandbox import letter_context


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Name and language; the ways to another password and another address."""
    assert isinstance(request.user, User)
    person = User.objects.get(pk=request.user.pk)  # a refused form leaves the page's be
    form = ProfileForm(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid():
        form.apply(request.user)
        # The next page speaks the language that was chosen; so does this notice.
        with override(request.user.language or None):
            messages.success(request, _("Saved."))
        response = redirect("profile")
        keep_language(response, request.user.language, forget=True)
        return response
    pending = EmailAddress.objects.filter(user=request.user, verified=False)
    context = {"form": form, "new_address": pending.exclude(email=request.user.email)}
    return render(request, "profile/profile.html", context)


@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Send the registration's letter once more, the same way for every address."""
    letter = fresh_letter(request)
    if letter is None:
        return redirect("account_login")
    address = EmailAddress.objects.filter(email=letter.email, verified=False).first()
    # Without a user the library tells the address that it is registered already.
    address = address or EmailAddress(user=None, email=letter.email)
    if not send_verification_email_to_address(request, address, signup=True):
        messages.info(
            request, _("A letter has just been sent: one can be sent each minute.")
        )
    return redirect("account_email_verification_sent")


@require_safe
@never_cache
def open_letter(request: HttpRequest) -> HttpResponse:
    """Show the captured letter of one's own fresh registration or reset."""
    awaited = fresh_letter(request)
    if awaited is None or not may_open_letters(request):
        raise Http404
    captured = find_letter(awaited)
    if captured is None:
        return render(request, "account/letter_missing.html", {"awaited": awaited})
    context = letter_context(
        request, captured, frame_url=reverse("account-letter-frame")
    )
    return render(request, "account/letter.html", context)


urlpatterns = [
    path("profile/", profile, name="profile"),
    path("account/send-again/", send_again, name="account-send-again"),
    path("account/letter/", open_letter, name="account-letter"),
    path("language/setlang/", set_language, name="set_language"),
]
