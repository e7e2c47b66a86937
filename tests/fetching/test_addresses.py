"""What is of the public internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.fetching.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "93.184.215.14", "149.154.167.220", "162.159.135.233", "172.15.0.1", "172.32.0.1",
        "100.63.255.255", "100.128.0.1", "198.20.0.1", "223.255.255.255", "2606:4700::6810:85e5",
        "2a00:1450:4001:81b::200e", "2001:4860::1", "64:ff9b::1.1.1.1",
    ],
)  # fmt: skip
def test_public_ones(address: str) -> None:
    assert is_public(ip_address(address))


PRIVATE_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.168.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
private_v4 = st.sampled_from(PRIVATE_V4).flatmap(
    lambda network: st.ip_addresses(network=IPv4Network(network))
)


@given(private_v4)
def test_no_private_address_is_public_in_whatever_it_is_wrapped(address: IPv4Address) -> None:
    number = int(address)
    wrapped = {
        "mapped": IPv6Address(0xFFFF << 32 | number),
        "compatible": IPv6Address(number),
        "NAT64": IPv6Address(0x64_FF9B << 96 | number),
        "local NAT64": IPv6Address(0x64_FF9B_0001 << 80 | number),
        "6to4": IPv6Address(0x2002 << 112 | number << 80 | 1),
        "Teredo": IPv6Address(0x2001_0000 << 96 | number ^ 0xFFFF_FFFF),
        "ISATAP": IPv6Address(0x2606_4700 << 96 | 0x5EFE << 32 | number),
    }
    assert not is_public(address)
    assert [name for name, one in wrapped.items() if is_public(one)] == []


@given(st.ip_addresses())
def test_what_is_public_is_in_nobodys_list_of_special_ones(address: IPv4Address | IPv6Address) -> None:
    """Beside the standard library's judgement, which knows less, ours is never the milder one."""
    if is_public(address) and address not in IPv6Network("64:ff9b::/96"):
        assert address.is_global
        special = ("private", "loopback", "link_local", "multicast", "reserved", "unspecified")
        assert [kind for kind in special if getattr(address, f"is_{kind}")] == []


@given(st.ip_addresses(v=6))
def test_only_global_unicast_is_public_of_ipv6(address: IPv6Address) -> None:
    if is_public(address):
        assert address in IPv6Network("2000::/3") or address in IPv6Network("64:ff9b::/96")


def test_an_address_with_a_zone_is_not() -> None:
    assert not is_public(IPv6Address("2606:4700::1%eth0"))
