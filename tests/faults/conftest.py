"""Recorded documents, and a certificate that nobody signed."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory):
    """Return paths of a certificate and its key for localhost; skips where openssl is not installed."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    return certificate, key


@pytest.fixture(scope="session")
def data_folder():
    """Return the folder of recorded documents."""
    return Path(__file__).parent.parent / "data"
