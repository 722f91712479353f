"""TLS before a PostgreSQL: the server of the tests comes from a wheel that is built without it.

Clients cannot tell the difference: the port answers their request for TLS as the server does, and
passes on what comes after.
"""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import URL

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


@dataclass(frozen=True)
class Authority:
    """An authority that signs certificates of servers; `file` is its own certificate."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def file(self) -> Path:
        """The certificate by which clients know the authority."""
        path = self.folder / f"{self.name}.pem"
        if not path.exists():
            path.write_bytes(
                self._sign(self.name, self.key, authority=True).public_bytes(
                    serialization.Encoding.PEM
                )
            )
        return path

    def server(self, host: str) -> tuple[Path, Path]:
        """Return the certificate of a server on a host, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate, secret = (
            self.folder / f"{self.name}-{host}.crt",
            self.folder / f"{self.name}-{host}.key",
        )
        certificate.write_bytes(
            self._sign(host, key, authority=False).public_bytes(serialization.Encoding.PEM)
        )
        plain = serialization.NoEncryption()
        secret.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        )
        return certificate, secret

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool
    ) -> x509.Certificate:
        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        now = datetime.now(UTC)
        signs = {
            "key_cert_sign": authority,
            "crl_sign": authority,
            "digital_signature": not authority,
        }
        others = (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        )
        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
            # From here on what RFC 5280 asks for, and Python from 3.13 on.
            .add_extension(x509.KeyUsage(**signs, **dict.fromkeys(others, False)), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, hashes.SHA256())
        )


def _alternative(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ip_address(name))
    return x509.DNSName(name.replace(" ", "-"))


@dataclass
class Front:
    """A port with TLS before a server; `plain` counts the connections that did not ask for it, and
    were refused.
    """

    port: int
    secure: int = 0
    plain: int = 0

    def url(self, behind: URL, host: str = "localhost", **query: str) -> str:
        """Return the URL of a database behind this port."""
        return behind.set(
            host=host, port=self.port, query=query, drivername="postgresql"
        ).render_as_string(hide_password=False)


@contextmanager
def tls_before(server: URL, certificate: Path, key: Path) -> Iterator[Front]:
    """Serve a PostgreSQL, by a Unix socket or a port, with TLS on a port of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    front = Front(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            if await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST:
                front.secure += 1
                writer.write(b"S")
                await writer.start_tls(context)
                behind = await _connect(server)
                await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
            else:
                front.plain += 1
        writer.close()

    listening = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(serve, "127.0.0.1", 0), loop
    ).result()
    front.port = listening.sockets[0].getsockname()[1]
    yield front
    asyncio.run_coroutine_threadsafe(_end(listening), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while got := await reader.read(65536):
            writer.write(got)
            await writer.drain()
    writer.close()


async def _connect(server: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    folder = str(server.query.get("host", ""))
    if folder.startswith("/"):
        return await asyncio.open_unix_connection(
            f"{folder}/.s.PGSQL.{server.query.get('port', 5432)}"
        )
    return await asyncio.open_connection(server.host or folder or "localhost", server.port or 5432)
