"""Networks that requests may come from: read as people write them, and asked whether an address is in one. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.utils.translation import gettext as _

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# An IPv4 address as a socket of both families shows it: ::ffff:192.0.2.1.
_MAPPED_BITS = 96


def read(text: str) -> Network:
    """A network such as `192.0.2.0/24` or `2001:db8::/32`, or the network of one address.

    Raises:
        ValueError: it is none, or has bits behind its prefix (`192.0.2.7/24`).
    """
    if "%" in text:
        raise ValueError(text)
    network = ip_network(text.strip())
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((int(mapped), network.prefixlen - _MAPPED_BITS))
    return network


def as_written(text: str) -> Network:
    """As `read`, for what somebody has typed: the error says in words what to correct.

    Raises:
        ValueError: its text is for that person.
    """
    try:
        return read(text)
    except ValueError:
        meant = _meant(text)
    if meant is None:
        words = _("“%(text)s” isn't a valid network. Use a format such as 192.0.2.0/24 or 2001:db8::/32.")
    else:
        words = _("“%(text)s” is an address inside a network. Did you mean %(meant)s?")
    raise ValueError(words % {"text": text.strip()[:100], "meant": meant})


def allows(networks: Iterable[Network], address: str) -> bool:
    """Whether `address` is in one of the networks. Without networks every address is; one that can't be read never is
    in any.
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
    """The network of an address with a prefix (`192.0.2.7/24`): what somebody probably meant. None for nonsense."""
    try:
        return None if "%" in text else ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def _address(text: str) -> Address:
    # A link-local address names its interface behind a per cent sign.
    found = ip_address(text.partition("%")[0].strip())
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
