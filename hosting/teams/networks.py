"""Networks as people write them, one a line: 192.0.2.7, 198.51.100.0/24, 2001:db8::/32. Pure."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network


def parse(text: str) -> IPv4Network | IPv6Network:
    """One address or network; bits behind its length are dropped, and what is IPv4 written as IPv6 becomes IPv4.

    Raises:
        ValueError: it is neither.
    """
    network = ip_network(text.strip(), strict=False)
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is not None and network.prefixlen >= 96:
        return ip_network((mapped, network.prefixlen - 96))
    return network


def contains(networks: Iterable[str], address: str) -> bool:
    """Whether `address` is in one of the networks. An address that can't be read is in none."""
    try:
        found = _plain(address)
    except ValueError:
        return False
    return any(found.version == network.version and found in network for network in map(parse, networks))


def _plain(address: str) -> IPv4Address | IPv6Address:
    found = ip_address(address.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found
