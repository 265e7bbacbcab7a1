"""The ASGI application, for servers that want one; WSGI is faster."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

from pochtar.conf.celery import app as celery
from pochtar.conf.loaded import keep_what_is_loaded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pochtar.conf.settings")

application = get_asgi_application()
celery.set_default()  # so that pages' nudges reach our broker
keep_what_is_loaded()
