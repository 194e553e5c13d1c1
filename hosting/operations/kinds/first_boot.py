"""What a new server gets at its first boot: its root password, SSH keys and a script. Sealed together until sent.

Decision: docs/decisions/0044-ssh-keys-and-first-boot.md
"""

import json
from dataclasses import dataclass, field
from typing import Self

from hosting.teams.ssh_keys.public_keys import fingerprint_of


@dataclass(frozen=True)
class FirstBoot:
    """The secret of a `CreateVm`: `ssh_keys` as lines of `authorized_keys`, `user_data` a script or cloud-config."""

    password: str = field(default="", repr=False)
    ssh_keys: tuple[str, ...] = ()
    user_data: str = field(default="", repr=False)

    def packed(self) -> str:
        """One text: the password alone, or a line with it and the rest as JSON. No password has several lines."""
        if not (self.ssh_keys or self.user_data):
            return self.password
        return f"{self.password}\n{json.dumps({'ssh_keys': self.ssh_keys, 'user_data': self.user_data})}"

    @classmethod
    def unpacked(cls, secret: str) -> Self:
        """What `packed` made a text of. Another text is a password, for its own rule to judge."""
        password, _line, rest = secret.partition("\n")
        try:
            more = json.loads(rest) if rest else {}
            return cls(password, tuple(more.get("ssh_keys", ())), more.get("user_data", ""))
        except (ValueError, AttributeError, TypeError):
            return cls(secret)

    @property
    def fingerprints(self) -> set[str]:
        return {fingerprint_of(line) for line in self.ssh_keys}

    @property
    def user_data_bytes(self) -> int:
        return len(self.user_data.encode())

    def over(self, kept: Self, *, keep_user_data: bool) -> Self:
        """This one, with the password of `kept` where it has none itself, and with its script if that is to be kept."""
        user_data = self.user_data or (kept.user_data if keep_user_data else "")
        return type(self)(self.password or kept.password, self.ssh_keys, user_data)
