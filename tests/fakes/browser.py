"""A real browser without a window, for pages that people will look at: what it says, asks for and paints."""

import asyncio
import base64
import json
import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def browser_path() -> str:
    """The browser that is installed; skips the test where there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    return found


class Page:
    """One tab, over the browser's own protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []
        """Errors, warnings and exceptions that the browser reports."""
        self.requests: list[str] = []
        """Every URL that was asked for."""

    async def listen(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._take(told["method"], told.get("params", {}))

    def _take(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params))
            case "Page.loadEventFired":
                self._loaded.set()

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        told = await asyncio.wait_for(answer, 60)
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def open(self, path: Path, columns: int = 1280) -> None:
        """Load a file and wait until it is there."""
        for part in ("Page", "Network", "Log", "Runtime"):
            await self.ask(f"{part}.enable")
        await self.resize(columns)
        self._loaded.clear()
        await self.ask("Page.navigate", url=path.as_uri())
        await asyncio.wait_for(self._loaded.wait(), 60)

    async def resize(self, columns: int) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=columns, height=900, deviceScaleFactor=1, mobile=False
        )

    async def emulate(self, media: str = "", scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.ask("Emulation.setEmulatedMedia", media=media, features=features)

    async def value(self, expression: str) -> Any:
        """What an expression is in the page."""
        told = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return told["result"].get("value")

    async def picture(self) -> bytes:
        """What is painted, as PNG."""
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png"))["data"])


@asynccontextmanager
async def browsing() -> AsyncIterator[Page]:
    """Start a browser with a profile of its own and end it."""
    program = browser_path()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        process = await asyncio.create_subprocess_exec(
            program, *options, "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    tab = next(entry for entry in await answer.json() if entry["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    listening = asyncio.create_task(page.listen())
                    yield page
                    listening.cancel()
                    await asyncio.gather(listening, return_exceptions=True)
        finally:
            process.terminate()
            await asyncio.wait_for(process.wait(), 20)


async def _port(path: Path, process: asyncio.subprocess.Process) -> str:
    """The port that the browser has taken, which it writes into its profile."""
    for _ in range(1200):
        told = await asyncio.to_thread(lambda: path.read_text().split() if path.exists() else [])
        if told:
            return told[0]
        assert process.returncode is None, "the browser has ended"
        await asyncio.sleep(0.05)
    raise AssertionError("the browser does not come up")


def painted_lines(png: bytes) -> int:
    """How many different lines of pixels a picture has; a blank one has one or two."""
    width, _height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (depth, kind) in {(8, 2), (8, 6)}
    data, place = b"", 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += 12 + length
    raw, stride = zlib.decompress(data), 1 + width * (3 if kind == 2 else 4)
    return len({raw[start : start + stride] for start in range(0, len(raw), stride)})
