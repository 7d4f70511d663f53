"""HTTP: on this machine only, with a bearer token, and with Origin and Host checked whatever the address.

The SDK turns its Host and Origin checks off for an address that is not this machine's, so the settings are always given, and
no other address is taken at all.
"""

from __future__ import annotations

import hmac
import os
import secrets
import socket

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from noclobber.errors import NoclobberError

__all__ = ["FixedToken", "auth_settings", "bound", "find_or_make_token", "transport_security"]


class FixedToken:
    """Accepts one token, compared in constant time."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """The access a right token gives, None for a wrong one."""
        if not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token):
            return None
        return AccessToken(token=token, client_id="noclobber", scopes=[], resource=None)


def find_or_make_token(state: str, given: str | None) -> tuple[str, str]:
    """The token, and where it is: ``NOCLOBBER_MCP_TOKEN``, or a file of the workspace's state that only its owner reads."""
    if given:
        return given, "NOCLOBBER_MCP_TOKEN"
    path = os.path.join(state, "mcp-token")
    try:
        with open(path, encoding="ascii") as file:
            token = file.read().strip()
        if token:
            return token, path
    except FileNotFoundError:
        pass
    token = secrets.token_urlsafe(32)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token, path


def auth_settings(port: int) -> AuthSettings:
    """What the SDK wants to know to check bearer tokens; there is no authorization server behind them."""
    here = AnyHttpUrl(f"http://127.0.0.1:{port}")
    return AuthSettings(issuer_url=here, resource_server_url=AnyHttpUrl(f"http://127.0.0.1:{port}/mcp"), validate_token_resource=False)


def transport_security(port: int) -> TransportSecuritySettings:
    """Only this machine's names, on this port."""
    hosts = [f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
    )


def bound(port: int) -> socket.socket:
    """This machine's own address and the port. NoclobberError where another program has it."""
    # asyncio turns Nagle's wait off (40 ms an answer) only on sockets that say they are TCP
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just ended may be started again at once
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as problem:
        listening.close()
        raise NoclobberError(f"Port {port} cannot be had ({problem.strerror}); name another with --port.") from problem
    return listening
