"""A server of files on this machine that can be told to misbehave."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Site:
    """What is served, how, and what was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    """Name → ETag; without one the server tells none."""
    ranges: bool = True
    """Whether it can send a part of a file."""
    honest: bool = True
    """Whether it heeds If-Range; one that does not sends a part of whatever file it has now."""
    cut: int | None = None
    """Bytes of a body after which it closes the connection."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Name and range of every request."""
    sent: int = 0


@contextmanager
def serving() -> Iterator[Site]:
    """A site, served until the block ends."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name, wanted = self.path.lstrip("/"), self.headers.get("Range")
            site.asked.append((name, wanted))
            if name not in site.files:
                self.send_error(404)
                return
            content, tag = site.files[name], site.tags.get(name)
            same = not site.honest or self.headers.get("If-Range") in (None, tag)
            start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and site.ranges and same else 0
            if start and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            if tag:
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            body = content[start:][: site.cut]
            site.sent += len(body)
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
