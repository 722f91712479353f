"""What is wrong with the TLS of a server, and what to set.

OpenSSL gives a number when it refuses a certificate (`X509_V_ERR_…` in `openssl/x509_vfy.h`), and a
name of its own when no connection was agreed on. These decide; its words are only quoted.
"""

import ssl

import httpx

_AUTHORITY = "set SSL_CERT_FILE to a file with the authority that signs for {host} in your network"
_CLOCK = "check the clock of this machine; where it is right, {host} needs a new certificate"
_OTHER = "check {variable}; where it is right, {host} needs another certificate"
#: Number or name of OpenSSL -> what is wrong, and what to do. A certificate that is its own
#: authority is trusted by its file, as any authority.
_FAULTS = {
    "other number": ("its certificate is refused", _OTHER),
    "other name": ("TLS was not agreed on", "check {variable} and the network"),
    **dict.fromkeys(
        ("2", "19", "20", "21"),
        (
            "its certificate is of an authority not trusted here, or comes without those between",
            _AUTHORITY,
        ),
    ),
    "18": ("its certificate is self-signed", _AUTHORITY),
    "9": ("its certificate, or that of its authority, is not valid yet", _CLOCK),
    "10": ("its certificate, or that of its authority, has expired", _CLOCK),
    **dict.fromkeys(
        ("62", "64"),
        (
            "its certificate is for another host",
            "set {variable} to the host that the certificate names",
        ),
    ),
    "26": ("its certificate is not for servers", _OTHER),
    **dict.fromkeys(
        ("66", "67", "68"), ("its certificate has a key or signature too weak", _OTHER)
    ),
    **dict.fromkeys(
        ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"),
        ("it does not speak TLS", "check http:// or https:// and the port in {variable}"),
    ),
    **dict.fromkeys(
        ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION"),
        ("it offers only versions of TLS before 1.2", "check {variable} and the proxy"),
    ),
    **dict.fromkeys(
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        (
            "it refuses TLS with this program, or demands a certificate of the client",
            "check {variable}; certificates of clients are not supported",
        ),
    ),
}


class TlsError(httpx.ConnectError):
    """TLS was not agreed on with a server; the message says what is wrong, and `remedy` what to set
    or check, with places for the `host` and the `variable` that holds its URL.
    """

    def __init__(self, error: ssl.SSLError, request: httpx.Request) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            code, quoted = str(error.verify_code), error.verify_message.rstrip(".")
        else:
            code = quoted = error.reason or type(error).__name__
        wrong, self.remedy = (
            _FAULTS.get(code) or _FAULTS["other number" if code.isdigit() else "other name"]
        )
        super().__init__(f"{wrong} (OpenSSL: {quoted})", request=request)
