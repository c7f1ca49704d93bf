"""The upload server (port 30186): puts a policy archive into the folder that the static server shows.

AIOS's own has no public source; the form is known from its tutorials and the answer is this project's choice.
"""

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from aios_top.testbed.stores.files import Files, UploadRefusedError
from aios_top.testbed.wire import flask_json

MAX_UPLOAD_BYTES = 64 * 1024 * 1024
MAX_PATH_BYTES = 4096


def routes(files: Files) -> list[web.RouteDef]:
    """Return the service's only path."""
    service = _Upload(files)
    return [web.post("/upload", service.upload)]


class _Upload:
    def __init__(self, files: Files) -> None:
        self._files = files

    async def upload(self, request: web.Request) -> web.Response:
        """Take a multipart form with `file` and `path`."""
        if not request.content_type.startswith("multipart/form-data"):
            return _failure("send multipart/form-data with the fields file and path")
        try:
            name, content, folder = await _form(await request.multipart())
            stored = self._files.write(folder, name, content)
        except UploadRefusedError as error:
            return _failure(str(error))
        except (HttpProcessingError, ValueError):
            return _failure("the body is no readable multipart form")
        return flask_json({"success": True, "path": stored, "size": len(content)})


async def _form(parts: MultipartReader) -> tuple[str, bytes, str]:
    """Return the file's name, its bytes and the folder; raises ValueError or UploadRefusedError."""
    name, content, folder = None, b"", "."
    async for part in parts:
        if not isinstance(part, BodyPartReader):
            raise UploadRefusedError("a nested multipart form is not expected")
        if part.name == "file":
            name, content = part.filename or "", await _bounded(part, MAX_UPLOAD_BYTES)
        elif part.name == "path":
            folder = (await _bounded(part, MAX_PATH_BYTES)).decode()
    if name is None:
        raise UploadRefusedError("the form has no field file")
    return name, content, folder


async def _bounded(part: BodyPartReader, limit: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > limit:
            raise UploadRefusedError(f"field {part.name} is larger than {limit} bytes")
    return bytes(content)


def _failure(message: str) -> web.Response:
    return flask_json({"success": False, "message": message}, 400)
