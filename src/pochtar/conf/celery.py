"""The Celery application: ``celery -A pochtar.conf.celery worker``."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pochtar.conf.settings")

app = Celery("pochtar")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
