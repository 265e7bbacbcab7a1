"""A foreign key may be a string, which import-linter cannot see: check its arrow."""

from __future__ import annotations

from django.apps import apps

# From the bottom up; the same number may not see its neighbours.
LEVEL = {
    "accounts": 0,
    "recipients": 1,
    "content": 1,
    "sandbox": 1,
    "delivery": 2,
    "tracking": 3,
    "mailings": 4,
}


def test_no_relation_points_up_or_sideways():
    guilty = [
        f"{model._meta.label}.{field.name} -> {target._meta.label}"
        for model in apps.get_models()
        if model._meta.app_label in LEVEL
        for field in model._meta.get_fields()
        if field.concrete and (target := field.related_model) is not None
        if not _may_point(model._meta.app_label, target._meta.app_label)
    ]

    assert guilty == []


def _may_point(source: str, target: str) -> bool:
    if source == target or target not in LEVEL:
        return True
    return LEVEL[target] < LEVEL[source]


def test_every_domain_app_has_its_level():
    ours = {
        config.label
        for config in apps.get_app_configs()
        if config.name.startswith("pochtar.") and any(config.get_models())
    }

    assert ours - LEVEL.keys() == set()
