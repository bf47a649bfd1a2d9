"""Who may read the pages, and what pages may do in a browser.

Without a token only this machine reads them. A page of the internet could still send requests to
this machine from its visitor's browser, under a name of its own that it lets point here (DNS
rebinding). So the name in the request must be one of this server. With a token, each browser shows
it once in the address and gets a cookie.
"""

import ipaddress
import secrets
import socket
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN = "token"

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""A page loads what this server has in files, and nothing else; no text in it can run."""

FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For documents that a run made, such as reports: they are shown in a frame with an origin of their
own. They may draw with scripts that they contain, but can read no page, no cookie, no network."""

_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

_METHODS = ("GET", "HEAD")


class Guard:
    """Refuses requests that may not read the pages, and adds headers to all responses."""

    def __init__(self, app: ASGIApp, *, host: str, token: str) -> None:
        """Guards an application.

        Args:
            app: The application.
            host: The address that the server listens at.
            token: What a browser must show; empty if only this machine can connect.
        """
        self._app = app
        self._token = token
        self._names = {"localhost", host.lower()}
        if token:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":  # the pages need no other connection
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._admission(scope) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Returns the answer to a request of the wrong form; None if it is right."""
        if scope["method"] not in _METHODS:
            return PlainTextResponse(
                f"headrace ui: {scope['method']} is refused, pages are only read (GET).\n",
                status_code=405,
                headers={"allow": ", ".join(_METHODS)},
            )
        name = Headers(scope=scope).get("host", "")
        if not self._is_own(name):
            return PlainTextResponse(
                f"headrace ui: the address names the host {name!r}, which is not one of this "
                "server. Open the address that `headrace ui` printed.\n",
                status_code=421,
            )
        return None

    def _is_own(self, name: str) -> bool:
        try:
            host = (urlsplit(f"//{name}").hostname or "").lower()
        except ValueError:
            return False
        if host in self._names:
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        # No name stands for it, so nobody can let it point here. Without a token, the server has
        # only addresses of this machine.
        return bool(self._token) or address.is_loopback

    def _admission(self, scope: Scope) -> Response | None:
        """Returns the answer to a browser that may not read yet; None if it may."""
        if not self._token:
            return None
        # Cookies do not know ports: another server of this machine has its own.
        cookie = f"headrace_ui_{scope['server'][1]}"
        if self._is_token(_cookies(scope).get(cookie, "")):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(name == TOKEN and self._is_token(value) for name, value in query):
            return PlainTextResponse(
                "headrace ui: this page needs the token. Open the address that `headrace ui` "
                f"printed, which ends with ?{TOKEN}=...\n",
                status_code=401,
            )
        # The address without the token: it is not kept in the history, or copied with a link.
        rest = urlencode([(name, value) for name, value in query if name != TOKEN])
        # Never `//other.host`, which browsers also read in backslashes.
        path = "/" + scope["raw_path"].decode("latin-1").replace("\\", "%5C").lstrip("/")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), status_code=303)
        answer.set_cookie(cookie, self._token, httponly=True, samesite="strict")
        return answer

    def _is_token(self, value: str) -> bool:
        return secrets.compare_digest(value.encode(), self._token.encode())


def is_loopback(host: str) -> bool:
    """Returns whether only this machine can connect to an address to listen at."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _cookies(scope: Scope) -> dict[str, str]:
    try:
        found = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}
