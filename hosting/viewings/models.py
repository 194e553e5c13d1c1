"""Open consoles: one row for each, from the moment the panel lets somebody in until the console is closed."""

from django.db import models

from hosting.accounts.models import Account
from hosting.teams.models import Team, User


class Viewing(models.Model):
    """A person at the console of a server, in one tab of a browser. The row is deleted when the console is closed."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    account = models.ForeignKey(Account, models.CASCADE, related_name="viewings")
    vm_remote_id = models.PositiveIntegerField()
    # The server's name, for the audit log.
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # As in the audit log's first entry, for its second one.
    actor_name = models.CharField(max_length=254)
    address = models.CharField(max_length=45, blank=True)
    # The stored name of the session; the console is closed when the session ends.
    session = models.CharField(max_length=40)
    opened_at = models.DateTimeField(auto_now_add=True)
    # Renewed by the process that holds the connection: if it dies, the sweep closes the row.
    claimed_until = models.DateTimeField(db_index=True)
