"""The addresses of the pages: each area lists its own at the end of its module."""

from __future__ import annotations

from django.urls import include, path

from pochtar.web import (
    account,
    attempts,
    attributes,
    consent,
    design,
    dkim,
    exports,
    health,
    home,
    imports,
    jobs,
    lists,
    mailing_why,
    mailings,
    messages,
    providers,
    recipients,
    relays,
    sandbox,
    segments,
    senders,
    stoplist,
    workspace,
)
from pochtar.web.public import unsubscribe

urlpatterns = [
    *home.urlpatterns,
    *health.urlpatterns,
    *account.urlpatterns,
    *workspace.urlpatterns,
    *attributes.urlpatterns,
    *imports.urlpatterns,
    *recipients.urlpatterns,
    *jobs.urlpatterns,
    *consent.urlpatterns,
    *stoplist.urlpatterns,
    *exports.urlpatterns,
    *lists.urlpatterns,
    *segments.urlpatterns,
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
