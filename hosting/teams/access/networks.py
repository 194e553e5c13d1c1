"""Networks that requests may come from: parse them as people write them, and match addresses. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.utils.translation import gettext as _

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# The prefix of an IPv4 address mapped into IPv6, as a dual-stack socket shows it: ::ffff:192.0.2.1.
_MAPPED_BITS = 96


def read(text: str) -> Network:
    """Parse a network such as `192.0.2.0/24` or `2001:db8::/32`, or a single address.

    Raises:
        ValueError: it is not a network, or has bits set after its prefix (`192.0.2.7/24`).
    """
    if "%" in text:
        raise ValueError(text)
    network = ip_network(text.strip())
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((int(mapped), network.prefixlen - _MAPPED_BITS))
    return network


class NotNetworkError(ValueError):
    """A line is no network. `names` fill the placeholders of the `words`."""

    def __init__(self, words: str, names: dict[str, str]) -> None:
        super().__init__(words % names)
        self.words, self.names = words, names


def as_written(text: str) -> Network:
    """As `read`, for user input: the error tells the person what to correct.

    Raises:
        NotNetworkError: with translated words, and what was typed.
    """
    try:
        return read(text)
    except ValueError:
        meant = _meant(text)
    if meant is None:
        words = _("“%(text)s” isn't a valid network. Use a format such as 192.0.2.0/24 or 2001:db8::/32.")
    else:
        words = _("“%(text)s” is an address inside a network. Did you mean %(meant)s?")
    raise NotNetworkError(words, {"text": text.strip()[:100], "meant": str(meant)})


def allows(networks: Iterable[Network], address: str) -> bool:
    """Whether `address` is in one of the networks.

    Without networks, every address is allowed. An unreadable address is never in a network.
    """
    networks = tuple(networks)
    if not networks:
        return True
    try:
        found = _address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)


def _meant(text: str) -> Network | None:
    """The network that was probably meant by an address with a prefix (`192.0.2.7/24`); None when there is none."""
    try:
        return None if "%" in text else ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _address(text: str) -> Address:
    # A link-local address may end in "%" and the name of an interface.
    found = ip_address(text.partition("%")[0].strip())
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
