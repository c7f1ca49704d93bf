"""Where load may go, judged from text alone."""

import pytest

from aios_top.model.errors import ActionRefusedError
from aios_top.model.load_target import check_address, check_target


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:31504", "http://127.9.9.9", "http://localhost:1", "http://[::1]:31504", "https://LOCALHOST./x"],
)
def test_loopback_needs_no_permission(url: str) -> None:
    check_target(url, set())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://10.0.0.5:31504", "10.0.0.5 is not loopback; allow it with --allow-target 10.0.0.5"),
        ("http://aios.example:31504", "aios.example is not loopback"),
        ("http://localhost.evil.example", "is not loopback"),
        ("http://127.0.0.1.evil.example", "is not loopback"),
        ("http://2130706433:31504", "is not loopback"),
        ("http://0x7f.1:31504", "is not loopback"),
        ("http://[::ffff:10.0.0.5]:31504", "is not loopback"),
        ("http://127.0.0.1@evil.example", "no plain http address"),
        ("http://169.254.169.254", "is never a target"),
        ("http://[fe80::1]:31504", "is never a target"),
        ("http://[::ffff:169.254.169.254]", "is never a target"),
        ("http://224.0.0.1", "is never a target"),
        ("http://0.0.0.0:31504", "is never a target"),
        ("http://[fd00:ec2::254]", "is never a target"),
        ("http://100.100.100.200", "is never a target"),
        ("http://metadata.google.internal/", "is never a target"),
        ("ftp://127.0.0.1", "no plain http address"),
        ("127.0.0.1:31504", "no plain http address"),
        ("", "no plain http address"),
        ("http://127.0.0.1:99999", "is no address"),
        ("http://[::1", "is no address"),
    ],
)
def test_any_other_target_is_refused_from_its_text_alone(url: str, message: str) -> None:
    with pytest.raises(ActionRefusedError) as caught:
        check_target(url, {"10.0.0.6", "other.example"})
    assert message in str(caught.value)


@pytest.mark.parametrize("allowed", ["10.0.0.5", "10.0.0.5:31504"])
def test_an_allowed_host_passes_by_name_or_with_its_port(allowed: str) -> None:
    check_target("http://10.0.0.5:31504", {allowed})
    with pytest.raises(ActionRefusedError):
        check_target("http://10.0.0.55:31504", {allowed})


def test_not_even_permission_opens_the_metadata_address() -> None:
    with pytest.raises(ActionRefusedError):
        check_target("http://169.254.169.254", {"169.254.169.254"})


@pytest.mark.parametrize(
    ("url", "address", "message"),
    [
        ("http://aios.example:1", "169.254.169.254", "leads to 169.254.169.254, which is never a target"),
        ("http://aios.example:1", "fe80::1", "is never a target"),
        ("http://aios.example:1", "fd00:ec2::254", "is never a target"),
        ("http://localhost:1", "10.0.0.5", "leads to 10.0.0.5, which is not loopback"),
        ("http://aios.example:1", "nonsense", "is never a target"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_too(url: str, address: str, message: str) -> None:
    with pytest.raises(ActionRefusedError, match=message):
        check_address(url, address)


@pytest.mark.parametrize(("url", "address"), [("http://localhost", "::1"), ("http://aios.example", "10.0.0.5")])
def test_an_honest_name_passes(url: str, address: str) -> None:
    check_address(url, address)
