"""HTTP connections that are soon given up, through the environment's proxies and certificates."""

import http.client
import os
import socket
import ssl
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def opener() -> urllib.request.OpenerDirector:
    """What opens addresses, http and https.

    Proxies come from the environment (``https_proxy``, ``no_proxy``, …), as urllib reads them.
    """
    return urllib.request.build_opener(_HTTPHandler(), _HTTPSHandler(_certificates()))


def _certificates() -> ssl.SSLContext:
    """The system's certificate authorities, and those that the usual variables name."""
    context = ssl.create_default_context()
    for variable in _CA_VARIABLES:
        named = os.environ.get(variable)
        # A variable that is out of date must not stop what works without it. Adding authorities
        # is safe here: whatever comes is checked against a pinned hash.
        with suppress(OSError):
            if named and Path(named).is_dir():
                context.load_verify_locations(capath=named)
            elif named:
                context.load_verify_locations(cafile=named)
    return context


def _connect(address: tuple[str, int], *_: object) -> socket.socket:
    """Connect to the first IPv4 or the first IPv6 address of a host, and try no others.

    Where a firewall swallows packets, each address costs the whole time-out, and some hosts
    have sixteen.
    """
    families: dict[int, Any] = {}
    for answer in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        families.setdefault(answer[0], answer)
    failure = OSError("the host has no address")
    for family, kind, protocol, _name, where in families.values():
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(CONNECT_SECONDS)
            connection.connect(where)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


class _HTTPConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        # Not a public attribute. Should it go, all still works but for the limit on addresses.
        self._create_connection = _connect
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _HTTPSConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        self._create_connection = _connect
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPConnection, req)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._authorities = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_HTTPSConnection, req, context=self._authorities)
