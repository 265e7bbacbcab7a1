"""Join two branches of the tables' history; changes nothing."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0005_consent_head"),
        ("recipients", "0005_segments_and_types"),
    ]

    operations = []
