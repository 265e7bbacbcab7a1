"""Every address of the service."""

from __future__ import annotations

from allauth.decorators import rate_limit
from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _

# SEC-17: as often as our own login page, and no more.
admin.site.login = rate_limit(action="login")(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = _("Pochtar: administration")

urlpatterns = [
    path("", include("pochtar.web.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "pochtar.web.errors.bad_request"
handler404 = "pochtar.web.errors.not_found"
handler403 = "pochtar.web.errors.forbidden"
handler500 = "pochtar.web.errors.server_error"
