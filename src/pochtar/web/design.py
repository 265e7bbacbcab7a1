"""The design system's page, with DEBUG on: what pages are made of, in one place."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

COLOURS = (
    "primary",
    "accent-soft",
    "amber",
    "paper",
    "surface",
    "surface-sunk",
    "line",
    "ink",
    "ink-soft",
    "good",
    "good-soft",
    "bad",
    "bad-soft",
    "warn",
    "warn-soft",
    "mute-soft",
)
FIELDS = '[["full_name", "Имя"], ["email", "Адрес"], ["город", "город"]]'


class SampleForm(forms.Form):
    name = forms.CharField(label=_("Full name"), help_text=_("As in a greeting."))
    email = forms.EmailField(label=_("E-mail"))
    city = forms.ChoiceField(
        label=_("List"), choices=[("1", _("Customers")), ("2", _("Partners"))]
    )
    picked = forms.MultipleChoiceField(
        label=_("Lists"),
        choices=[("1", _("Customers")), ("2", _("Partners"))],
        required=False,
        widget=forms.SelectMultiple(attrs={"data-tomselect": ""}),
    )
    audience = forms.ChoiceField(
        label=_("Recipients"),
        choices=[("1", _("Everybody")), ("2", _("Lists"))],
        widget=forms.RadioSelect,
        initial="1",
    )
    agreed = forms.BooleanField(label=_("Check the connection first"), required=False)
    password = forms.CharField(
        label=_("Password"), required=False, widget=forms.PasswordInput
    )
    comment = forms.CharField(
        label=_("Comment"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    body = forms.CharField(
        label=_("Body"),
        required=False,
        initial="<p>Здравствуйте, {{ full_name|default:'друг' }}!</p>",
        widget=forms.Textarea(attrs={"data-editor": "", "data-merge-fields": FIELDS}),
    )


def design(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    now = timezone.now()
    messages.success(request, _("The message is saved."))
    messages.error(request, _("The SMTP server refused the password."))
    context = {
        "colours": COLOURS,
        "form": SampleForm(),
        "bad_form": SampleForm(data={"email": "ivan@", "city": "9"}),
        "states": ["created", "scheduled", "running", "paused", "completed"],
        "outcomes": ["accepted", "failed", "deferred", "unknown", "skipped"],
        "times": [now, now - timedelta(days=1), now - timedelta(days=90)],
        "days": [
            (now - timedelta(days=n), 120 + n * 31 % 97, n % 5) for n in range(30)
        ],
    }
    return render(request, "design/index.html", context)


urlpatterns: list[URLPattern | URLResolver] = [path("_design/", design, name="design")]
