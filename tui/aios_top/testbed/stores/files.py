"""The one folder that the upload server writes and the static server reads."""

from pathlib import Path, PurePosixPath


class UploadRefusedError(Exception):
    """A name or path that would leave the folder; the text says which."""


class Files:
    """Policy archives on disk, below one root."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()

    def write(self, folder: str, name: str, content: bytes) -> str:
        """Store a file whole, replacing one of the same name in silence; returns its path below the root."""
        relative = _clean(folder, name)
        target = self.root / relative
        if not target.parent.resolve().is_relative_to(self.root) or target.is_dir():
            raise UploadRefusedError(f"{relative}: not a place for a file")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.part")
            partial.write_bytes(content)
            partial.replace(target)
        except OSError as error:
            raise UploadRefusedError(f"{relative}: {error.strerror}") from error
        return relative

    def find(self, path: str) -> Path | None:
        """Return the file or folder at a URL path, or None when there is none below the root."""
        if "\0" in path:
            return None
        found = (self.root / path.lstrip("/")).resolve()
        return found if found.is_relative_to(self.root) and found.exists() else None


def _clean(folder: str, name: str) -> str:
    parts = PurePosixPath(folder or ".").parts
    if folder.startswith("/") or ".." in parts or "\\" in folder or not folder.isprintable():
        raise UploadRefusedError(f"path {folder!r} leaves the upload folder; use '.' or a folder below it")
    if name in ("", ".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise UploadRefusedError(f"file name {name!r} is not a plain name")
    return str(PurePosixPath(*parts, name))
