from django.urls import include, path, register_converter
from django.urls.converters import IntConverter

from hosting.web.views import (
    accounts,
    bulk,
    dashboard,
    disks,
    home,
    logins,
    new_server,
    notes,
    operations,
    planner,
    plans,
    resize,
    saved,
    search,
    servers,
    shares,
    tags,
    team,
    trends,
)


class NumberConverter(IntConverter):
    """A row's number, as long as a database can hold it: a longer one is no address."""

    regex = "[0-9]{1,18}"


register_converter(NumberConverter, "number")

of_account = [
    path("", dashboard.dashboard, name="dashboard"),
    path("attention/", dashboard.attention, name="attention"),
    path("settings/", accounts.edit, name="account_settings"),
    path("login/", logins.login, name="login"),
    path("login/again/", logins.again, name="login_again"),
    path("login/dismiss/", logins.dismiss, name="login_dismiss"),
    path("handles/new/", logins.new_handle, name="handle_new"),
    path("refresh/", accounts.refresh, name="refresh"),
    path("shares/", shares.index, name="shares"),
    path("shares/bulk/", bulk.ask, {"section": "shares"}, name="shares_bulk"),
    path("shares/calendar/", shares.expiry_calendar, name="shares_calendar"),
    path("shares/add/", shares.add, name="shares_add"),
    path("shares/estimate/", shares.estimate, name="shares_estimate"),
    path("shares/<number:remote_id>/renew/", shares.renew, name="shares_renew"),
    path("shares/<number:remote_id>/update/", shares.update, name="shares_update"),
    path("shares/<number:remote_id>/remove/", shares.remove, name="shares_remove"),
    path("servers/", servers.index, name="servers"),
    path("servers/bulk/", bulk.ask, {"section": "servers"}, name="servers_bulk"),
    path("servers/tags/", tags.of_many, {"section": "servers"}, name="servers_tags"),
    path("servers/<number:remote_id>/tags/", tags.of_one, {"section": "servers"}, name="server_tags"),
    path("servers/<number:remote_id>/note/", notes.edit, {"section": "servers"}, name="server_note"),
    path("servers/new/", new_server.new, name="server_new"),
    path("servers/new/preview/", new_server.preview, name="server_preview"),
    path("servers/new/alone/", new_server.alone, name="server_alone"),
    path("servers/planner/", planner.planner, name="planner"),
    path("servers/<number:remote_id>/", servers.detail, name="server"),
    path("servers/<number:remote_id>/start/", servers.start, name="server_start"),
    path("servers/<number:remote_id>/stop/", servers.stop, name="server_stop"),
    path("servers/<number:remote_id>/reboot/", servers.reboot, name="server_reboot"),
    path("servers/<number:remote_id>/resize/", resize.resize, name="server_resize"),
    path("servers/<number:remote_id>/delete/", servers.delete, name="server_delete"),
    path("plans/<number:plan_id>/", plans.detail, name="plan"),
    path("plans/<number:plan_id>/start/", plans.start, name="plan_start"),
    path("plans/<number:plan_id>/change/", plans.change, name="plan_change"),
    path("plans/<number:plan_id>/resume/", plans.resume, name="plan_resume"),
    path("plans/<number:plan_id>/abandon/", plans.abandon, name="plan_abandon"),
    path("disks/", disks.index, name="disks"),
    path("disks/bulk/", bulk.ask, {"section": "disks"}, name="disks_bulk"),
    path("disks/tags/", tags.of_many, {"section": "disks"}, name="disks_tags"),
    path("disks/<number:remote_id>/tags/", tags.of_one, {"section": "disks"}, name="disk_tags"),
    path("disks/<number:remote_id>/note/", notes.edit, {"section": "disks"}, name="disk_note"),
    path("disks/new/", disks.new, name="disk_new"),
    path("disks/<number:remote_id>/", disks.detail, name="disk"),
    path("disks/<number:remote_id>/attach/", disks.attach, name="disk_attach"),
    path("disks/<number:remote_id>/detach/", disks.detach, name="disk_detach"),
    path("disks/<number:remote_id>/delete/", disks.delete, name="disk_delete"),
    path("bulk/<number:bulk_id>/", bulk.detail, name="bulk"),
    path("bulk/<number:bulk_id>/pause/", bulk.pause, name="bulk_pause"),
    path("bulk/<number:bulk_id>/resume/", bulk.resume, name="bulk_resume"),
    path("bulk/<number:bulk_id>/retry/", bulk.retry, name="bulk_retry"),
    path("bulk/<number:bulk_id>/aside/", bulk.set_aside, name="bulk_aside"),
    path("operations/", operations.index, name="operations"),
    path("operations/<number:operation_id>/", operations.detail, name="operation"),
    path("operations/<number:operation_id>/retry/", operations.retry, name="operation_retry"),
    path("operations/<number:operation_id>/cancel/", operations.cancel, name="operation_cancel"),
    path("operations/<number:operation_id>/aside/", operations.set_aside, name="operation_aside"),
    path("operations/<number:operation_id>/happened/", operations.happened, name="operation_happened"),
    path("operations/<number:operation_id>/none/", operations.decide, name="operation_none"),
    path("operations/<number:operation_id>/is/<number:remote_id>/", operations.decide, name="operation_is"),
    path("trends/", trends.index, name="trends"),
    path("changes/", operations.outside, name="changes"),
    path("tags/", tags.index, name="tags"),
    path("tags/new/", tags.new, name="tag_new"),
    path("tags/<number:tag_id>/", tags.edit, name="tag_edit"),
    path("tags/<number:tag_id>/delete/", tags.delete, name="tag_delete"),
    path("views/<slug:section>/", saved.index, name="views"),
    path("views/<slug:section>/new/", saved.save, name="view_save"),
    path("views/<number:view_id>/delete/", saved.delete, name="view_delete"),
]

of_team = [
    path("settings/", team.settings, name="team_settings"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("search/", search.search, name="search"),
    path("accounts/", accounts.index, name="accounts"),
    path("accounts/connect/", accounts.connect, name="connect"),
    path("teams/<number:team_id>/", include(of_team)),
    path("accounts/<number:account_id>/", include(of_account)),
    path("language/", include("django.conf.urls.i18n")),
]
