"""Cloud Storage as its clients read it: a directory, in which a subdirectory is a bucket."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit


@contextlib.contextmanager
def cloud_storage(root: Path) -> Iterator[str]:
    """Serves downloads of the JSON API on a free port; yields the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # /download/storage/v1/b/<bucket>/o/<name, quoted>?alt=media
            bucket, name = urlsplit(self.path).path.partition("/v1/b/")[2].split("/o/")
            file = root / bucket / unquote(name)
            found = file.is_file()
            body = file.read_bytes() if found else b"No such object"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: pytest shows what fails."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
