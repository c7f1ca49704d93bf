"""Where services are, by convention and by override."""

import pytest

from aios_top.aios.address import NAMES, AddressError, Addresses, is_loopback, parse_overrides

CONVENTION = {
    "metrics": 30201,
    "cluster_metrics": 32301,
    "blocks": 30100,
    "clusters": 30101,
    "policies": 30102,
    "files": 32555,
    "upload": 30186,
    "gateway": 30600,
    "controller": 32300,
    "updater": 32303,
    "parser": 30501,
    "inference": 31504,
    "discovery": 31501,
    "grpc": 31500,
    "nodes": 32304,
}


def test_a_host_has_aios_node_ports():
    addresses = Addresses.build("mgmt.example")

    assert {name: addresses.url(name) for name in addresses.names()} == {
        name: f"http://mgmt.example:{port}" for name, port in CONVENTION.items()
    }


def test_the_offset_moves_every_port():
    addresses = Addresses.build("10.0.0.5", 20000)

    assert addresses.url("metrics") == "http://10.0.0.5:50201"
    assert addresses.url("files") == "http://10.0.0.5:52555"


@pytest.mark.parametrize("offset", [40000, -30100])
def test_an_offset_beyond_the_ports_is_refused(offset):
    with pytest.raises(AddressError, match="choose one that stays within 1 to 65535"):
        Addresses.build("h", offset)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.3.4.5", "::1", "[::1]", "LOCALHOST"])
def test_loopback_also_tries_the_embedded_aios_stand_ins(host):
    addresses = Addresses.build(host, 7)

    assert is_loopback(host)
    assert addresses.is_guess("autoscaler")
    assert addresses.is_guess("mapping")
    assert addresses.url("mapping", "a/b c").endswith(":31907/a%2Fb%20c")
    assert addresses.url("autoscaler", "gemma").endswith(":31908/gemma")


@pytest.mark.parametrize("host", ["10.0.0.5", "aios.example", "localhost.example", "2001:db8::1"])
def test_no_other_host_has_them(host):
    addresses = Addresses.build(host)

    assert not is_loopback(host)
    assert addresses.url("mapping", "b") is None
    assert "autoscaler" not in addresses.names()


@pytest.mark.parametrize("host", ["2001:db8::1", "[2001:DB8::1]"])
def test_ipv6_goes_into_brackets(host):
    assert Addresses.build(host).url("blocks") == "http://[2001:db8::1]:30100"


@pytest.mark.parametrize(
    "host", ["", " ", "http://h", "h:80", "h/x", "user@h", "h?x", "a b", "-h", "[::1", "h\n", "hé"]
)
def test_what_is_no_host_is_refused_with_the_way_out(host):
    with pytest.raises(AddressError, match="give a name or an IP address"):
        Addresses.build(host)


def test_an_override_replaces_the_convention():
    addresses = Addresses.build("127.0.0.1", 0, parse_overrides(["autoscaler=https://x.example/{block}/as/"]))

    assert addresses.url("autoscaler", "b") == "https://x.example/b/as"
    assert not addresses.is_guess("autoscaler")
    assert addresses.is_guess("mapping")
    assert addresses.needs_tls
    assert not Addresses.build("127.0.0.1").needs_tls


def test_without_a_host_only_the_given_services_have_an_address():
    addresses = Addresses.build(None, 0, {"metrics": "http://h:1"})

    assert addresses.names() == ("metrics",)
    assert addresses.url("blocks") is None


def test_an_unknown_name_lists_the_known_ones():
    for act in (lambda: parse_overrides(["metricz=http://h"]), lambda: Addresses.build("h").url("metricz")):
        with pytest.raises(AddressError) as caught:
            act()
        assert all(name in str(caught.value) for name in ("metricz", *NAMES))


def test_an_override_without_equals_shows_the_form():
    with pytest.raises(AddressError, match=r"write e\.g\. metrics=http://"):
        parse_overrides(["metrics"])


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://h", "must begin with http:// or https://"),
        ("h:30201", "must begin with http:// or https://"),
        ("//h", "must begin with http:// or https://"),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        ("http://", "names no host"),
        ("http://:80", "names no host"),
        ("http://h:0", "port 0"),
        ("http://h:70000", "malformed"),
        ("http://h:x", "malformed"),
        ("http://[::1", "malformed"),
        ("http://user@h", "user name or password"),
        ("http://127.0.0.1@evil.example", "user name or password"),
        ("http://h\\@evil.example", "percent-encode"),
        ("http://h\t.example", "percent-encode"),
        ("http://h /x", "percent-encode"),
        ("http://h\x1b[2J", "percent-encode"),
        ("http://hé", "percent-encode"),
        ("http://a..b_-/x", "no valid host name"),
        ("http://h/x?y=1", "take out"),
        ("http://h/x#y", "take out"),
        ("http://h/?", "take out"),
        ("http://h/{block}", "per block"),
    ],
)
def test_a_bad_url_is_refused_with_its_cause(url, problem):
    with pytest.raises(AddressError, match=problem) as caught:
        Addresses({"metrics": url})
    assert "the URL of metrics" in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_refused_url_does_not_repeat_its_password():
    with pytest.raises(AddressError) as caught:
        Addresses({"metrics": "http://me:hunter2@h"})
    assert "hunter2" not in str(caught.value)


def test_a_per_block_url_takes_no_other_placeholder():
    with pytest.raises(AddressError, match="no braces but"):
        Addresses({"mapping": "http://h/{pod}"})
