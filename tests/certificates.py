"""Certificates with something wrong, and a server that shows one."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.http_servers import Quiet

DAY = timedelta(days=1)
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "encipher_only",
    "decipher_only",
)


def key() -> ec.EllipticCurvePrivateKey:
    """Return a key that is as good as any."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Wanted:
    """What a certificate shall hold; as it is: of a server on localhost that nothing is wrong with.

    `authority`: it may sign others. `depth`: so many authorities may stand below it. `begins` and
    `ends` are days from now. `more` are extensions.
    """

    name: str = "localhost"
    hosts: tuple[str, ...] = ("localhost",)
    authority: bool = False
    depth: int | None = None
    begins: int = -10
    ends: int = 10
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()


AUTHORITY = Wanted("an authority", (), authority=True)


@dataclass(frozen=True)
class Signed:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as files hold it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def signed(
    wanted: Wanted,
    by: Signed | None = None,
    own: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> Signed:
    """Return a certificate signed by another one, or by itself."""
    own = own or key()
    signer = by.key if by else own
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + wanted.begins * DAY)
        .not_valid_after(now + wanted.ends * DAY)
        .add_extension(x509.BasicConstraints(wanted.authority, wanted.depth), critical=True)
        .add_extension(
            x509.KeyUsage(
                key_cert_sign=wanted.authority,
                crl_sign=wanted.authority,
                **{use: not wanted.authority and use == _USES[0] for use in _USES},
            ),
            critical=True,
        )
        # Python from 3.13 on asks for these two.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if not wanted.authority:
        made = made.add_extension(x509.ExtendedKeyUsage([wanted.purpose]), critical=False)
    if wanted.hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in wanted.hosts])
        made = made.add_extension(names, critical=False)
    for extension, critical in wanted.more:
        made = made.add_extension(extension, critical=critical)
    return Signed(made.sign(signer, hashes.SHA256()), own)


def damaged(good: Signed) -> Signed:
    """Return a certificate whose signature is not right."""
    raw = good.certificate.public_bytes(serialization.Encoding.DER)
    return replace(
        good, certificate=x509.load_der_x509_certificate(raw[:-1] + bytes([raw[-1] ^ 1]))
    )


def context_of(folder: Path, *chain: Signed) -> ssl.SSLContext:
    """Return what a server needs to show the chain, whose first certificate is its own."""
    file, secret = folder / "server.crt", folder / "server.key"
    file.write_bytes(b"".join(one.pem for one in chain))
    secret.write_bytes(
        chain[0].key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # it shows what clients do not accept
    context.load_cert_chain(file, secret)
    return context


class _Https(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, _address: Any) -> None:
        """Wait until a client that was refused hangs up: else it may not read why."""
        with suppress(OSError), socket.socket(fileno=request.detach()) as refused:
            while refused.recv(65_536):
                pass


class _Handler(Quiet):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - the library's name


@contextmanager
def serving_tls(context: ssl.SSLContext) -> Iterator[int]:
    """Serve `{}` by HTTPS on a port of this machine."""
    with _Https(("127.0.0.1", 0), _Handler) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
