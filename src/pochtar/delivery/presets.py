"""SMTP servers of the providers that small firms use: where they are, what they take.

The day's limit is the provider's own for one mailbox, so that a mailing is spread over
days rather than refused in the middle (PRV-06).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pochtar.delivery.limits import RelayLimits
from pochtar.delivery.models import RelayTls

TLS, STARTTLS = RelayTls.IMPLICIT.value, RelayTls.STARTTLS.value
APP_PASSWORD = _(
    "Log in with the mailbox's address and an application password: it is made in the "
    "mailbox's security settings, the ordinary one is refused."
)

APP_PASSWORD_OR_OAUTH = _(
    "Log in with the mailbox's address and an application password, made in the "
    "mailbox's security settings (the ordinary one is refused), or with OAuth 2."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    name: str
    host: str
    port: int
    tls: str
    note: Promise | str = ""
    username: str = ""
    oauth_url: str = ""  # OAuth 2
    scope: str = ""
    oauth_first: bool = False  # the provider wants passwords no more
    limits: RelayLimits = field(default_factory=RelayLimits)


PRESETS: dict[str, Preset] = {
    "yandex": Preset(
        name="Yandex 360",
        host="smtp.yandex.ru",
        port=465,
        tls=TLS,
        note=APP_PASSWORD_OR_OAUTH,
        oauth_url="https://oauth.yandex.ru/token",
        limits=RelayLimits(
            max_connections=2, messages_per_connection=20, per_minute=20, per_day=500
        ),
    ),
    "mailru": Preset(
        name="Mail.ru",
        host="smtp.mail.ru",
        port=465,
        tls=TLS,
        note=APP_PASSWORD,
        limits=RelayLimits(
            max_connections=2, messages_per_connection=20, per_minute=20, per_day=500
        ),
    ),
    "google": Preset(
        name="Gmail / Google Workspace",
        host="smtp.gmail.com",
        port=587,
        tls=STARTTLS,
        note=APP_PASSWORD_OR_OAUTH,
        oauth_url="https://oauth2.googleapis.com/token",
        scope="https://mail.google.com/",
        limits=RelayLimits(
            max_connections=2, messages_per_connection=50, per_minute=20, per_day=500
        ),
    ),
    "microsoft": Preset(
        name="Microsoft 365",
        host="smtp.office365.com",
        port=587,
        tls=STARTTLS,
        note=_(
            "Log in with OAuth 2: the login with a password is switched off step by "
            "step since the end of 2026 (a refusal names 5.7.30). An administrator must "
            "allow “Authenticated SMTP” for the mailbox."
        ),
        oauth_url="https://login.microsoftonline.com/common/oauth2/v2.0/token",
        scope="https://outlook.office.com/SMTP.Send offline_access",
        oauth_first=True,
        limits=RelayLimits(
            max_connections=3, messages_per_connection=50, per_minute=30, per_day=10000
        ),
    ),
    "unisender": Preset(
        name="Unisender Go",
        host="smtp.go2.unisender.ru",
        port=587,
        tls=STARTTLS,
        note=_(
            "Login and password are in the project's settings. Check the host there."
        ),
        limits=RelayLimits(max_connections=5),
    ),
    "ses": Preset(
        name="Amazon SES",
        host="email-smtp.eu-central-1.amazonaws.com",
        port=587,
        tls=STARTTLS,
        note=_(
            "Put your region into the host. The SMTP login is made in the console; the "
            "account's own limits stand there too."
        ),
        limits=RelayLimits(max_connections=5, per_second=14, per_day=50000),
    ),
    "postal": Preset(
        name="Postal",
        host="postal.example.com",
        port=25,
        tls=STARTTLS,
        note=_("Your own server: put in its name. The login is the credential's name."),
        limits=RelayLimits(max_connections=10),
    ),
}
