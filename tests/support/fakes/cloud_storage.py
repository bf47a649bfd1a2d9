"""Cloud Storage, as an HTTP server on this machine with its JSON API, and reads by its XML API.

Buckets are directories, so that an object has the same path as in a mounted bucket.
"""

import base64
import contextlib
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

from support.fakes.local_http import serving


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the server."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(
        status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"}
    )


def refusal(status: int, message: str) -> Answer:
    return json_answer({"error": {"code": status, "message": message}}, status)


class CloudStorage:
    """The JSON API of Cloud Storage: https://cloud.google.com/storage/docs/json_api.

    Args:
        root: Has a directory per bucket.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._uploads: dict[str, tuple[Path, bytes]] = {}
        self._ids = itertools.count(1)

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers a request; `headers` have lower-case names."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/batch/"):
            return self._batch(headers, body)
        found = re.fullmatch(
            r"(/upload|/download)?/storage/v1/b/([^/]+)(/o)?(?:/(.+))?", parts.path
        )
        if found is None:
            return self._content(method, unquote(parts.path), headers)
        prefix, bucket, _, rest = found.groups()
        if not (self.root / bucket).is_dir():
            return refusal(404, f"The specified bucket {bucket} does not exist.")
        if prefix == "/upload":
            return self._upload(method, bucket, query, headers, body)
        if found[3] is None:
            return json_answer({"name": bucket, "id": bucket, "projectNumber": "1"})
        if rest is None:
            return self._list(bucket, query.get("prefix", ""))
        return self._object(method, bucket, rest, query, headers)

    def _content(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Answers like the XML API, from which Arrow reads: its paths are /BUCKET/NAME."""
        file = self.root / path.lstrip("/")
        if method == "GET" and file.is_file():
            return _media(file.read_bytes(), headers.get("range", ""))
        return refusal(404, f"no method and no object {method} {path}")

    def read(self, uri: str) -> bytes:
        """Returns the content of a gs:// URI."""
        return (self.root / uri.removeprefix("gs://")).read_bytes()

    def _list(self, bucket: str, prefix: str) -> Answer:
        directory = self.root / bucket
        names = sorted(
            str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
        )
        items = [self._metadata(bucket, name) for name in names if name.startswith(prefix)]
        return json_answer({"kind": "storage#objects", "items": items})

    def _object(
        self, method: str, bucket: str, rest: str, query: Mapping[str, str], headers: Any
    ) -> Answer:
        copied = re.fullmatch(r"(.+)/(?:copyTo|rewriteTo)/b/([^/]+)/o/(.+)", rest)
        name = unquote(copied[1] if copied else rest)
        path = self.root / bucket / name
        if not path.is_file():
            return refusal(404, f"No such object: {bucket}/{name}")
        if copied:
            target = self.root / copied[2] / unquote(copied[3])
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            return json_answer(self._metadata(copied[2], unquote(copied[3])))
        if method == "DELETE":
            path.unlink()
            return Answer(status=204)
        if query.get("alt") == "media":
            return _media(path.read_bytes(), headers.get("range", ""))
        return json_answer(self._metadata(bucket, name))

    def _upload(
        self, method: str, bucket: str, query: Mapping[str, str], headers: Any, body: bytes
    ) -> Answer:
        if query["uploadType"] == "multipart":
            described, content = _parts(headers, body)
            name = json.loads(described.get_payload())["name"]
            return self._store(bucket, name, content.get_payload(decode=True))
        if method == "POST":
            name = query.get("name") or json.loads(body)["name"]
            upload = f"upload-{next(self._ids)}"
            self._uploads[upload] = (self.root / bucket / name, b"")
            where = f"http://{headers['host']}/upload/storage/v1/b/{bucket}/o"
            session = f"{where}?uploadType=resumable&upload_id={upload}"
            return Answer(headers={"Location": session})
        path, before = self._uploads[query["upload_id"]]
        content = before + body
        if headers.get("content-range", "").endswith("/*"):  # more will come
            self._uploads[query["upload_id"]] = (path, content)
            return Answer(status=308, headers={"Range": f"bytes=0-{len(content) - 1}"})
        return self._store(bucket, str(path.relative_to(self.root / bucket)), content)

    def _store(self, bucket: str, name: str, content: bytes) -> Answer:
        path = self.root / bucket / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{threading.get_ident()}")
        part.write_bytes(content)
        part.replace(path)  # an object exists whole or not at all
        return json_answer(self._metadata(bucket, name))

    def _metadata(self, bucket: str, name: str) -> dict[str, Any]:
        path = self.root / bucket / name
        content, written = path.read_bytes(), path.stat().st_mtime_ns
        crc = google_crc32c.value(content).to_bytes(4, "big")
        return {
            "kind": "storage#object",
            "bucket": bucket,
            "name": name,
            "size": str(len(content)),
            "generation": str(written),
            "updated": f"{datetime.fromtimestamp(written / 1e9, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "crc32c": base64.b64encode(crc).decode(),
            "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
        }

    def _batch(self, headers: Mapping[str, str], body: bytes) -> Answer:
        answers = []
        for part in _parts(headers, body):
            method, url, _ = part.get_payload().splitlines()[0].split(" ")
            answer = self.answer(method, url, {}, b"")
            answers.append(
                f"--batch\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 {answer.status} X\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(answer.body)}\r\n\r\n"
                f"{answer.body.decode()}\r\n"
            )
        return Answer(
            body=f"{''.join(answers)}--batch--\r\n".encode(),
            headers={"Content-Type": "multipart/mixed; boundary=batch"},
        )


def _parts(headers: Mapping[str, str], body: bytes) -> list[Any]:
    raw = b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
    parts: Any = BytesParser().parsebytes(raw).get_payload()
    return list(parts)


def _media(content: bytes, wanted: str) -> Answer:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    if found is None:
        return Answer(body=content)
    start = int(found[1])
    end = min(int(found[2] or len(content)), len(content) - 1)
    if start >= len(content):
        return refusal(416, "Requested range not satisfiable")
    return Answer(
        status=206,
        body=content[start : end + 1],
        headers={"Content-Range": f"bytes {start}-{end}/{len(content)}"},
    )


@contextlib.contextmanager
def cloud_storage(root: Path) -> Iterator[dict[str, str]]:
    """Serves the buckets to everybody; yields the variables with which clients find them.

    Args:
        root: Has a directory per bucket.
    """
    with answering(CloudStorage(root).answer) as address:
        yield {"STORAGE_EMULATOR_HOST": address}


@contextlib.contextmanager
def answering(
    answer: Callable[[str, str, Mapping[str, str], bytes], Answer],
) -> Iterator[str]:
    """Serves on a free port; yields the address.

    Args:
        answer: Called with the method, the path, the headers with lower-case names, and the body.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            length = int(headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:  # the client was killed; an incomplete request has no effect
                self.close_connection = True
                return
            found = answer(self.command, self.path, headers, body)
            with contextlib.suppress(ConnectionError):  # a client that was killed
                self.send_response(found.status)
                for name, value in found.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(found.body)))
                self.end_headers()
                self.wfile.write(found.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Logs nothing: pytest shows failures."""

    with serving(Handler) as port:
        yield f"http://localhost:{port}"
