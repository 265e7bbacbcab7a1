"""All settings, driven by the environment (docs/reference/configuration.md).

One file: environments differ by variables only.  Secrets have no defaults; each may
come from a file named by ``<NAME>_FILE``.
"""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from pochtar.conf.environment import env_file, var_directory
from pochtar.conf.logging import logging_config

django_stubs_ext.monkeypatch()  # ModelAdmin[User] and its like, at run time

PACKAGE = Path(__file__).resolve().parent.parent
VAR = var_directory()
VAR.mkdir(parents=True, exist_ok=True)

env = environ.FileAwareEnv()
ENV_FILE = env_file()
env.read_env(ENV_FILE)

DEBUG: bool = env.bool("DEBUG", default=False)
SECRET_KEY: str = env.str("SECRET_KEY")
# Earlier ones: the links of letters that were signed with them go on working.
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
ENCRYPTION_KEY: str = env.str("ENCRYPTION_KEY")
PUBLIC_URL: str = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
PUBLIC_HOST: str = urlsplit(PUBLIC_URL).hostname or "127.0.0.1"
SECURE: bool = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=[PUBLIC_HOST, "127.0.0.1", "localhost", "[::1]"]
)
CSRF_TRUSTED_ORIGINS: list[str] = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "pochtar.ops",  # before staticfiles: its runserver is ours
    "pochtar.web",  # before allauth: its templates are ours
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "template_partials",
    "pochtar.accounts",
    "pochtar.recipients",
    "pochtar.content",
    "pochtar.sandbox",
    "pochtar.delivery",
    "pochtar.mailings",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "pochtar.web.access.WorkspaceMiddleware",
]

ROOT_URLCONF = "pochtar.conf.urls"
WSGI_APPLICATION = "pochtar.conf.wsgi.application"
ASGI_APPLICATION = "pochtar.conf.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "pochtar.web.access.page_context",
            ],
        },
    }
]

# Data -----------------------------------------------------------------------------
DATABASES = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{VAR / 'pochtar.sqlite3'}")
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a writer waits its turn instead of failing at its first write.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
            "PRAGMA foreign_keys=ON;PRAGMA cache_size=-32000;"
        ),
    }
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 60)
    DATABASES["default"].setdefault("CONN_HEALTH_CHECKS", True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": VAR / "cache",
    }
}
if CACHE_URL := env.str("CACHE_URL", default=""):
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
    }

# Languages and time ------------------------------------------------------------------
LANGUAGE_CODE = "ru"
LANGUAGES = [("ru", _("Russian")), ("en", _("English"))]
LOCALE_PATHS = [PACKAGE / "locale"]
TIME_ZONE: str = env.str("TIME_ZONE", default="Europe/Moscow")
USE_TZ = True
USE_I18N = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SECURE

# Files ------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise wants it, even to find nothing there
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 3600
# Their names change with their content (Vite).
WHITENOISE_IMMUTABLE_FILE_TEST = r"/dist/assets/"
MEDIA_ROOT = VAR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024  # a 10 MB paste gets a field error
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
# Files of imports: written to the disk while they arrive, beside where they are kept.
FILE_UPLOAD_HANDLERS = ["pochtar.web.uploads.DiskUploadHandler"]
FILE_UPLOAD_TEMP_DIR = VAR / "uploads"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# Security ---------------------------------------------------------------------------
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "pochtar.web.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
if SECURE:
    SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds())
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ["email", "name"]}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
    )
]

# Accounts (django-allauth) ----------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# One backend, itself a ModelBackend: two would hash each wrong password twice.
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=24).total_seconds())
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "pochtar.web.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    name: f"pochtar.web.forms.account.{form}"
    for name, form in (
        ("signup", "SignupForm"),
        ("login", "LoginForm"),
        ("add_email", "ChangeEmailForm"),
        ("change_password", "ChangePasswordForm"),
        ("set_password", "SetPasswordForm"),
        ("reset_password", "ResetPasswordForm"),
        ("reset_password_from_key", "NewPasswordForm"),
        ("reauthenticate", "ReauthenticateForm"),
    )
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # the password again before a new address
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "signup": "20/m/ip",
    "confirm_email": "1/1m/key",
    "reset_password": "20/m/ip,3/5m/key",
    "change_password": "5/m/user",
    "manage_email": "10/m/user",
    "come_back": "5/h/key",
}
# Behind a proxy everybody comes from its address, and would share one limit.
ALLAUTH_TRUSTED_PROXY_COUNT: int = env.int("TRUSTED_PROXIES", default=0)
if not env.bool("RATE_LIMITS", default=True):
    ACCOUNT_RATE_LIMITS = {}

# Mail -------------------------------------------------------------------------------
# The sandbox is a real SMTP server of our own: mail goes there until a relay is set.
SANDBOX_HOST: str = env.str("SANDBOX_HOST", default="127.0.0.1")
SANDBOX_PORT: int = env.int("SANDBOX_PORT", default=8025)
SANDBOX_KEEP_LETTERS: int = env.int("SANDBOX_KEEP_LETTERS", default=20_000)
# smtp://user:password@host:port?tls=starttls  (implicit, starttls, opportunistic, none)
SYSTEM_SMTP_URL: str = env.str("SYSTEM_SMTP_URL", default="")
SYSTEM_FROM: str = env.str("SYSTEM_FROM", default="Почтарь <pochtar@localhost.local>")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = SYSTEM_FROM
EMAIL_BACKEND = "pochtar.delivery.mail_backend.EmailBackend"
HELO_NAME: str = env.str("HELO_NAME", default="")
# A mailbox that somebody reads: whoever writes there wants no more letters (MSG-22).
UNSUBSCRIBE_MAILTO: str = env.str("UNSUBSCRIBE_MAILTO", default="")
if not re.fullmatch(r"([\w.+-]+@[\w.-]+)?", UNSUBSCRIBE_MAILTO, re.ASCII):
    raise ImproperlyConfigured("UNSUBSCRIBE_MAILTO is no plain e-mail address.")
# The last field of Feedback-ID: the same in all mail of this installation (MSG-26).
FEEDBACK_SENDER_ID: str = env.str("FEEDBACK_SENDER_ID", default="pochtar")
if not re.fullmatch(r"[A-Za-z0-9]{5,15}", FEEDBACK_SENDER_ID):
    raise ImproperlyConfigured("FEEDBACK_SENDER_ID is 5 to 15 letters and digits.")
# SEC-08: may a workspace's SMTP server stand in a private network?
ALLOW_PRIVATE_RELAYS: bool = env.bool("ALLOW_PRIVATE_RELAYS", default=DEBUG)
# DNS shows whether DKIM records are published; without a name, the machine's resolver.
DNS_NAMESERVER: str = env.str("DNS_NAMESERVER", default="")
DNS_PORT: int = env.int("DNS_PORT", default=53)
DNS_TIMEOUT: float = env.float("DNS_TIMEOUT", default=5.0)
# The service's own domain signs too (DKIM-06).
DKIM_SERVICE_DOMAIN: str = env.str("DKIM_SERVICE_DOMAIN", default="").lower()
DKIM_SERVICE_SELECTOR: str = env.str("DKIM_SERVICE_SELECTOR", default="")
DKIM_SERVICE_KEY: str = env.str("DKIM_SERVICE_KEY", default="")
DELIVERY_CONNECTIONS: int = env.int("DELIVERY_CONNECTIONS", default=5)
DELIVERY_CHUNK_PER_CONNECTION: int = env.int(
    "DELIVERY_CHUNK_PER_CONNECTION", default=10
)
DELIVERY_SLICE_SIZE: int = env.int("DELIVERY_SLICE_SIZE", default=1000)
# Ask DNS, in the background, which provider is behind a company's domain, and whether
# the domains of recipients take mail.
MX_LOOKUPS: bool = env.bool("MX_LOOKUPS", default=True)
DELIVERY_LEASE = timedelta(seconds=60)
# Letters put off are tried again for so long (SMTP-19); 0: never.
RETRY_HOURS: int = env.int("RETRY_HOURS", default=72)
if RETRY_HOURS and not 4 <= RETRY_HOURS <= 120:
    raise ImproperlyConfigured("RETRY_HOURS must be from 4 to 120, or 0.")
# Minutes from each try to the next, ± 10 %; the last one repeats.
RETRY_MINUTES: list[float] = env.list(
    "RETRY_MINUTES", cast=float, default=[15, 30, 60, 120, 240, 420]
)
RETRY_GREYLISTED_MINUTES: float = env.float("RETRY_GREYLISTED_MINUTES", default=7)
if not RETRY_MINUTES or min(*RETRY_MINUTES, RETRY_GREYLISTED_MINUTES) <= 0:
    raise ImproperlyConfigured("RETRY_MINUTES must be numbers above zero.")
# A launch from a page can be taken back for so long; 0 for no such moment.
LAUNCH_UNDO_SECONDS: int = env.int("LAUNCH_UNDO_SECONDS", default=30)
# A careful start: so many per cent first, and when too many of them failed.
CANARY_SHARE: int = env.int("CANARY_SHARE", default=2)
CANARY_FAILED_PERCENT: int = env.int("CANARY_FAILED_PERCENT", default=10)
CANARY_UNKNOWN_PERCENT: int = env.int("CANARY_UNKNOWN_PERCENT", default=5)
# More refusals for good than that within ten minutes pause a mailing.
REFUSED_PERCENT: int = env.int("REFUSED_PERCENT", default=10)
# A scheduled launch later than that was missed.
MISSED_AFTER = timedelta(minutes=env.int("MISSED_AFTER_MINUTES", default=15))

# Recipients ---------------------------------------------------------------------------
# So long an import can be undone, and its refused rows be had.
IMPORT_KEEP_DAYS: int = env.int("IMPORT_KEEP_DAYS", default=30)
# Files of one workspace within a day (SEC-21).
IMPORTS_PER_DAY: int = env.int("IMPORTS_PER_DAY", default=200)
# So long the file of an export can be downloaded.
EXPORT_KEEP_HOURS: float = env.float("EXPORT_KEEP_HOURS", default=24)
# So long a bulk action can be undone.
BULK_UNDO_DAYS: int = env.int("BULK_UNDO_DAYS", default=30)

# Work in the background ---------------------------------------------------------------
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", default="filesystem://localhost/")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT = "pochtar.base.folder_broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR / "broker" / "messages"),
        "data_folder_out": str(VAR / "broker" / "messages"),
        "control_folder": str(VAR / "broker" / "control"),
        "store_processed": False,
        "polling_interval": 0.2,  # seconds from a nudge to its work
    }
    (VAR / "broker" / "messages").mkdir(parents=True, exist_ok=True)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # the table is the queue: the tick finds it
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ALWAYS_EAGER = False
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "tick": {
        "task": "pochtar.mailings.tick",
        "schedule": 2.0,
        "options": {"expires": 10.0},  # it may stand behind some turns
    },
    "works": {
        "task": "pochtar.recipients.tick",
        "schedule": 5.0,
        "options": {"expires": 10.0},
    },
    "domains": {
        "task": "pochtar.recipients.look_up_domains",
        "schedule": 30.0,
        "options": {"expires": 30.0},
    },
    "prune": {"task": "pochtar.sandbox.prune", "schedule": 3600.0},
    "prune_imports": {
        "task": "pochtar.recipients.prune_imports",
        "schedule": 3600.0,
    },
    "prune-recipients": {"task": "pochtar.recipients.prune", "schedule": 600.0},
}

LOGGING = logging_config(
    debug=DEBUG, as_json=env.bool("LOG_JSON", default=not os.isatty(2))
)
