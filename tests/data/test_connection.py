import socket
from pathlib import Path

import pytest

from fittingroom.data import connection

AUTHORITY = """-----BEGIN CERTIFICATE-----
MIIBojCCAUigAwIBAgITObK/MizxZn+VGO40lRzb33tuMTAKBggqhkjOPQQDAjAm
MSQwIgYDVQQDDBtGaXR0aW5nIFJvb20gdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIy
MTcyNTU4WhgPMjEyNjEwMjkxNzI1NThaMCYxJDAiBgNVBAMMG0ZpdHRpbmcgUm9v
bSB0ZXN0IGF1dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFQTcdiR
TYRbb51spB2x5QAbu/poLjWRlwxqGs0kyw8v8g7T5ek3NrmzYMGbFcCaPubvt1BD
W4CR0ZbR+yJmHfGjUzBRMB0GA1UdDgQWBBRpZvRm4om0YAeTdNHmlftP97KszDAf
BgNVHSMEGDAWgBRpZvRm4om0YAeTdNHmlftP97KszDAPBgNVHRMBAf8EBTADAQH/
MAoGCCqGSM49BAMCA0gAMEUCIHmjJPpEAO0jZ5fBwQ2Vx44bYs/Pqm1eXfoyyQIq
83DGAiEA+xp5jicN1WD3WyjomD8AYXciiZxZyi0/1R0mWu/bM5c=
-----END CERTIFICATE-----
"""


def authorities() -> str:
    return str(connection._certificates().get_ca_certs())


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_the_environment_names_are_trusted(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Fitting Room test authority" not in authorities()
    bundle = tmp_path / "authorities.pem"
    bundle.write_text(AUTHORITY)
    monkeypatch.setenv(variable, str(bundle))
    assert "Fitting Room test authority" in authorities()


@pytest.mark.parametrize("content", [None, "rubbish"])
def test_a_bundle_that_is_none_changes_nothing(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = authorities()
    bundle = tmp_path / "authorities.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert authorities() == before


def test_a_host_with_many_dead_addresses_is_soon_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and nobody listens: connections are refused
        dead = unused.getsockname()
        answer = (socket.AF_INET, socket.SOCK_STREAM, 0, "", dead)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [answer] * 16)
        made: list[socket.socket] = []
        original = socket.socket

        def counting(*arguments: int) -> socket.socket:
            made.append(original(*arguments))
            return made[-1]

        monkeypatch.setattr(socket, "socket", counting)
        with pytest.raises(ConnectionRefusedError):
            connection._HTTPConnection("host", timeout=connection.CONNECT_SECONDS).connect()
    assert len(made) == 1


def test_connecting_waits_less_than_reading() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()[:2]
        made = connection._HTTPConnection(host, port, timeout=connection.CONNECT_SECONDS)
        made.connect()
        assert made.sock.gettimeout() == connection.READ_SECONDS
        made.close()
    assert connection.CONNECT_SECONDS <= 5 < connection.READ_SECONDS
