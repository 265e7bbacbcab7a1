"""Limits as people set them: of an SMTP server, its warm-up, and of providers."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mailcore.providers import PROVIDERS
from pochtar.accounts.models import Role, User, Workspace
from pochtar.accounts.services import require_role, write_audit
from pochtar.base.errors import InvalidInput
from pochtar.delivery.models import ProviderRule, ProviderState, Relay
from pochtar.delivery.quotas import ProviderLimits
from pochtar.delivery.ways import wake_slices

# Twice as much each day; a new domain or address earns its name in ten days (PRV-04).
WARMUP_PLAN = (50, 100, 250, 500, 1000, 2000, 4000, 8000, 16000, 32000)
LONGEST_PLAN = 60
HIGHEST = 10_000_000
MOST_CONNECTIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayLimits:
    """What a person sets for an SMTP server; None is no limit."""

    max_connections: int | None = None
    messages_per_connection: int = 100
    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None
    per_day: int | None = None
    warmup_started_on: dt.date | None = None
    warmup_plan: tuple[int, ...] = ()


def apply_limits(relay: Relay, limits: RelayLimits) -> None:
    """Put the limits on the row. Raises InvalidInput with the field."""
    for field in dataclasses.fields(limits):
        value = getattr(limits, field.name)
        if field.name == "warmup_plan":
            value = _clean_plan(limits)
        elif isinstance(value, int):
            most = MOST_CONNECTIONS if field.name == "max_connections" else HIGHEST
            _check_number(value, most, field.name)
        setattr(relay, field.name, value)


def _check_number(value: int, most: int, field: str) -> None:
    if not 1 <= value <= most:
        raise InvalidInput(
            "limit_number", _("Enter a whole number from 1 up."), field=field
        )


def _clean_plan(limits: RelayLimits) -> list[int]:
    plan = list(limits.warmup_plan)
    if limits.warmup_started_on and not plan:
        plan = list(WARMUP_PLAN)
    if len(plan) > LONGEST_PLAN or not all(1 <= cap <= HIGHEST for cap in plan):
        raise InvalidInput(
            "warmup_plan",
            _("Enter up to 60 numbers, one for each day, separated by commas."),
            field="warmup_plan",
        )
    return plan


@transaction.atomic
def set_provider_rules(
    workspace: Workspace, rules: Mapping[str, ProviderLimits], *, by: User
) -> None:
    """Replace the workspace's own limits; one without numbers is the table's again."""
    require_role(by, workspace, Role.MANAGER)
    before = {rule.provider: rule for rule in ProviderRule.objects.of(workspace)}
    for provider, limits in rules.items():
        if provider not in PROVIDERS:
            raise InvalidInput("provider", _("There is no such provider."))
        values = dataclasses.asdict(limits)
        for name, value in values.items():
            if value is not None:
                _check_number(value, HIGHEST, f"{provider}-{name}")
        if not any(values.values()):
            ProviderRule.objects.of(workspace).filter(provider=provider).delete()
            continue
        rule = before.get(provider) or ProviderRule(provider=provider)
        rule.workspace = workspace
        for name, value in values.items():
            setattr(rule, name, value)
        rule.save()
    write_audit(workspace, by=by, verb="provider_limits_changed", subject=workspace)


@transaction.atomic
def forget_learnt(relay: Relay, provider: str, *, by: User) -> None:
    """Go as fast as before to a provider that had asked to slow down."""
    require_role(by, relay.workspace_id, Role.MANAGER)
    # What has left today still counts.
    ProviderState.objects.filter(relay=relay, provider=provider).update(learnt={})
    wake_slices(relay, now=timezone.now())
    write_audit(
        relay.workspace,
        by=by,
        verb="provider_learnt_forgotten",
        subject=relay,
        provider=provider,
    )
