"""The settings of a deployment: every environment variable that the program reads, read once and validated.

Add here: a variable of the public contract. Keep out: settings of one command (they are its options), the rules for values
(`values.py`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from zoneinfo import ZoneInfo

from resources import values
from resources.variables import (
    API_KEY,
    BI_PASSWORD,
    BROKER_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    DAGSTER_POSTGRES_URL,
    DAGSTER_PUBLIC_URL,
    DAGSTER_URL,
    SERVICE_TOKEN,
    TOKEN_KEY,
    WAREHOUSE_URL,
    SettingsError,
    read_secret_files,
    secret,
)

#: Name of the code location where Dagster has one space.
ONE_LOCATION = "backlog_elt"


@dataclass(frozen=True)
class Settings:
    """What a deployment has set; an unset value means the built-in default (a simulated space, an embedded server)."""

    backlog_url: str | None
    backlog_api_key: str | None = field(repr=False)
    oauth_client_id: str | None
    oauth_client_secret: str | None = field(repr=False)
    token_key: str | None = field(repr=False)
    warehouse_url: str | None = field(repr=False)
    dagster_postgres_url: str | None = field(repr=False)
    home: Path
    timezone: str
    history_start: str
    rate_reserve: float
    dagster_location: str
    marts_of: tuple[str, ...]
    broker_url: str | None = field(repr=False)
    bi_password: str | None = field(repr=False)
    privacy_key: str | None = field(repr=False)
    service_token: str | None = field(repr=False)
    service_proxy_header: str | None
    service_trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    webhook_secret: str | None = field(repr=False)
    dagster_url: str | None
    dagster_public_url: str | None

    @property
    def simulated(self) -> bool:
        """Whether no real space is named, so that a simulated one stands in."""
        return self.backlog_url is None

    @property
    def oauth(self) -> bool:
        """Whether access is by OAuth 2.0, not by an API key."""
        return self.oauth_client_id is not None

    @property
    def key_prefix(self) -> tuple[str, ...]:
        """What the keys of raw assets begin with in Dagster: the code location of the space, where it has several."""
        return () if self.marts_of or self.dagster_location == ONE_LOCATION else (self.dagster_location,)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of months, schedules and "today"."""
        return ZoneInfo(self.timezone)

    @classmethod
    def of_this_process(cls) -> "Settings":
        """Read the environment, and put into it what is in files: Dagster, dbt and child processes read variables only.

        Raises:
            SettingsError: as `from_env`.
        """
        settings = cls.from_env(os.environ)
        read_secret_files(os.environ)
        return settings

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate every variable; an empty one counts as unset.

        Raises:
            SettingsError: a value is malformed, or what gives access to a real space is missing.
        """

        def get(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        backlog_url = values.backlog_url(get("BACKLOG_URL"))
        api_key, client_id = secret(environ, API_KEY), get(CLIENT_ID)
        client_secret, token_key = secret(environ, CLIENT_SECRET), secret(environ, TOKEN_KEY)
        if client_id or client_secret:
            values.check_oauth(backlog_url, api_key, client_id, client_secret, token_key)
        elif backlog_url and not api_key:
            expected = f"the API key of a user of {backlog_url} (personal settings), or {CLIENT_ID} for access by OAuth"
            raise SettingsError(API_KEY, "", expected)
        timezone = values.time_zone(get("BACKLOG_TIMEZONE") or "Asia/Tokyo")
        return cls(
            backlog_url=backlog_url,
            backlog_api_key=api_key,
            oauth_client_id=client_id,
            oauth_client_secret=client_secret,
            token_key=token_key,
            warehouse_url=values.postgres_url(WAREHOUSE_URL, secret(environ, WAREHOUSE_URL)),
            dagster_postgres_url=values.postgres_url(DAGSTER_POSTGRES_URL, secret(environ, DAGSTER_POSTGRES_URL)),
            home=Path(get("BACKLOG_ELT_HOME") or ".backlog-elt").expanduser().absolute(),
            timezone=timezone,
            history_start=values.history_start(get("BACKLOG_HISTORY_START") or "2020-01", ZoneInfo(timezone)),
            rate_reserve=values.reserve(get("BACKLOG_RATE_RESERVE") or "0.2"),
            dagster_location=values.location("BACKLOG_DAGSTER_LOCATION", get("BACKLOG_DAGSTER_LOCATION") or ONE_LOCATION),
            marts_of=values.locations("BACKLOG_MARTS_OF", get("BACKLOG_MARTS_OF")),
            broker_url=values.broker(secret(environ, BROKER_URL)),
            bi_password=secret(environ, BI_PASSWORD),
            privacy_key=values.privacy_key(environ),
            service_token=values.long_secret(environ, SERVICE_TOKEN),
            service_proxy_header=values.header(get("BACKLOG_SERVICE_PROXY_HEADER")),
            service_trusted_proxies=values.networks(get("BACKLOG_SERVICE_TRUSTED_PROXIES") or "127.0.0.0/8,::1"),
            webhook_secret=values.webhook_secret(environ),
            dagster_url=values.root(DAGSTER_URL, get(DAGSTER_URL)),
            dagster_public_url=values.root(DAGSTER_PUBLIC_URL, get(DAGSTER_PUBLIC_URL)),
        )
