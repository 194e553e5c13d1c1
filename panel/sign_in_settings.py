"""Settings of people: who may sign up, how they sign in, and how often somebody may try. Part of `panel.settings`."""

from safekeeping.settings_values import Env

env = Env()

AUTH_USER_MODEL = "hosting.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
# Who may sign up and create teams: "open" for everybody, "invited" only for people with an invitation.
SIGN_UP = env.choice("SIGN_UP", ("invited", "open"), default="invited")
# How long the link of an invitation works.
INVITATION_LIFE_DAYS = env.int("INVITATION_LIFE_DAYS", default=7)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
# How long after somebody confirmed who they are a sensitive page opens, and its form is still accepted
# (`hosting.web.access.reauthentication`). Seconds.
PROOF_OPENS_S = env.int("PROOF_OPENS_S", default=15 * 60)
PROOF_CHANGES_S = env.int("PROOF_CHANGES_S", default=45 * 60)
# How long a browser in which somebody has signed in is known (`hosting.web.access.devices`). Seconds.
DEVICE_COOKIE_AGE_S = 365 * 24 * 3600

ACCOUNT_ADAPTER = "hosting.web.access.allauth_adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "hosting.web.forms.sign_in.LoginForm",
    "signup": "hosting.web.forms.sign_in.SignupForm",
    "add_email": "hosting.web.forms.sign_in.AddEmailForm",
    "change_password": "hosting.web.forms.sign_in.ChangePasswordForm",
    "set_password": "hosting.web.forms.sign_in.SetPasswordForm",
    "reset_password": "hosting.web.forms.sign_in.ResetPasswordForm",
    "reset_password_from_key": "hosting.web.forms.sign_in.ResetPasswordKeyForm",
    "reauthenticate": "hosting.web.forms.sign_in.ReauthenticateForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
PASSWORD_RESET_TIMEOUT = 24 * 3600
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Sharedeck: "
# One address: a new one takes the old one's place once it is confirmed.
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
# How long people stay signed in; a team's policy may require a new sign-in sooner.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=7 * 24) * 3600
ACCOUNT_RATE_LIMITS = {
    # Wrong passwords, from unknown browsers and from one that the person is known in: see `hosting.web.access.devices`.
    "login": None,
    "login_failed": "10/m/ip,5/5m/key",
    "login_failed_here": "5/5m/key",
    "signup": "10/m/ip",
    "reset_password": "10/m/ip",
    # Mails to one address.
    "reset_mail": "4/h/key",
    "reset_password_from_key": "10/m/ip",
    "confirm_link": "10/m/ip",
    "reauthenticate": "10/m/user",
    "manage_email": "10/m/user",
    "change_password": "5/m/user,20/d/user",
}

MFA_ADAPTER = "hosting.web.access.allauth_adapters.MFAAdapter"
MFA_FORMS = {
    "authenticate": "hosting.web.forms.sign_in.AuthenticateForm",
    "reauthenticate": "hosting.web.forms.sign_in.ReauthenticateByCodeForm",
    "activate_totp": "hosting.web.forms.sign_in.ActivateTOTPForm",
    "add_webauthn": "hosting.web.forms.sign_in.AddPasskeyForm",
    "edit_webauthn": "hosting.web.forms.sign_in.EditPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Sharedeck"
# Signed-in people have a confirmed address, so a second factor cannot lock the address's owner out. A new address may
# wait for confirmation while the old one stays in use.
MFA_ALLOW_UNVERIFIED_EMAIL = True
