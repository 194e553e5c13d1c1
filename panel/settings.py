"""Settings of the panel: one file, everything from the environment, safe defaults.

What the environment does not give is read from `var/env` (see `panel.environment`).
"""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from panel.environment import data_directory
from redis_connections import addresses
from safekeeping import databases
from safekeeping.environment import read_environment
from safekeeping.files import write_privately
from safekeeping.settings_values import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = data_directory()
write_privately()

SECRETS = [
    "SECRET_KEY",
    "SEAL_KEYS",
    "AUDIT_KEY",
    "VALKEY_PASSWORD",
    "DATABASE_URL",
    "REDIS_URL",
    "EMAIL_URL",
    "DEMO_PASSWORD",
]
read_environment(VAR_DIR / "env", secrets=SECRETS)
env = Env()

from panel.sign_in_settings import *  # noqa: E402, F403 - reads the environment that was completed above

# Where and how it runs -------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY")
PORT = env.int("PORT", default=8000)
# Where people reach the panel. Links in mails begin with it, never with a request's Host header.
PANEL_URL = env.address("PANEL_URL", default=f"http://127.0.0.1:{PORT}/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "panel.urls"
WSGI_APPLICATION = "panel.wsgi.application"

INSTALLED_APPS = [
    "hosting",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "hosting.apps.UserSessionsConfig",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_filters",
    "django_htmx",
    "django_tables2",
]

MIDDLEWARE = [
    # First, so that static files, redirects and refusals have the headers of a page too.
    "hosting.web.answers.middleware.headers",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "hosting.web.answers.middleware.error_pages",
    "hosting.web.answers.middleware.viewer_zone",
]
CSRF_FAILURE_VIEW = "hosting.web.answers.errors.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {"panel": "hosting.web.templatetags.panel"},
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hosting.web.answers.middleware.nonce_of_page",
                "hosting.web.answers.middleware.silence",
            ],
        },
    },
]

# Data ------------------------------------------------------------------------------------------------------
# How many connections to PostgreSQL each process has at most: as many as jobs run at once, and renew their claims.
DATABASE_CONNECTIONS = env.int("DATABASE_CONNECTIONS", default=24)
DATABASES = {
    "default": databases.connecting(
        env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'panel.sqlite3'}"), DATABASE_CONNECTIONS
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env("REDIS_URL", default="")
if not REDIS_URL:
    _valkey_port = env.int("VALKEY_PORT", default=PORT + 20)
    REDIS_URL = f"redis://:{env('VALKEY_PASSWORD')}@127.0.0.1:{_valkey_port}/0"
addresses.check_form("REDIS_URL", REDIS_URL)
# A page must not hang when Redis does: half a second is a hundred times what an answer takes on a local network.
REDIS_TIMEOUT_S = 0.5

CACHES = {
    "default": {
        "BACKEND": "panel.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "pool_class": "redis_connections.connection.Pool",
            "socket_timeout": REDIS_TIMEOUT_S,
            "socket_connect_timeout": REDIS_TIMEOUT_S,
        },
    }
}
SESSION_ENGINE = "hosting.web.access.session_store"

# Secrets of resellers: Fernet keys, the first seals, all of them open.
SEAL_KEYS = env.list("SEAL_KEYS")
# The key that signs the audit log's chain. It must not change: to replace SECRET_KEY, set this to the old one.
AUDIT_KEY = env("AUDIT_KEY", default=SECRET_KEY)

# The Hosting API -------------------------------------------------------------------------------------------
BUNDLED_PROVIDER_URL = env.address(
    "BUNDLED_PROVIDER_URL", default=f"http://127.0.0.1:{env.int('PROVIDER_PORT', default=8010)}/xmlrpc/"
)
# name=url pairs; members choose among these, so that nobody can point a worker at an arbitrary address.
API_ENDPOINTS = env.addresses("API_ENDPOINTS", default={"Bundled provider": BUNDLED_PROVIDER_URL})
API_CONNECT_TIMEOUT_S = env.float("API_CONNECT_TIMEOUT_S", default=5.0)
API_READ_TIMEOUT_S = env.float("API_READ_TIMEOUT_S", default=30.0)
# Use the extensions of the API that an endpoint lists, such as `sharedeck.once`; without them, version 1 alone.
API_EXTENSIONS = env.bool("API_EXTENSIONS", default=True)
# Calls in two seconds for one login.
API_RATE_LIMIT = env.int("API_RATE_LIMIT", default=30)

# Seconds after which a worker that no longer renews its claims counts as dead (`hosting.leases`).
LEASE_S = env.float("LEASE_S", default=15.0)
# Seconds for which the provider's list is searched for an unconfirmed operation before it counts as not seen.
UNCERTAIN_GRACE_S = env.float("UNCERTAIN_GRACE_S", default=60.0)
# Hours that an operation above a spending limit waits for approval before it is given up.
APPROVAL_LIMIT_H = env.float("APPROVAL_LIMIT_H", default=72.0)
# Seconds between two mirror rounds of an account, and until each of its rows is re-read.
MIRROR_ROUND_S = env.float("MIRROR_ROUND_S", default=30.0)
MIRROR_REREAD_S = env.float("MIRROR_REREAD_S", default=900.0)
# Seconds without a sign of life from the workers after which every page says so and `/health` fails
# (`hosting.accounts.pulse`). A deployment restarts the workers within this time.
SILENCE_LIMIT_S = env.float("SILENCE_LIMIT_S", default=30.0)

# Consoles --------------------------------------------------------------------------------------------------
# Where the web server hands open consoles over to the console process (`hosting.console`).
CONSOLE_SOCKET = env("CONSOLE_SOCKET", default=str(VAR_DIR / "console.sock"))
# Hosts, besides an endpoint's own, to which its consoles may lead.
CONSOLE_HOSTS = env.list("CONSOLE_HOSTS", default=[])
# Seconds after which a console is closed at which nobody types.
CONSOLE_IDLE_S = env.float("CONSOLE_IDLE_S", default=900.0)

# Background work -------------------------------------------------------------------------------------------
CELERY_BROKER_URL = addresses.for_celery(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Workers wait for their broker for as long as it takes.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A page that asks for a job does not wait for a broker that is away: the sweep asks again.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": REDIS_TIMEOUT_S,
    "max_retries": 1,
    "interval_start": 0,
}
CELERY_TASK_IGNORE_RESULT = True
# The queue of the sweep, which beat asks for (`hosting.jobs`).
CELERY_TASK_DEFAULT_QUEUE = "members"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Jobs are acknowledged when they begin, so this cancels none of them. Without it, Celery warns whenever it loses its
# broker.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat")
# A late sweep is dropped: the next one does the same.
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "hosting.tasks.sweep", "schedule": 0.5, "options": {"expires": 2}}}

# People: `panel.sign_in_settings` ---------------------------------------------------------------------------
# The demo's password is made anew for each installation; `make run` prints it.
DEMO_PASSWORD = env("DEMO_PASSWORD", default="")

# Mail ------------------------------------------------------------------------------------------------------
# A mail is a row until a worker has sent it with `MAIL_BACKEND`, which `EMAIL_URL` names. Without one it becomes a
# file: mails hold links that set passwords, so they are no matter for a log.
EMAIL_BACKEND = "hosting.mail.backends.Outbox"
EMAIL_CONFIGURED = bool(env("EMAIL_URL", default=""))
MAIL_DIRECTORY = VAR_DIR / "mail"
_mail = env.email("EMAIL_URL") if EMAIL_CONFIGURED else {"EMAIL_BACKEND": "hosting.mail.backends.PrivateFiles"}
MAIL_BACKEND = _mail.pop("EMAIL_BACKEND")
vars().update(_mail)
# Seconds for each step of a conversation with the mail server.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("MAIL_FROM", default="Sharedeck <sharedeck@localhost>")

# How many mails one person may cause in a day, and one address of people who are not signed in.
MAILS_A_DAY = env.int("MAILS_A_DAY", default=100)

# Languages and time ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "hosting" / "locale"]
FORMAT_MODULE_PATH = "panel.formats"
USE_TZ = True
TIME_ZONE = env.zone("TIME_ZONE", default="UTC")

# Looks -----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The umask decides, as for every other file.
FILE_UPLOAD_PERMISSIONS = None
STATICFILES_DIRS = [BASE_DIR / "static", BASE_DIR / "var" / "assets"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "hosting/_table.html"

# Browser-side safety ---------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        # Only what a page names itself, and of that nothing inline: not every file that this host serves.
        "script-src": [NONCE],
        "style-src": [NONCE],
        # Tabler's style sheet draws its carets and check marks with data: images.
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
# `HTTPS=1` behind a TLS proxy: cookies then travel over TLS alone, and browsers are told to insist.
HTTPS = env.bool("HTTPS", default=False)
# No other host and no page over plain HTTP can set a cookie whose name begins like this.
_prefix = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_prefix}sessionid", f"{_prefix}csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = HTTPS
# Process managers and load balancers ask this one behind the proxy.
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
# HSTS covers subdomains of the panel's host too: set `HSTS_SUBDOMAINS=0` where those have no TLS.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS", default=HTTPS)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
# How many proxies append to X-Forwarded-For. The address of a person is the one that the first of them saw: limits
# count by it, policies compare it, and the audit log records it (`hosting.web.access.origin`).
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=1 if HTTPS else 0)
SECURE_REFERRER_POLICY = "same-origin"

# Logs ------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "filters": {
        "refused": {"()": "panel.request_lines.Refused"},
        "no_secrets": {"()": "panel.logs.NoSecrets"},
        "outages_once": {"()": "redis_connections.outage.ToldOnce"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refused", "no_secrets", "outages_once"],
        }
    },
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", default="INFO")},
    "loggers": {"django": {"handlers": [], "level": "WARNING"}, "celery": {"level": "WARNING"}},
}
