"""Settings of the bundled provider: everything from the environment, safe defaults.

What the environment does not give is read from `var/env`, the file that holds this installation's secrets.
"""

from pathlib import Path

from redis_connections import addresses
from safekeeping import databases
from safekeeping.environment import read_environment
from safekeeping.files import write_privately
from safekeeping.settings_values import Env

BASE_DIR = Path(__file__).resolve().parent.parent.parent

env = Env()
VAR_DIR = Path(env("PROVIDER_VAR_DIR", default=str(BASE_DIR / "var")))
write_privately()
SECRETS = [
    "PROVIDER_SECRET_KEY",
    "PROVIDER_DATABASE_URL",
    "PROVIDER_REDIS_URL",
    "PROVIDER_ADMIN_PASSWORD",
    "REDIS_URL",
    "VALKEY_PASSWORD",
]
read_environment(VAR_DIR / "env", secrets=SECRETS)

# Where and how it runs -------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env("PROVIDER_SECRET_KEY")
ALLOWED_HOSTS = env.list("PROVIDER_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("PROVIDER_CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "hosting.provider.urls"
WSGI_APPLICATION = "hosting.provider.wsgi.application"

INSTALLED_APPS = [
    "hosting.provider",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Data ------------------------------------------------------------------------------------------------------
DATABASES = {
    "default": databases.connecting(
        env.db("PROVIDER_DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'provider.sqlite3'}"),
        env.int("DATABASE_CONNECTIONS", default=24),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"  # ids must fit the wire's four-byte integers
# The panel's own Redis is used under another prefix, and in the embedded one under another number too.
PROVIDER_REDIS_URL = env("PROVIDER_REDIS_URL", default=env("REDIS_URL", default=""))
if not PROVIDER_REDIS_URL:
    _valkey_port = env.int("VALKEY_PORT", default=env.int("PORT", default=8000) + 20)
    PROVIDER_REDIS_URL = f"redis://:{env('VALKEY_PASSWORD')}@127.0.0.1:{_valkey_port}/1"
addresses.check_form("PROVIDER_REDIS_URL or REDIS_URL", PROVIDER_REDIS_URL)
REDIS_PREFIX = "sharedeck-provider:"
REDIS_TIMEOUT_S = 0.5

# The Hosting API -------------------------------------------------------------------------------------------
PROVIDER_SESSION_SECONDS = env.int("PROVIDER_SESSION_SECONDS", default=12 * 3600)
# Calls in two seconds for one login; 0 means no limit.
PROVIDER_RATE_LIMIT = env.int("PROVIDER_RATE_LIMIT", default=30)
# Calls without a session in two seconds from one address; 0 means no limit, for wrong passwords neither.
PROVIDER_ADDRESS_RATE_LIMIT = env.int("PROVIDER_ADDRESS_RATE_LIMIT", default=PROVIDER_RATE_LIMIT)
PROVIDER_LATENCY_MS = env.float("PROVIDER_LATENCY_MS", default=0.0)
# Rules that make calls go wrong on purpose: see `hosting.provider.endpoint.scripted_faults`.
PROVIDER_FAULTS = env.str("PROVIDER_FAULTS", default="")
PROVIDER_DRIVER = env("PROVIDER_DRIVER", default="hosting.provider.drivers.simulated.SimulatedDriver")
# Steps of operations that can be under way on one host at once, in one worker.
PROVIDER_HOST_THREADS = env.int("PROVIDER_HOST_THREADS", default=4)
# The name servers that VMs are given.
PROVIDER_DNS = env.list("PROVIDER_DNS", default=[])
# Where consoles of VMs are served, and the address under which clients reach them: a ticket is put behind it.
PROVIDER_CONSOLE_BIND = env(
    "PROVIDER_CONSOLE_BIND",
    default=f"127.0.0.1:{env.int('PROVIDER_CONSOLE_PORT', default=env.int('PROVIDER_PORT', default=8010) + 1)}",
)
PROVIDER_CONSOLE_URL = env("PROVIDER_CONSOLE_URL", default=f"ws://{PROVIDER_CONSOLE_BIND}/console/")
# Seconds after which a viewer that types nothing is sent away.
PROVIDER_CONSOLE_IDLE_S = env.float("PROVIDER_CONSOLE_IDLE_S", default=900.0)
# Simulated work takes its believable time multiplied by this; 0 is done at once.
PROVIDER_SPEED = env.float("PROVIDER_SPEED", default=0.2)
PROVIDER_ADMIN_PASSWORD = env("PROVIDER_ADMIN_PASSWORD", default="")

# Background work -------------------------------------------------------------------------------------------
CELERY_BROKER_URL = addresses.for_celery(PROVIDER_REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    "socket_timeout": 5,
    "socket_connect_timeout": REDIS_TIMEOUT_S,
    # A call that was accepted is answered at once, with or without a broker.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "provider"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# Jobs are acknowledged when they begin, so this cancels none of them. Without it, Celery warns whenever it loses its
# broker.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TIMEZONE = "UTC"

# People ----------------------------------------------------------------------------------------------------
# scrypt makes guessing cost memory as well as time. It takes a quarter of a second for a login every twelve hours.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
SESSION_ENGINE = "safekeeping.sessions"
# The panel may be served from the same host name, and cookies do not tell ports apart.
SESSION_COOKIE_NAME = "provider_sessionid"
CSRF_COOKIE_NAME = "provider_csrftoken"
SESSION_COOKIE_HTTPONLY = True
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# Languages, time, looks ------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "provider-static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# Logs ------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "filters": {"outages_once": {"()": "redis_connections.outage.ToldOnce"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["outages_once"]}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "WARNING"},
        "celery": {"level": "WARNING"},
        # With DEBUG, calls that only read are a line each too.
        "hosting.provider.methods.registry": {"level": env.log_level("PROVIDER_CALLS_LOG_LEVEL", default="NOTSET")},
    },
}
