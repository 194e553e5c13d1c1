"""What a team adds to the provider's data: tags, notes and saved views.

Tags and notes refer to an object by account, type and the provider's id, not by the mirror's row: rows come and go, and
what people wrote stays.

Decision: docs/decisions/0013-annotations-outlive-the-mirror.md
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.teams.models import Membership, Team, User


class ObjectType(models.TextChoices):
    """Objects that can have tags and a note, named like the targets of operations."""

    VM = "vm", _("Server")
    DISK = "disk", _("Disk")


class Color(models.TextChoices):
    """The palette of tags: `static/panel.css` has a readable pair of colours for each, light and dark."""

    GREY = "grey", _("Grey")
    RED = "red", _("Red")
    ORANGE = "orange", _("Orange")
    YELLOW = "yellow", _("Yellow")
    GREEN = "green", _("Green")
    TEAL = "teal", _("Teal")
    BLUE = "blue", _("Blue")
    PURPLE = "purple", _("Purple")
    PINK = "pink", _("Pink")


class TagQuerySet(models.QuerySet["Tag"]):
    def visible_to(self, member: Membership) -> "TagQuerySet":
        """The tags of the member's team. The web must not reach tags in any other way."""
        return self.filter(team=member.team_id)


class Tag(models.Model):
    """A name with a colour that a team puts on its servers and disks."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(_("name"), max_length=40)
    # The name normalised for comparison: some databases lower-case ASCII only.
    key = models.CharField(max_length=160)
    color = models.CharField(_("colour"), max_length=10, choices=Color.choices, default=Color.GREY)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["key", "id"]
        constraints = [models.UniqueConstraint(fields=["team", "key"], name="one_tag_per_name")]

    def __str__(self) -> str:
        return self.name


class TagUse(models.Model):
    """A tag on one object."""

    tag = models.ForeignKey(Tag, models.CASCADE, related_name="uses", db_index=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    object_type = models.CharField(max_length=10, choices=ObjectType.choices)
    remote_id = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tag", "account", "object_type", "remote_id"], name="a_tag_once_per_object")
        ]
        indexes = [models.Index(fields=["account", "object_type", "remote_id", "tag"])]


class Note(models.Model):
    """A team's note about one object. An emptied note keeps its row, so that its version keeps counting."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="+", db_index=False)
    object_type = models.CharField(max_length=10, choices=ObjectType.choices)
    remote_id = models.PositiveIntegerField()
    text = models.TextField(max_length=4000, blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "object_type", "remote_id"], name="one_note_per_object")
        ]


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, member: Membership) -> "SavedViewQuerySet":
        """The member's own views in this team, and those that others share. The web must not reach views in any other
        way.
        """
        return self.filter(models.Q(shared=True) | models.Q(owner=member.user_id), team=member.team_id)


class SavedView(models.Model):
    """The filters and order of a list under a name, for one person or their team, in all accounts of the team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="saved_views", db_index=False)
    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    # The list's name: servers, disks, shares, operations or changes.
    section = models.CharField(max_length=20)
    name = models.CharField(_("name"), max_length=40)
    key = models.CharField(max_length=160)
    # The query string of the list, such as "state=halted&sort=-shares".
    query = models.CharField(max_length=1000)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["key", "id"]
        constraints = [models.UniqueConstraint(fields=["team", "section", "owner", "key"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name
