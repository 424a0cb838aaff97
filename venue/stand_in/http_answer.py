"""HTTP answers as bytes: the venue's JSON, and the pages that the edge in front of it sends instead. No socket."""

from http import HTTPStatus
from typing import NamedTuple

from venue.stand_in.clock import http_date

JSON = "application/json;charset=UTF-8"
HTML = "text/html; charset=UTF-8"
RETRY_AFTER_S = 1


class HttpAnswer(NamedTuple):
    """Status, body and the headers that matter; the connection stays open unless `close`."""

    status: int
    body: str
    content_type: str = JSON
    retry_after_s: int | None = None
    close: bool = False

    def to_bytes(self) -> bytes:
        body = self.body.encode()
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", f"Date: {http_date()}",
                 "Server: cloudflare", f"Content-Type: {self.content_type}", f"Content-Length: {len(body)}",
                 f"Connection: {'close' if self.close else 'keep-alive'}"]
        if self.retry_after_s is not None:
            lines.append(f"Retry-After: {self.retry_after_s}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def edge_page(status: int) -> HttpAnswer:
    """What Cloudflare says before the venue is asked: an HTML page, no envelope."""
    what = {403: "error code: 1020", 429: "error code: 1015"}.get(status, _phrase(status))
    body = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{what}</h1></body></html>"
    return HttpAnswer(status, body, HTML, RETRY_AFTER_S if status == 429 else None, close=True)


def _phrase(status: int) -> str:
    """The edge has status codes of its own (520 and on) that no standard names."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
