"""Servers of this machine that answer as a test wants."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd

Answer = tuple[int, dict[str, str], bytes]


class Server:
    """A running server: its address, and the requests that it got."""

    def __init__(self, answer: Callable[["Server", str, dict[str, str]], Answer]) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.requests.append((self.path, headers))
                status, extra, body = answer(outer, self.path, headers)
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(body))} | extra).items():
                    if value:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def serving(answer: Callable[[Server, str, dict[str, str]], Answer]) -> Iterator[Server]:
    server = Server(answer)
    thread = threading.Thread(target=server.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.server.shutdown()
        server.server.server_close()
        thread.join()


def always(body: bytes, status: int = 200, **headers: str) -> Callable[[Server, str, dict[str, str]], Answer]:
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda *_: (status, extra, body)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


RECORDS = [
    {
        "id": number, "type_of_violence": 1, "side_a": "Government of Syria", "side_b": "IS", "where_prec": 1,
        "adm_1": "Homs Governorate", "latitude": 34.5, "longitude": 38.3, "country": "Syria", "date_prec": 1,
        "date_start": "2024-05-03T00:00:00", "date_end": "2024-05-03T00:00:00", "best": number,
    }
    for number in range(5)
]  # fmt: skip
BODY = pd.DataFrame(RECORDS * 300).to_csv(index=False).encode()
