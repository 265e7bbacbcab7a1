"""Join two branches of the tables' history; changes nothing."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("recipients", "0006_guard_consent"),
        ("recipients", "0005_segments_and_types"),
    ]

    operations = []
