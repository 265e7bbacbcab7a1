"""Every address of the service."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("pochtar.web.urls")),
    path("admin/", admin.site.urls),
]

handler404 = "pochtar.web.errors.not_found"
handler403 = "pochtar.web.errors.forbidden"
handler500 = "pochtar.web.errors.server_error"
