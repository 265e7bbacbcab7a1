"""The WSGI application (Granian serves it)."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from pochtar.conf.celery import app as celery
from pochtar.conf.loaded import keep_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pochtar.conf.settings")

application = get_wsgi_application()
celery.set_default()  # so that pages' nudges reach our broker
keep_what_is_loaded()
