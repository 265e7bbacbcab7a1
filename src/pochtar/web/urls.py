"""The addresses of the pages: each area lists its own at the end of its module."""

from __future__ import annotations

from django.urls import include, path

from pochtar.web import (
    account,
    attempts,
    design,
    dkim,
    exports,
    health,
    home,
    jobs,
    lists,
    mailing_why,
    mailings,
    messages,
    providers,
    recipients,
    relays,
    sandbox,
    senders,
    workspace,
)
from pochtar.web.public import unsubscribe

urlpatterns = [
    *home.urlpatterns,
    *health.urlpatterns,
    *account.urlpatterns,
    *workspace.urlpatterns,
    *recipients.urlpatterns,
    *jobs.urlpatterns,
    *exports.urlpatterns,
    *lists.urlpatterns,
    *messages.urlpatterns,
    *mailings.urlpatterns,
    *mailing_why.urlpatterns,
    *attempts.urlpatterns,
    *relays.urlpatterns,
    *providers.urlpatterns,
    *senders.urlpatterns,
    *dkim.urlpatterns,
    *sandbox.urlpatterns,
    *design.urlpatterns,
    *unsubscribe.urlpatterns,
    path("account/", include("allauth.account.urls")),
]
