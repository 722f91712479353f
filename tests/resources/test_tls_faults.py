"""Backlog with the wrong certificate, or with no TLS at all: one line names what is wrong and what
to set.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError, Unavailable
from resources.backlog.oauth import OAuthApplication
from tests.certificates import (
    AUTHORITY,
    Signed,
    Wanted,
    context_of,
    damaged,
    serving_tls,
    signed,
)
from tests.dripping import DrippingServer

#: What clients trust, and authorities below it and beside it.
ROOT = signed(AUTHORITY)
BETWEEN = signed(replace(AUTHORITY, name="between"), ROOT)
STRANGER = signed(replace(AUTHORITY, name="a stranger"))
EXPIRED = signed(replace(AUTHORITY, name="expired", begins=-9, ends=-1), ROOT)
SIGNS_NONE = signed(replace(AUTHORITY, name="signs servers only", depth=0), ROOT)
BELOW = signed(replace(AUTHORITY, name="below"), SIGNS_NONE)
ONLY = x509.NameConstraints([x509.DNSName("example.com")], None)
OF_EXAMPLE = signed(replace(AUTHORITY, name="of example.com", more=((ONLY, True),)), ROOT)
NO_AUTHORITY = signed(Wanted("a server"), ROOT)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
SMALL_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - it is refused
SMALL = signed(replace(AUTHORITY, name="small"), None, SMALL_KEY)

UNTRUSTED = ("not trusted here", "set SSL_CERT_FILE to a file with the authority that signs for")
CLOCK = "check the clock of this machine"
OTHER = "check BACKLOG_URL; where it is right, localhost needs another certificate"
HOST = "set BACKLOG_URL to the host that the certificate names"
#: The chain that a server shows -> what the line names, and what it says to set.
CHAINS: dict[str, tuple[tuple[Signed, ...], tuple[str, str]]] = {
    "expired": ((signed(Wanted(ends=-1), ROOT),), ("has expired", CLOCK)),
    "not yet valid": ((signed(Wanted(begins=1), ROOT),), ("is not valid yet", CLOCK)),
    "of an expired authority": (
        (signed(Wanted(), EXPIRED), EXPIRED),
        ("that of its authority, has expired", CLOCK),
    ),
    "of another host": (
        (signed(Wanted(hosts=("acme.test",)), ROOT),),
        ("for another host (OpenSSL: Hostname mismatch", HOST),
    ),
    "self-signed": ((signed(Wanted()),), ("is self-signed", UNTRUSTED[1])),
    "of an unknown authority": ((signed(Wanted(), STRANGER),), UNTRUSTED),
    "of an unknown authority that is shown": ((signed(Wanted(), STRANGER), STRANGER), UNTRUSTED),
    "without the one between": (
        (signed(Wanted(), BETWEEN),),
        ("or comes without those between", UNTRUSTED[1]),
    ),
    "with a weak key": (
        (signed(Wanted(), ROOT, SMALL_KEY),),
        ("too weak (OpenSSL: EE certificate key too weak", OTHER),
    ),
    "of an authority with a weak key": (
        (signed(Wanted(), SMALL),),
        ("too weak (OpenSSL: CA certificate key too weak", OTHER),
    ),
    "of a client": (
        (signed(Wanted(purpose=ExtendedKeyUsageOID.CLIENT_AUTH), ROOT),),
        ("is not for servers", OTHER),
    ),
    "signed by a server": (
        (signed(Wanted(), NO_AUTHORITY), NO_AUTHORITY),
        ("refused (OpenSSL: invalid CA certificate", OTHER),
    ),
    "below too many authorities": (
        (signed(Wanted(), BELOW), BELOW, SIGNS_NONE),
        ("refused (OpenSSL: path length", OTHER),
    ),
    "of an authority for other names": (
        (signed(Wanted(), OF_EXAMPLE), OF_EXAMPLE),
        ("refused (OpenSSL: permitted subtree violation", OTHER),
    ),
    "with a damaged signature": (
        (damaged(signed(Wanted(), ROOT)),),
        ("refused (OpenSSL: certificate signature failure", OTHER),
    ),
    "with an extension that must be understood": (
        (signed(Wanted(more=((UNKNOWN, True),)), ROOT),),
        ("refused (OpenSSL: unhandled critical extension", OTHER),
    ),
}
DEMANDS = (
    "or demands a certificate of the client",
    "check BACKLOG_URL; certificates of clients are not supported",
)
#: The newest version of TLS of a server that demands a certificate of the client -> the line.
DEMANDED: dict[ssl.TLSVersion, tuple[str, str]] = {
    ssl.TLSVersion.TLSv1_3: DEMANDS,
    ssl.TLSVersion.TLSv1_2: DEMANDS,
    ssl.TLSVersion.TLSv1_1: ("only versions of TLS before 1.2", "check BACKLOG_URL and the proxy"),
}


@dataclass(frozen=True)
class Asked:
    """Where a server is asked, and the folder in which files of the test are."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch

    def trust(self, *authorities: Signed) -> None:
        """Trust these authorities, and no other."""
        file = self.folder / "authorities.pem"
        file.write_bytes(b"".join(one.pem for one in authorities))
        self.monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Trust the root of the tests."""
    asked = Asked(tmp_path, monkeypatch)
    asked.trust(ROOT, SMALL)
    return asked


def lines(url: str) -> Iterator[str]:
    """Yield what is said where the space is asked, and where its tokens are."""
    client = BacklogClient(url, ApiKeyQuery("the-key-of-nobody"), sleep=lambda _seconds: None)
    application = OAuthApplication(url, "client-1", "a-secret", sleep=lambda _seconds: None)
    login = partial(application.exchange, "a-code", "http://127.0.0.1/callback")
    with client:
        for ask in (client.space, login):
            with pytest.raises(Unavailable) as refused:
                ask()
            yield str(refused.value)


def check(url: str, said: tuple[str, ...]) -> None:
    """Ask, and check that each line says so."""
    for line in lines(url):
        assert [part for part in (": no answer from ", *said) if part not in line] == [], line
        assert "Operation not permitted" not in line
        assert len(line.splitlines()) == 1


@contextmanager
def shown(asked: Asked, *chain: Signed) -> Iterator[str]:
    """Serve with a chain of certificates, and give the URL."""
    with serving_tls(context_of(asked.folder, *chain)) as port:
        yield f"https://localhost:{port}"


@pytest.mark.parametrize("kind", CHAINS)
def test_a_wrong_certificate_is_named_with_what_to_set(asked: Asked, kind: str) -> None:
    chain, said = CHAINS[kind]
    with shown(asked, *chain) as url:
        check(url, said)


def test_an_address_that_the_certificate_does_not_name_is_the_wrong_host(asked: Asked) -> None:
    with shown(asked, signed(Wanted(), ROOT)) as url:
        check(url.replace("localhost", "127.0.0.1"), ("OpenSSL: IP address mismatch", HOST))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("newest", DEMANDED, ids=lambda newest: newest.name)
def test_a_server_that_demands_what_this_program_has_not_is_named(
    asked: Asked, newest: ssl.TLSVersion
) -> None:
    context = context_of(asked.folder, signed(Wanted(), ROOT))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    context.verify_mode = ssl.CERT_REQUIRED
    with serving_tls(context) as port:
        check(f"https://localhost:{port}", DEMANDED[newest])


def test_a_port_without_tls_is_named_and_the_proxy_before_it(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ("does not speak TLS", "check http:// or https:// and the port in BACKLOG_URL")
    with DrippingServer(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"") as server:
        check(server.url.replace("http:", "https:"), said)
        monkeypatch.setenv("HTTPS_PROXY", server.url.replace("http:", "https:"))
        through = f"HTTPS_PROXY leads through 127.0.0.1:{server.port}"
        check("https://acme.backlog.test", (*said, through))


def test_with_the_authority_set_the_space_is_read(asked: Asked) -> None:
    chain = signed(Wanted(), STRANGER), STRANGER
    asked.trust(STRANGER)
    with (
        shown(asked, *chain) as url,
        BacklogClient(url, ApiKeyQuery("the-key-of-nobody")) as client,
        pytest.raises(BacklogError, match="the answer has no text `spaceKey`"),
    ):
        client.space()
