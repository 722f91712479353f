"""The corpus of wrong settings: what somebody has set, and the line that the command prints.

Each case stands for one that happened or may: a variable, its value, and the line as a pattern
(after `Error: `). What is a secret holds SECRET, which is in no line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from resources.variables import ALERT_URLS, FILE, SECRETS

SECRET = "S3CRET-of-nobody"
SPACE = {"BACKLOG_URL": "https://acme.backlog.com", "BACKLOG_API_KEY": f"{SECRET}-key"}
MAIL = {
    "BACKLOG_ALERT_SMTP_URL": "smtp://mail.example.com",
    "BACKLOG_ALERT_MAIL_FROM": "a@example.com",
    "BACKLOG_ALERT_MAIL_TO": "b@example.com",
}
OAUTH = {"BACKLOG_URL": "https://acme.backlog.com", "BACKLOG_OAUTH_CLIENT_ID": "client-1"}


@dataclass(frozen=True)
class Case:
    """Variables beside those of a space, and the line."""

    variables: Mapping[str, str]
    line: str
    base: Mapping[str, str] = field(default_factory=lambda: SPACE)


#: The variables that hold an address, and the scheme of one.
WEB = {
    "BACKLOG_URL": "https",
    "BACKLOG_DAGSTER_URL": "http",
    "BACKLOG_DAGSTER_PUBLIC_URL": "https",
    "BACKLOG_SERVICE_PUBLIC_URL": "https",
    "BACKLOG_ALERT_SLACK_URL": "https",
    "BACKLOG_ALERT_TEAMS_URL": "https",
    "BACKLOG_ALERT_SMTP_URL": "smtps",
    "BACKLOG_BROKER_URL": "redis",
}
DATABASES = ("WAREHOUSE_URL", "DAGSTER_POSTGRES_URL")
PORT = "its port is not a number from 1 to 65535"
HOST = "its host is neither a name nor an address"
#: Form of an address -> what is wrong with it; the scheme is filled in.
FORMS = {
    f"user:{SECRET}@host/x": "it does not begin with",
    f"host=db password={SECRET}": "it does not begin with",
    f"mysql://user:{SECRET}@host/x": "it does not begin with",
    f"{SECRET}": "it does not begin with",
    f"//user:{SECRET}@host/x": "it does not begin with",
    f"{{}}:/user:{SECRET}@host/x": HOST,
    f"{{}}://user:{SECRET}@host:54x2/x": PORT,
    f"{{}}://user:{SECRET}@host:0/x": PORT,
    f"{{}}://user:{SECRET}@host:99999/x": PORT,
    f"{{}}://user:{SECRET}@host:-1/x": PORT,
    f"{{}}://user:{SECRET}/more@host/x": PORT,
    f"{{}}://user:{SECRET}@more@host/x": "@ is written as %40",
    f"{{}}://user:{SECRET}[@host/x": r"a \[ or \] in it is not part of an IPv6 address",
    f"{{}}://user:{SECRET}]@host/x": r"a \[ or \] in it is not part of an IPv6 address",
    f"{{}}://user:{SECRET}@[::gg]/x": r"a \[ or \] in it is not part of an IPv6 address",
    f"{{}}://user:{SECRET}@/x": HOST,
    f"{{}}://user:{SECRET}@a..b/x": HOST,
    f"{{}}://user:{SECRET}@-host-/x": HOST,
    f"{{}}://user:{SECRET}@{'a' * 64}.test/x": HOST,
    f"{{}}://user:{SECRET}@{'a.' * 150}test/x": HOST,
    f"{{}}://user:{SECRET}@ho st/x": HOST,
    f"{{}}://user:{SECRET}@host/a b": "it has a space or a backslash",
    f"{{}}://user:{SECRET}@host/{'a' * 3_000}": "it is longer than 2,000 characters",
    f"{{}}://user:{SECRET}@host/x\ny": "expected text without control characters",
    f"{{}}://user:{SECRET + chr(0)}@host/x": "expected text without control characters",
}
#: Of a database, what its driver says of the same, and its options.
OF_DATABASES = {
    f"user:{SECRET}@host/x": r"it does not begin with postgresql://",
    f"host=db password={SECRET}": r"it does not begin with postgresql://",
    f"mysql://user:{SECRET}@host/x": r"it does not begin with postgresql://",
    f"postgresql+asyncpg://user:{SECRET}@host/x": r"it does not begin with postgresql://",
    f"{SECRET}": r"it does not begin with postgresql://",
    f"//user:{SECRET}@host/x": r"it does not begin with postgresql://",
    f"jdbc:postgresql://host/x?password={SECRET}": r"it does not begin with postgresql://",
    f"postgresql://user:{SECRET}@host:54x2/x": PORT,
    f"postgresql://user:{SECRET}@host:0/x": PORT,
    f"postgresql://user:{SECRET}@host:99999/x": PORT,
    f"postgresql://user:{SECRET}/more@host/x": "/ as %2F",
    f"postgresql://user:{SECRET}@more@host/x": "@ is written as %40",
    f"postgresql://user:{SECRET}@a..b/x": HOST,
    f"postgresql://user:{SECRET}@ho st/x": HOST,
    f"postgresql://user:{SECRET}@{'a' * 64}.test/x": HOST,
    f"postgresql://user:{SECRET + '%00'}@host/x": "it has an option that PostgreSQL does "
    "not know, or: in a password",
    f"postgresql://user:{SECRET}@host/x%0Ay": "it has a control character",
    f"postgresql://user:{SECRET}@host/x?colour=red": "it has an option that "
    "PostgreSQL does not know",
    f"postgresql://user:{SECRET}@host/x?sslmode=sure": "its sslmode is unknown",
    f"postgresql://user:{SECRET}@host/x?connect_timeout=soon": "one of its times is not a number",
    f"postgresql://user:{SECRET}@host/x\ty": "expected text without control characters",
    f"postgresql://user:{SECRET + chr(0)}@host/x": "expected text without control characters",
}
#: Form of a proxy -> what is wrong with it. `proxy:8080` alone is one.
PROXIES = {
    "http://": HOST,
    "http:///": HOST,
    " ": HOST,
    f"ftp://{SECRET}": "it does not begin with http:// or https:// or socks5://",
    f"socks4://{SECRET}": "it does not begin with",
    f"://{SECRET}": "it does not begin with",
    f" http://{SECRET}": "it has a space or a backslash",
    f"http://user:{SECRET}@host:99999": PORT,
    f"http:{SECRET}": PORT,
    f"user:{SECRET}@ho st:8080": HOST,
    f"http://[::1/{SECRET}": r"a \[ or \] in it is not part of an IPv6 address",
    f"http://host/{SECRET}\n": "it has a control character",
    f"socks5://user:{SECRET}@host:1080": "for socks5:// the package socksio is missing",
    f"socks5h://user:{SECRET}@host:1080": "for socks5h:// the package socksio is missing",
}
#: Variables that no secret is in, and what is shown of them as it is.
TEXTS: Mapping[tuple[str, str], str] = {
    (
        "BACKLOG_TIMEZONE",
        "an IANA time zone",
    ): "Mars/Olympus|JST+9|tokyo|Asia/Tokyo ' |９|../UTC|Asia/Tokyo\\",
    ("BACKLOG_HISTORY_START", "a month as YYYY-MM"): (
        "2024-13|2024|2024-1|24-01|2024/01|2024-01-01|２０２４-０１|2024−01|٢٠٢٤-٠١|0000-01"
        "|last year"
    ),
    (
        "BACKLOG_HISTORY_START",
        "a month from 2000-01 up to the current one",
    ): "1999-12|2999-01|9999-12",
    ("BACKLOG_RATE_RESERVE", "a share from 0 to below 1"): (
        f"1|1.5|-0.1|nan|inf|-inf|1e999|0,2|20%|０.２|half|0x1|1_0|0.2.1|1e99999|{'9' * 5_000}"
    ),
    (
        "BACKLOG_ANSWER_MEGABYTES",
        "a whole number of megabytes",
    ): "0|-1|6.4|64MB|10000|1e3|６４|many",
    (
        "BACKLOG_DAGSTER_LOCATION",
        "the name of a code location",
    ): f"acme corp|acme-corp|ａｃｍｅ|{'a' * 64}|_acme|acme/beta|会社",
    (
        "BACKLOG_MARTS_OF",
        "the name of a code location",
    ): "acme,,beta|,|acme, be ta|acme；beta|acme、beta",
    ("BACKLOG_SERVICE_PROXY_HEADER", "the name of a header"): "X User|X-User:|9|ユーザー|X_User",
    ("BACKLOG_SERVICE_TRUSTED_PROXIES", "addresses or networks"): (
        "10.0.0.0/99|10.0.0|10.0.0.1;10.0.0.2|proxy.example.com|10.0.0.1/8|::g|１０.0.0.1x|010.0.0.1"
    ),
    ("BACKLOG_LOG_FORMAT", "text or json"): "xml|ｊｓｏｎ|json,text|1",
    ("BACKLOG_LOG_LEVEL", "DEBUG or INFO or WARNING or ERROR"): "LOUD|10|TRACE|WARN",
    ("BACKLOG_ELT_HOME", "a folder"): "~nobody-of-this-name|~nobody-of-this-name/elt",
    ("BACKLOG_MAPPINGS", "a folder"): "~nobody-of-this-name",
    ("BACKLOG_ELT_HOME", "a folder without"): '/x/$HOME/a|/x/$(id)|/x/`id`|/x/a"b|/x/a\\b|$HOME',
    ("BACKLOG_ALERT_MAIL_FROM", "a mail address"): (
        "elt|elt@|@example.com|a b@example.com|elt＠example.com|a@b@example.com|Elt <elt>|<>"
    ),
    ("BACKLOG_ALERT_MAIL_TO", "a mail address"): "a@example.com;b|a@example.com,b|，|ops",
    ("BACKLOG_OAUTH_CLIENT_ID", "the client id of an application"): f"クライアント|a b|{'a' * 300}",
}
#: Control characters, and bytes that are no UTF-8 as Python reads them from the environment.
UNSEEN = ("\n", "\r", "\0", "\x1b[31m", "\x7f", "\udcff", "\u2028", "\x85")
SHORT = ("BACKLOG_PRIVACY_KEY", "BACKLOG_SERVICE_TOKEN", "BACKLOG_WEBHOOK_SECRET")
_SECRET_OF_OAUTH = {"BACKLOG_OAUTH_CLIENT_SECRET": SECRET}
_OAUTH = {"BACKLOG_OAUTH_CLIENT_ID": "client-1", **_SECRET_OF_OAUTH}
_SMTP = {"BACKLOG_ALERT_SMTP_URL": f"smtp://me:{SECRET}@mail"}
#: What is wrong with several variables together.
TOGETHER = [
    Case(
        {"BACKLOG_API_KEY": SECRET},
        "BACKLOG_URL is '': expected the root of the space to which BACKLOG_API_KEY",
        {},
    ),
    Case(
        {"BACKLOG_OAUTH_CLIENT_ID": "client-1"},
        "BACKLOG_OAUTH_CLIENT_SECRET is '': expected the client secret",
        {},
    ),
    Case(_SECRET_OF_OAUTH, "BACKLOG_OAUTH_CLIENT_ID is '': expected the client id", {}),
    Case(
        _OAUTH,
        "BACKLOG_URL is '': expected the root of the space to which BACKLOG_OAUTH_CLIENT_ID",
        {},
    ),
    Case(_OAUTH, "BACKLOG_API_KEY is '…': expected nothing while BACKLOG_OAUTH_CLIENT_ID is set"),
    Case(
        _OAUTH,
        "BACKLOG_TOKEN_KEY is '': expected a key that encrypts",
        {"BACKLOG_URL": "https://acme.backlog.com"},
    ),
    Case(
        {"BACKLOG_API_KEY": ""},
        "BACKLOG_API_KEY is '': expected the API key of a user of https://acme.backlog.com",
    ),
    Case(
        {"BACKLOG_URL": "simulated"},
        "BACKLOG_API_KEY is '…': expected nothing while BACKLOG_URL is simulated",
    ),
    Case({"BACKLOG_URL": "Simulated"}, r"BACKLOG_URL is '…' \(it does not begin with"),
    Case(_SMTP, "BACKLOG_ALERT_MAIL_FROM is '': expected a mail address"),
    Case(
        _SMTP | {"BACKLOG_ALERT_MAIL_FROM": "a@example.com"},
        "BACKLOG_ALERT_MAIL_TO is '': expected a mail address",
    ),
]
#: Variables, values of theirs that are wrong, what is said of these, and what else is set.
OF_SECRETS: list[tuple[tuple[str, ...], tuple[str, ...], str, Mapping[str, str]]] = [
    (
        (ALERT_URLS,),
        (
            SECRET, f"//{SECRET}", f"json:/{SECRET}", f"json://host {SECRET}",
            f"json://host,{SECRET} x", f"：//{SECRET}", ",",
        ),
        r"'…' \(number [12] of [02123] does not begin with a scheme and ://\)",
        {},
    ),
    (SHORT, ("x", "x" * 15, "短い"), "'…': expected a secret of 16 characters or more", {}),
    (
        ("BACKLOG_WEBHOOK_SECRET",),
        (f"{SECRET}/with/slashes", f"{SECRET} with blanks", f"{SECRET}-日本語", f"{SECRET}％20"),
        "'…': expected letters, digits, - and _",
        {},
    ),
    (
        ("BACKLOG_SERVICE_TOKEN",),
        (f"{SECRET}-日本語", f"{SECRET} with blanks", f"{SECRET}ｘ"),
        "'…': expected ASCII letters",
        {},
    ),
    (
        ("BACKLOG_API_KEY",),
        (f"{SECRET}ａ", f"{SECRET} {SECRET}", f"“{SECRET}”"),
        "'…': expected an API key as Backlog shows it",
        {},
    ),
    (
        ("BACKLOG_TOKEN_KEY",),
        ("short", f"{SECRET}=", "=" * 44, "ａ" * 44, ",", f"{'A' * 43}=,{SECRET}"),
        "'…?': expected a key that encrypts OAuth tokens",
        {"BACKLOG_API_KEY": "", **_OAUTH},
    ),
]  # fmt: skip
#: A name that is none of ours -> the one that was meant.
NAMES = {
    "BACKLOG_ULR": "BACKLOG_URL",
    "BACKLOG_APIKEY": "BACKLOG_API_KEY",
    "BACKLOG_KEY": "BACKLOG_",
    "BACKLOG_TIME_ZONE": "BACKLOG_TIMEZONE",
    "BACKLOG_WAREHOUSE_URL": "WAREHOUSE_URL",
    "BACKLOG_HOME": "BACKLOG_ELT_HOME",
    "BACKLOG_ELT_TIMEZONE": "BACKLOG_TIMEZONE",
    "BACKLOG_ALERT_SLACK": "BACKLOG_ALERT_SLACK_URL",
    "BACKLOG_SERVICE_PROXY_HEADERS": "BACKLOG_SERVICE_PROXY_HEADER",
    "BACKLOG_URL_FILE": "BACKLOG_",
    "backlog_url": "BACKLOG_URL",
    "Backlog_Api_Key": "BACKLOG_API_KEY",
    "warehouse_url": "WAREHOUSE_URL",
    "BACKLOG_WEBHOOKS_SECRET": "BACKLOG_WEBHOOK_SECRET",
    "BACKLOG_OAUTH_SECRET": "BACKLOG_OAUTH_CLIENT_SECRET",
}


def cases() -> Iterator[Case]:
    """Yield all cases."""
    for name, scheme in WEB.items():
        for form, wrong in FORMS.items():
            yield Case({name: form.format(scheme)}, rf"{name} is '[a-z]*:?…'.*{wrong}")
    for name in DATABASES:
        for form, wrong in OF_DATABASES.items():
            yield Case({name: form}, rf"{name} is '[a-z]*:?…'.*({wrong})")
    for name in ("BACKLOG_URL", "BACKLOG_DAGSTER_URL", "BACKLOG_DAGSTER_PUBLIC_URL"):
        for user in (f"user:{SECRET}", f":{SECRET}", SECRET):
            yield Case(
                {name: f"https://{user}@host"},
                rf"{name} is 'https:…' \(it has a user or a password\)",
            )
        for query in (f"?key={SECRET}", f"#{SECRET}", "?", "#"):
            yield Case({name: f"https://host{query}"}, rf"{name} is 'https:…' \(it has a query\)")
    for kind in ("http_proxy", "https_proxy", "all_proxy"):
        for form, wrong in PROXIES.items():
            for name in (kind, kind.upper()):
                yield Case({name: form}, rf"{name} is '[a-z]*:?…'.*{wrong}", {})
    for file, wrong in {
        SECRET: "no such file or directory",
        "/": "is a directory|it holds no certificate",
        __file__: "it holds no",
    }.items():
        yield Case(
            {"SSL_CERT_FILE": file},
            rf"SSL_CERT_FILE is '…' \(({wrong}).*\): expected the path of a file",
            {},
        )
    yield Case(
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": f"/{SECRET}"},
        r"SSL_CERT_DIR is '…' \(there is no such folder\): expected a folder",
        {},
    )
    for (name, expected), values in TEXTS.items():
        base = SPACE | MAIL if "MAIL" in name else OAUTH if "OAUTH" in name else SPACE
        for value in values.split("|"):
            yield Case({name: value}, rf"{name} is ['\"].*['\"]: expected .*{expected}", base)
    for name in dict.fromkeys((*SECRETS, *WEB, *(name for name, _ in TEXTS))):
        for unseen in (
            UNSEEN[2:3] if name == ALERT_URLS else UNSEEN[:2] if name in SECRETS else UNSEEN
        ):
            yield Case(
                {name: f"a{unseen}b"},
                rf"{name} is '.*': expected text without control characters",
                SPACE | MAIL,
            )
    for names, wrong_values, said, more in OF_SECRETS:
        for name in names:
            for value in wrong_values:
                yield Case({name: value}, rf"{name} is {said}", {**SPACE, **more})
    for name in SECRETS:
        # Where a path belongs, somebody has put the secret itself.
        yield Case(
            {name + FILE: SECRET},
            rf"{name}_FILE is '…' \(no such file or directory\): expected the path of a file",
            _without(name),
        )
        yield Case(
            {name + FILE: f"~{SECRET}/key"},
            rf"{name}_FILE is '…' \(it is not a path\)",
            _without(name),
        )
    for file, wrong in {
        "/": "is a directory",
        "/dev/null": "it is empty",
        "a" * 5_000: "file name too long",
    }.items():
        yield Case(
            {"BACKLOG_API_KEY_FILE": file},
            rf"BACKLOG_API_KEY_FILE is '…' \({wrong}\)",
            _without("BACKLOG_API_KEY"),
        )
    for name, meant in NAMES.items():
        yield Case(
            {name: SECRET},
            rf"{name} is '…': expected no variable of this name: did you mean {meant}",
        )
    yield Case({"BACKLOG_ \n": SECRET}, r"BACKLOG_… is '…': expected no variable of this name")
    yield from TOGETHER


def _without(name: str) -> dict[str, str]:
    if name == "BACKLOG_API_KEY":
        return {"BACKLOG_URL": SPACE["BACKLOG_URL"]}
    return SPACE
