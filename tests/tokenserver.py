"""A small token server of OAuth 2 on loopback, over HTTPS: it answers as a test says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import trustme

Given = tuple[int, dict[str, Any]]


@dataclass
class TokenServer:
    """``choose`` makes an answer of what was asked, else ``answer`` stands."""

    answer: Given = (200, {})
    choose: Callable[[dict[str, str]], Given] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/token"

    def take(self, path: str, body: str) -> Given:
        asked = dict(parse_qsl(body, keep_blank_values=True))
        self.paths.append(path)
        self.asked.append(asked)
        return self.choose(asked) if self.choose else self.answer


@contextmanager
def token_server(authority: trustme.CA) -> Iterator[TokenServer]:
    """Serve with a certificate of this authority."""
    told = TokenServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, said = told.take(self.path, body)
            data = json.dumps(said).encode()
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def given(token: str = "access-1", **over: Any) -> Given:
    return 200, {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 3600,
        **over,
    }


def refused(error: str, description: str = "", *, status: int = 400) -> Given:
    return status, {"error": error, "error_description": description}
