"""A secret goes to one origin and to no other place: no other server, no file, no screen, no message."""

import base64
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from aios_top.aios.credentials import Credentials, OriginError, checked_origin
from aios_top.cli.main import main
from aios_top.cli.opened import opened
from aios_top.model.secret import Secret
from aios_top.store.config import read_config
from aios_top.store.paths import StoreError
from aios_top.store.secrets import SecretSource, read_secret
from fakes.loopback import Loopback, reply
from fakes.recording_aios import BLOCK, RecordingAios
from fakes.terminal import TerminalProcess
from faults.bodies import GOOD
from faults.polled import polled

CANARY = "canary-7f3a9c51"
BASIC = base64.b64encode(f"ann:{CANARY}".encode()).decode()


class Listening(RecordingAios):
    """Notes the headers of every request."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[dict[str, str]] = []
        handler = self._server.RequestHandlerClass
        serve = handler._serve  # type: ignore[attr-defined]

        def noting(this: object) -> None:
            self.headers.append({name.lower(): value for name, value in this.headers.items()})  # type: ignore[attr-defined]
            serve(this)

        handler.do_GET = handler.do_POST = handler.do_PUT = noting  # type: ignore[attr-defined]

    @property
    def urls(self) -> str:
        return "\n".join(f'{word.partition("=")[0]} = "{word.partition("=")[2]}"' for word in self.options[1::2])


@pytest.fixture
def aios() -> Iterator[Listening]:
    with Listening() as running:
        running.evaluate()
        yield running


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIOS_TOP_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("AIOS_TOP_STATE", str(tmp_path / "state"))
    for name in ("AIOS_TOP_TOKEN", "AIOS_TOP_TOKEN_ORIGIN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def secret_file(folder: Path, text: str = CANARY, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(f"{text}\n")
    path.chmod(mode)
    return path


def configured(folder: Path, aios: Listening, credentials: str) -> list[str]:
    """Write a context with these credentials and return the options that name it."""
    (folder / "config.toml").write_text(
        f'[contexts.c]\n[contexts.c.urls]\n{aios.urls}\n[contexts.c.credentials]\norigin = "{aios.base}"\n{credentials}\n'
    )
    return ["--context", "c"]


KINDS = {
    "bearer from a file": ('token = {{ file = "{file}" }}', "authorization", f"Bearer {CANARY}"),
    "bearer from the environment": ('token = {{ env = "PROD_TOKEN" }}', "authorization", f"Bearer {CANARY}"),
    "basic": ('user = "ann"\npassword = {{ file = "{file}" }}', "authorization", f"Basic {BASIC}"),
    "header": ('headers = {{ X-Api-Key = {{ file = "{file}" }} }}', "x-api-key", CANARY),
    "keyring": ('token = {{ keyring = "aios/ann" }}', "authorization", f"Bearer {CANARY}"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_secret_reaches_its_origin(
    kind: str, aios: Listening, own_files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written, header, value = KINDS[kind]
    monkeypatch.setenv("PROD_TOKEN", CANARY)
    ring = ModuleType("keyring")
    ring.get_password = lambda service, user: CANARY if (service, user) == ("aios", "ann") else None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    options = configured(own_files, aios, written.format(file=secret_file(own_files)))
    assert main(["cooldown", "reset", "--block", BLOCK, "--yes", *options]) == 0
    assert aios.headers
    assert {entry.get(header) for entry in aios.headers} == {value}
    printed = capsys.readouterr()
    assert CANARY not in printed.out + printed.err
    assert BASIC not in printed.out + printed.err


EXPORTS = [["export", "--what", what, "--format", "jsonl"] for what in ("samples", "instances", "decisions", "audit")]


def test_s_08_no_file_and_no_screen_holds_a_secret(
    aios: Listening, own_files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that writes or prints, and the console with its settings page, against a server in trouble."""
    kept = own_files / "kept"
    kept.mkdir()
    options = configured(own_files, aios, f'headers = {{ X-Api-Key = {{ file = "{secret_file(kept)}" }} }}')
    monkeypatch.setenv("AIOS_TOP_TOKEN", CANARY)
    monkeypatch.setenv("AIOS_TOP_TOKEN_ORIGIN", aios.base)
    monkeypatch.chdir(own_files)
    lines = [
        ["once", "--json"], ["decisions"], ["policy", "show", "--block", BLOCK], ["policy", "deploy", "--yes"],
        ["scale", "--block", BLOCK, "--by", "1", "--yes"], ["load", "--block", BLOCK, "--json", "load.json"],
        ["cooldown", "reset", "--block", "nobody", "--yes"],
    ]  # fmt: skip
    for line in lines:
        main([*line, *options])
    aios.answers["metrics", "/block/aggregate"] = (500, f"<html>{CANARY[:0]}oops</html>")
    aios.answers["metrics", "/block/query"] = (302, "<html></html>")
    main(["once", *options])
    for words in (["show"], ["show", "--json"], ["export", "--output", "a.jsonl"], ["export", "--format", "csv"]):
        main(["audit", *words])
    printed = capsys.readouterr()
    aios.answers.clear()
    with TerminalProcess(
        [sys.executable, "-m", "aios_top", *options], columns=120, lines=40, environment=dict(os.environ)
    ) as terminal:
        terminal.wait_for(BLOCK, 30)
        arguments = Path(f"/proc/{terminal.process.pid}/cmdline").read_bytes()
        terminal.send("\x1b[24~")
        terminal.wait_for("AIOS_TOP_TOKEN", 10)
        for keys in ("\x1b", "5", "C", "y", "4", "q"):
            terminal.rest(0.3)
            terminal.send(keys)
        assert terminal.wait_exit(20) == 0
    for words in (["report", "--output", "r.html"], ["capsule", "--output", "c.aioscap"], *EXPORTS):
        assert main(words) == 0
    handed_over = capsys.readouterr()
    assert {entry["authorization"] for entry in aios.headers} == {f"Bearer {CANARY}"}
    everything = [printed.out.encode(), printed.err.encode(), terminal.output, arguments, handed_over.out.encode()]
    files = [path for path in own_files.rglob("*") if path.is_file() and path.parent != kept]
    assert {"audit.jsonl", "load.json", "a.jsonl", "r.html", "c.aioscap"} <= {path.name for path in files}
    for content in (*everything, *(path.read_bytes() for path in files)):
        assert CANARY.encode() not in content
    packed = [path for path in files if path.suffix in {".aiosrec", ".aioscap"}]  # whose bytes alone say nothing
    assert len(packed) > 1
    for path in packed:
        with opened(path) as found:
            told = [repr(found.recording.header), *(repr(found.recording.frame(at)) for at in found.recording.times)]
        assert any(BLOCK in text for text in told)
        assert not any(CANARY in text for text in told)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_s_09_a_secret_that_others_may_read_is_refused(
    mode: int, aios: Listening, own_files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = secret_file(own_files, mode=mode)
    assert main(["once", *configured(own_files, aios, f'token = {{ file = "{path}" }}')]) == 2
    assert aios.requests == []
    assert f"chmod 600 {path}" in capsys.readouterr().err


def test_s_09_a_configuration_of_another_user_is_refused(
    own_files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = own_files / "theirs.toml"
    theirs.write_text("theme = 'dark'\n")
    (own_files / "config.toml").symlink_to(theirs)
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(theirs, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["once", "--host", "127.0.0.1"]) in {1, 2}
    assert "another user" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  \n", "two\nlines", "gr\u00fcn", "x7\tbed", "nul\0"])
def test_what_no_header_can_carry_is_refused_without_being_repeated(text: str, own_files: Path) -> None:
    path = secret_file(own_files, text)
    with pytest.raises(StoreError) as caught:
        read_secret(SecretSource(file=str(path)), {})
    assert str(path) in str(caught.value)
    assert not text.strip() or text.split(maxsplit=1)[0] not in str(caught.value).replace(str(path), "")


def test_places_that_hold_nothing_are_named(own_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source, words in (
        (SecretSource(file=str(own_files / "missing")), "No such file"),
        (SecretSource(file=str(own_files)), "not a regular file"),
        (SecretSource(env="NOT_SET"), "NOT_SET is not set"),
    ):
        with pytest.raises(StoreError, match=words):
            read_secret(source, {})
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(StoreError, match=r"aios-top\[keyring\]"):
        read_secret(SecretSource(keyring="aios/ann"), {})
    os.mkfifo(own_files / "fifo", 0o600)
    with pytest.raises(StoreError, match="not a regular file"):
        read_secret(SecretSource(file=str(own_files / "fifo")), {})


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        ("token = {}", "names one place"),
        ('token = { file = "a", env = "B" }', "names one place"),
        ('token = "abc"', "token"),
        ('tokn = { env = "A" }', "did you mean 'token'"),
        ('token = { fil = "a" }', "did you mean 'file'"),
        ('user = "ann"', "both user and password"),
        ('user = "a:b"\npassword = { env = "A" }', "colon"),
        ('user = "a"\npassword = { env = "A" }\ntoken = { env = "A" }', "one header"),
        ('headers = { Host = { env = "A" } }', "Host"),
        ('headers = { "X\\n" = { env = "A" } }', "headers"),
        ('client_key = "a"', "without client_certificate"),
    ],
)
def test_half_understood_credentials_are_refused(credentials: str, words: str, own_files: Path) -> None:
    (own_files / "config.toml").write_text(
        f'[contexts.c]\nhost = "a"\n[contexts.c.credentials]\norigin = "https://a"\n{credentials}\n'
    )
    with pytest.raises(StoreError, match=words):
        read_config(own_files / "config.toml")


REMOTE = ["once", "--url", "metrics=http://aios.invalid:30201"]


def test_n_25_a_token_over_plain_http_is_refused_before_any_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIOS_TOP_TOKEN", CANARY)
    monkeypatch.setenv("AIOS_TOP_TOKEN_ORIGIN", "http://aios.invalid:30201")
    assert main(REMOTE) == 2
    said = capsys.readouterr().err
    assert "plain http" in said
    assert "--insecure-token" in said
    assert main([*REMOTE, "--insecure-token", "--timeout", "2"]) != 2  # it goes on, and fails at the name
    assert CANARY not in capsys.readouterr().err


def test_n_24_a_token_for_another_origin_ends_the_command(
    aios: Listening, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIOS_TOP_TOKEN", CANARY)
    assert main(["once", *aios.options]) == 2
    assert "AIOS_TOP_TOKEN_ORIGIN" in capsys.readouterr().err
    monkeypatch.setenv("AIOS_TOP_TOKEN_ORIGIN", "https://elsewhere.example")
    assert main(["once", *aios.options]) == 2
    assert "none of the addresses in use" in capsys.readouterr().err
    assert aios.requests == []


@pytest.mark.parametrize("option", ["--token", "--password", "--header"])
def test_o_13_a_secret_on_the_command_line_is_refused(
    option: str, aios: Listening, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in ([option, CANARY, "once"], ["once", option, CANARY], ["once", f"{option}={CANARY}"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, *aios.options])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "AIOS_TOP_TOKEN" in said
        assert CANARY not in said
    assert aios.requests == []


def test_a_password_in_an_address_is_refused_and_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["once", "--url", f"metrics=http://ann:{CANARY}@aios.invalid"]) == 2
    assert CANARY not in capsys.readouterr().err


async def test_other_origins_get_nothing_whatever_they_say() -> None:
    async with Loopback(reply(200, GOOD)) as other, Loopback(b"") as server:
        server.answer = reply(302, b"", Location=f"{other.url}/x")
        proof = Credentials(server.url, {"Authorization": Secret(CANARY), "X-Api-Key": Secret(CANARY)})
        async with polled(server.url, credentials=proof, blocks=other.url) as world:
            await world.poll()
    assert server.requests[0].headers["x-api-key"] == CANARY
    assert other.requests
    for request in other.requests:
        assert CANARY not in str(request.headers)


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret(CANARY)
    proof = Credentials("https://a:443", {"Authorization": secret})
    for shown in (repr(secret), str(secret), f"{secret}", repr(proof), str(proof), repr([secret])):
        assert CANARY not in shown
    assert secret == Secret(CANARY) != Secret("other")
    with pytest.raises(TypeError):
        __import__("pickle").dumps(secret)


@pytest.mark.parametrize(
    "text", ["ftp://a", "https://a/x", "https://u@a", "https://a?x", "a.example", "", "https://[::1"]
)
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(OriginError):
        checked_origin(text)


def test_an_origin_is_compared_with_its_port() -> None:
    proof = Credentials(checked_origin("https://AIOS.example"))
    assert proof.covers("https://aios.example:443/block/query")
    for other in ("http://aios.example/", "https://aios.example:8443/", "https://aios.example.evil/", "https://x"):
        assert not proof.covers(other)


async def test_a_client_certificate_and_a_private_ca_are_used_for_their_origin(self_signed: tuple[Path, Path]) -> None:
    certificate, key = self_signed
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    import asyncio

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply(200, GOOD))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    own = Credentials(checked_origin(url), {}, (str(certificate), str(key)), str(certificate))
    async with polled(url, credentials=own) as world:
        await world.poll()
        assert world.metrics.problem is None
        assert world.block.block_id == "gemma"
    async with polled(url) as world:
        await world.poll()
        assert "certificate" in str(world.metrics.problem)
    server.close()
    await server.wait_closed()


def test_a_client_certificate_that_cannot_be_used_is_named(
    aios: Listening, own_files: Path, self_signed: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = self_signed
    own = own_files / "key.pem"
    own.write_bytes(key.read_bytes())
    own.chmod(0o644)
    pair = f'client_certificate = "{certificate}"\nclient_key = "{own}"'
    assert main(["once", *configured(own_files, aios, pair)]) == 2
    assert "chmod 600" in capsys.readouterr().err
    own.chmod(0o600)
    assert main(["once", *configured(own_files, aios, pair)]) == 0
    capsys.readouterr()
    encrypted = own_files / "encrypted.pem"
    command = ["openssl", "rsa", "-aes128", "-passout", "pass:x", "-in", str(key), "-out", str(encrypted)]
    subprocess.run(command, check=True, capture_output=True)
    encrypted.chmod(0o600)
    asked = f'client_certificate = "{certificate}"\nclient_key = "{encrypted}"'
    assert main(["once", *configured(own_files, aios, asked)]) == 2
    assert "certificate" in capsys.readouterr().err
