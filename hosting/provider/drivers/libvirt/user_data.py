"""What a guest does at its first boot: the provider's cloud-config, together with what the owner gave.

The two travel as the parts of one multipart message (RFC 2046), as cloud-init reads it. The owner's part comes first,
so that ours completes it: of lists such as `users` and `runcmd` both are carried out, ours first, and where both name a
single value, the owner's counts. The name of the guest is in a last part, which replaces another one: the provider
sees by it that the guest has read its seed.
"""

import base64

_BOUNDARY = "==part-of-the-first-boot=="
_SCRIPT, _CONFIG = "text/x-shellscript", "text/cloud-config"
# How cloud-init merges the values of a part with those of the parts before it.
_COMPLETE = "list(prepend)+dict(no_replace,recurse_list)+str()"
_REPLACE = "list()+dict(replace)+str()"
_NAMES = ("hostname:", "fqdn:", "prefer_fqdn_over_hostname:")


def combined(ours: str, owners: str) -> str:
    """One message of the provider's cloud-config and the owner's script (`#!…`) or cloud-config.

    The owner's part is in base64: whatever is in it, nothing in it reads like a line of ours.
    """
    names = [line for line in ours.splitlines() if line.startswith(_NAMES)]
    encoded = base64.encodebytes(owners.encode()).decode()
    kind = _SCRIPT if owners.startswith("#!") else _CONFIG
    parts = (
        _part(encoded, f"{kind}; charset=utf-8", "owners", "Content-Transfer-Encoding: base64"),
        _part(ours, _CONFIG, "provider", f"Merge-Type: {_COMPLETE}"),
        _part("\n".join(["#cloud-config", *names, ""]), _CONFIG, "names", f"Merge-Type: {_REPLACE}"),
    )
    head = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n'
    return head + "".join(f"--{_BOUNDARY}\n{part}" for part in parts) + f"--{_BOUNDARY}--\n"


def _part(content: str, kind: str, name: str, header: str) -> str:
    disposition = f'Content-Disposition: attachment; filename="{name}"'
    return f"Content-Type: {kind}\n{disposition}\n{header}\n\n{content}\n"
