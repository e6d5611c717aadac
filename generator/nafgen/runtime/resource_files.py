"""Files of a folder that are resources of the MCP server."""

from __future__ import annotations

from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, Resource

from .folders import Folder, TooLargeError, UnsafePathError, media_type
from .resources import Content
from .settings import SettingsError


class FolderFiles:
    """The files of a folder: their URIs are `uri`, a slash, and their paths.

    A file may have `limit` bytes. `is_blob`: none of them is text.
    """

    def __init__(
        self,
        uri: str,
        folder: Folder,
        *,
        name: str,
        title: str | None = None,
        description: str | None = None,
        media_type: str | None = None,
        is_blob: bool = False,
        limit: int,
    ) -> None:
        self._start = f"{uri.rstrip('/')}/"
        self._folder = folder
        self._name = name
        self._title = title
        self._description = description
        self._media_type = media_type
        self._is_blob = is_blob
        self._limit = limit

    def check(self) -> None:
        """See that the folder can be served.

        Raises:
            SettingsError: it is not there, or has too many files.
        """
        try:
            self._folder.files()
        except (FileNotFoundError, TooLargeError) as error:
            raise SettingsError(f"the files of {self._name}: {error}") from None

    def listed(self) -> list[Resource]:
        """The files as they are now, in the order of their paths.

        Raises:
            MCPError: the folder can no longer be served.
        """
        try:
            files = self._folder.files()
        except (FileNotFoundError, TooLargeError) as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from None
        return [
            Resource(
                uri=f"{self._start}{file.path}",
                name=f"{self._name}/{file.path}",
                title=f"{self._title}: {file.path}" if self._title else None,
                description=self._description,
                mime_type=self._media_type or file.type,
                size=file.size,
            )
            for file in files
        ]

    def read(self, uri: str) -> Content | None:
        """What a file holds, None where there is none of that URI.

        Raises:
            MCPError: it has too many bytes.
        """
        if not uri.startswith(self._start):
            return None
        path = uri.removeprefix(self._start)
        try:
            data = self._folder.read(path, self._limit)
        except (FileNotFoundError, UnsafePathError):
            return None
        except TooLargeError as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from None
        kind = self._media_type or media_type(path)
        if _is_text(kind) and not self._is_blob:
            try:
                return Content(data.decode(), kind)
            except UnicodeDecodeError:
                pass  # it is not what its name says
        return Content(data, kind)


def _is_text(kind: str) -> bool:
    plain = kind.partition(";")[0].strip().lower()
    return plain.startswith("text/") or plain.endswith(
        ("json", "jsonl", "xml", "yaml", "toml", "javascript")
    )
