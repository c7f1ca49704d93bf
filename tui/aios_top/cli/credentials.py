"""Which credentials a session has: those of its context, or a bearer token from the environment; never from argv."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

from aios_top.aios.address import Addresses
from aios_top.aios.credentials import NOBODY, Credentials, OriginError, checked_origin
from aios_top.cli.exits import UsageError
from aios_top.model.secret import Secret
from aios_top.store.config import CredentialSettings
from aios_top.store.paths import StoreError
from aios_top.store.secrets import SecretSource, private_file, read_secret

TOKEN_VARIABLE = "AIOS_TOP_TOKEN"  # noqa: S105 - the name of a variable
ORIGIN_VARIABLE = "AIOS_TOP_TOKEN_ORIGIN"


def credentials_of(
    settings: CredentialSettings | None, addresses: Addresses, *, insecure: bool, environ: Mapping[str, str]
) -> Credentials:
    """Return what is sent to the one origin that it is for; raises UsageError before anything is sent anywhere."""
    settings = _from_environment(environ) or settings
    if settings is None:
        return NOBODY
    try:
        found = _read(settings, environ)
        found.trust()
    except OriginError as error:
        raise UsageError(f"the origin {settings.origin!r} of the credentials {error}") from error
    except StoreError as error:
        raise UsageError(str(error)) from error
    except OSError as error:  # ssl.SSLError among them
        raise UsageError(f"the client certificate or the CA file cannot be used: {error}") from error
    _check_use(found, addresses, insecure=insecure)
    return found


def described(settings: CredentialSettings | None, environ: Mapping[str, str] = os.environ) -> str:
    """Return what there is and where from, without any of it."""
    settings = _from_environment(environ) or settings
    if settings is None:
        return "none"
    kinds = [
        f"bearer token from {settings.token}" if settings.token else "",
        f"basic auth, password from {settings.password}" if settings.password else "",
        *(f"header {name} from {source}" for name, source in settings.headers.items()),
        f"certificate {settings.client_certificate}" if settings.client_certificate else "",
        f"CA {settings.ca_file}" if settings.ca_file else "",
    ]
    return f"{', '.join(kind for kind in kinds if kind)}; for {settings.origin} only"


def known_secrets(credentials: Credentials | None = None, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return every secret text that this process knows of, so that none is in what it hands over."""
    from aios_top.model.redaction import secret_texts

    known = [] if credentials is None else [secret.reveal() for secret in credentials.headers.values()]
    return secret_texts([*known, environ.get(TOKEN_VARIABLE, "")])


def _from_environment(environ: Mapping[str, str]) -> CredentialSettings | None:
    """Return the token of the environment, which has to name its origin too: the address may be mistyped."""
    if not environ.get(TOKEN_VARIABLE):
        return None
    origin = environ.get(ORIGIN_VARIABLE, "")
    if not origin:
        raise UsageError(
            f"{TOKEN_VARIABLE} is set without {ORIGIN_VARIABLE}: name the origin that it is for, "
            "e.g. https://aios.example.org; it is sent nowhere else"
        )
    return CredentialSettings(origin=origin, token=SecretSource(env=TOKEN_VARIABLE))


def _read(settings: CredentialSettings, environ: Mapping[str, str]) -> Credentials:
    headers = {name: read_secret(source, environ) for name, source in settings.headers.items()}
    if settings.token is not None:
        headers["Authorization"] = Secret(f"Bearer {read_secret(settings.token, environ).reveal()}")
    if settings.user is not None and settings.password is not None:
        pair = f"{settings.user}:{read_secret(settings.password, environ).reveal()}"
        headers["Authorization"] = Secret(f"Basic {base64.b64encode(pair.encode()).decode()}")
    certificate = None
    if settings.client_certificate is not None:
        key = private_file(settings.client_key or settings.client_certificate)
        certificate = (_path(settings.client_certificate), str(key))
    ca_file = None if settings.ca_file is None else _path(settings.ca_file)
    return Credentials(checked_origin(settings.origin), headers, certificate, ca_file)


def _path(name: str) -> str:
    return str(Path(name).expanduser())


def _check_use(found: Credentials, addresses: Addresses, *, insecure: bool) -> None:
    if not any(found.covers(addresses.url(name) or "") for name in addresses.names()):
        raise UsageError(
            f"the credentials are for {found.origin}, which is none of the addresses in use; they are not sent "
            "elsewhere: name the new origin beside the secret"
        )
    if found.exposed and not insecure:
        raise UsageError(
            f"{found.origin} is plain http: a secret would cross the network readable; use https, "
            "or --insecure-token if you must"
        )
