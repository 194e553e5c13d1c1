"""Signing in, and what people decide about their own way in: each address that django-allauth gets, and no more.

Listed one by one, so that every page that changes something goes through `own_page`.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.usersessions import views as sessions
from django.urls import path, re_path

from hosting.web.own import card, own_page

signing_in = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", account.signup, name="account_signup"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", account.confirm_email, name="account_confirm_email"),
    path("password/reset/", account.password_reset, name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/webauthn/login/", passkeys.login_webauthn, name="mfa_login_webauthn"),
]

proving = [
    path("reauthenticate/", card(account.reauthenticate), name="account_reauthenticate"),
    path("2fa/reauthenticate/", card(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/webauthn/reauthenticate/", card(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
]

own = [
    path("email/", own_page(account.email, "profile"), name="account_email"),
    # It asks for the old password itself.
    path(
        "password/change/",
        own_page(account.password_change, "password", sensitive=False),
        name="account_change_password",
    ),
    path("password/set/", own_page(account.password_set, "password"), name="account_set_password"),
    path("2fa/", own_page(mfa.index, "factors", sensitive=False), name="mfa_index"),
    path("2fa/totp/activate/", own_page(totp.activate_totp, "factors"), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", own_page(totp.deactivate_totp, "factors"), name="mfa_deactivate_totp"),
    path("2fa/recovery-codes/", own_page(codes.view_recovery_codes, "factors"), name="mfa_view_recovery_codes"),
    path(
        "2fa/recovery-codes/generate/",
        own_page(codes.generate_recovery_codes, "factors"),
        name="mfa_generate_recovery_codes",
    ),
    path("2fa/webauthn/", own_page(passkeys.list_webauthn, "factors", sensitive=False), name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", own_page(passkeys.add_webauthn, "factors"), name="mfa_add_webauthn"),
    path("2fa/webauthn/keys/<number:pk>/edit/", own_page(passkeys.edit_webauthn, "factors"), name="mfa_edit_webauthn"),
    path(
        "2fa/webauthn/keys/<number:pk>/remove/",
        own_page(passkeys.remove_webauthn, "factors"),
        name="mfa_remove_webauthn",
    ),
    path("sessions/", own_page(sessions.list_usersessions, "sessions", sensitive=False), name="usersessions_list"),
]

urlpatterns = [*signing_in, *proving, *own]
