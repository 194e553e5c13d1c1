"""Re-encrypt every stored secret with the first key of SEAL_KEYS, so that the other keys can be dropped.

First put a new key in front (`python -m panel.environment --print` makes one) and restart the panel: from then on it
encrypts with the new key and decrypts with both. Sessions at the provider in Redis end within 12 hours, or are opened
again by a login. The panel may run meanwhile.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hosting.management.rotation import PASSES, columns, renew


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for column in columns():
            renewed = 0
            for _ in range(PASSES):
                count = renew(column)
                renewed += count.renewed
                if not count.renewed:
                    break
            else:
                raise CommandError(f"{column}: something still seals with an older key. Start the panel anew first.")
            self.stdout.write(
                f"{column}: {renewed} sealed anew, {count.current} under the first key, "
                f"{len(count.unreadable)} that no key opens"
            )
            for pk in sorted(count.unreadable):
                self.stdout.write(f"  no key opens row {pk}")
            unreadable += len(count.unreadable)
        if unreadable:
            raise CommandError(
                "Drop no key yet: put the one that sealed those rows back into SEAL_KEYS, or have their owners enter "
                "them anew."
            )
        self.stdout.write("All of it is under the first key of SEAL_KEYS: the others can be dropped.")
