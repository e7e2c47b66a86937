"""Which IP addresses are of the public internet.

For IPv6 the public part is named and the rest refused; for IPv4 it is the other way round. Our own tables
beside `is_global`, since that one differs from one Python to the next (CVE-2024-4032).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

_NOT_PUBLIC: Final = tuple(
    IPv4Network(network)
    for network in (  # IANA's registry of special-purpose addresses, multicast and reserved ones
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own services, by a public address
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # Oracle's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_V6: Final = IPv6Network("2000::/3")  # all that was ever given out as global unicast (RFC 4291)
_NOT_PUBLIC_V6: Final = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4: leads to the IPv4 address within
        "3fff::/20",
    )
)
_NAT64: Final = IPv6Network(
    "64:ff9b::/96"
)  # RFC 6052: how a host without IPv4 reaches the IPv4 address within
_ISATAP: Final = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214: leads to the IPv4 address after it


def is_public(address: Address) -> bool:
    """Whether it is of the public internet, and is no way to an address that is not.

    A network may have a NAT64 prefix of its own among the public ones (RFC 6052, 2.2), which nobody can see.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in network for network in _NOT_PUBLIC)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return (
        address.is_global
        and address.scope_id is None
        and address in _PUBLIC_V6
        and not any(address in network for network in _NOT_PUBLIC_V6)
        and (int(address) >> 32) & 0xFFFF_FFFF not in _ISATAP
    )
