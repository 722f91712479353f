"""The settings of a deployment: every environment variable that the program reads, validated."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from zoneinfo import ZoneInfo

from resources import links, network, values
from resources.alerts.addresses import Addresses
from resources.links import SIMULATED
from resources.secret import Secret
from resources.secret_files import read_secret_files, secret
from resources.variables import (
    ANSWER_MEGABYTES,
    API_KEY,
    BI_PASSWORD,
    BROKER_URL,
    CLIENT_ID,
    CLIENT_SECRET,
    DAGSTER_LOCATION,
    DAGSTER_POSTGRES_URL,
    DAGSTER_PUBLIC_URL,
    DAGSTER_URL,
    HISTORY_START,
    HOME,
    MAPPINGS,
    MARTS_OF,
    PROXY_HEADER,
    RATE_RESERVE,
    SERVICE_PUBLIC_URL,
    SERVICE_TOKEN,
    SIMULATED_HERE,
    TIMEZONE,
    TOKEN_KEY,
    TRUSTED_PROXIES,
    URL,
    WAREHOUSE_URL,
    SettingsError,
    check_names,
    text,
)

#: Name of the code location when Dagster has only one space.
ONE_LOCATION = "backlog_elt"
_MAPPINGS = Path(__file__).parents[1] / "mappings"


@dataclass(frozen=True)
class Settings:
    """The settings of a deployment. An unset value means the default (a simulated space, an
    embedded server).
    """

    backlog_url: str | None
    simulated: bool
    """Whether the space is simulated: none is named, or a parent process has started one."""
    simulated_by_name: bool
    """Whether a simulated space was requested explicitly, so that it may fill any server."""
    backlog_api_key: Secret | None
    oauth_client_id: str | None
    oauth_client_secret: Secret | None
    token_key: Secret | None
    warehouse_url: Secret | None
    dagster_postgres_url: Secret | None
    home: Path
    mappings: Path
    timezone: str
    history_start: str
    rate_reserve: float
    answer_megabytes: int
    dagster_location: str
    marts_of: tuple[str, ...]
    broker_url: Secret | None
    bi_password: Secret | None
    privacy_key: Secret | None
    service_token: Secret | None
    service_proxy_header: str | None
    service_trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    service_public_url: str | None
    webhook_secret: Secret | None
    dagster_url: str | None
    dagster_public_url: str | None

    @property
    def oauth(self) -> bool:
        """Whether access is by OAuth 2.0 instead of an API key."""
        return self.oauth_client_id is not None

    @property
    def key_prefix(self) -> tuple[str, ...]:
        """The prefix of raw asset keys in Dagster: the code location, if Dagster has several
        spaces.
        """
        return (
            ()
            if self.marts_of or self.dagster_location == ONE_LOCATION
            else (self.dagster_location,)
        )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of months, schedules and "today"."""
        return ZoneInfo(self.timezone)

    @classmethod
    def of_this_process(cls) -> "Settings":
        """Read the environment, and set in it the secrets from files and the hosts reached without
        a proxy.

        Dagster, dbt and child processes read variables only.

        Raises:
            SettingsError: as `from_env`.
        """
        settings = cls.from_env(os.environ)
        read_secret_files(os.environ)
        network.bypass_proxies(os.environ)
        return settings

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and validate every variable; an empty one counts as unset.

        Raises:
            SettingsError: a value is malformed, or access to a real space is not configured.
        """
        check_names(environ)
        # These are read elsewhere, but checked here, so that an error shows at the start and not in
        # a tick.
        Addresses.from_env(environ)
        network.check(environ)
        values.log_level(environ)
        values.log_format(environ)
        given = text(environ, URL)
        backlog_url = None if given == SIMULATED else links.root_of_space(given)
        api_key, client_id = values.key_of_space(secret(environ, API_KEY)), text(environ, CLIENT_ID)
        client_secret, token_key = secret(environ, CLIENT_SECRET), secret(environ, TOKEN_KEY)
        if client_id or client_secret:
            values.check_oauth(backlog_url, api_key, client_id, client_secret, token_key)
        elif given == SIMULATED and api_key:
            raise SettingsError(
                API_KEY,
                api_key,
                f"nothing while {URL} is {SIMULATED}: that space has a key of its own",
            )
        elif api_key and not backlog_url:
            raise SettingsError(
                URL,
                "",
                f"the root of the space to which {API_KEY} gives access, https://acme.backlog.com",
            )
        elif backlog_url and not api_key:
            expected = (
                f"the API key of a user of {backlog_url} (personal settings), or "
                f"{CLIENT_ID} for access by OAuth"
            )
            raise SettingsError(API_KEY, "", expected)
        timezone = values.time_zone(text(environ, TIMEZONE) or "Asia/Tokyo")
        warehouse_url = links.postgres(WAREHOUSE_URL, secret(environ, WAREHOUSE_URL))
        dagster_postgres_url = links.postgres(
            DAGSTER_POSTGRES_URL, secret(environ, DAGSTER_POSTGRES_URL)
        )
        embedded = not (warehouse_url and dagster_postgres_url)
        return cls(
            backlog_url=backlog_url,
            simulated=backlog_url is None or bool(text(environ, SIMULATED_HERE)),
            simulated_by_name=given == SIMULATED,
            backlog_api_key=api_key,
            oauth_client_id=client_id,
            oauth_client_secret=client_secret,
            token_key=token_key,
            warehouse_url=warehouse_url,
            dagster_postgres_url=dagster_postgres_url,
            home=values.home(text(environ, HOME) or ".backlog-elt", embedded=embedded),
            mappings=values.folder(MAPPINGS, text(environ, MAPPINGS) or str(_MAPPINGS)),
            timezone=timezone,
            history_start=values.history_start(
                text(environ, HISTORY_START) or "2020-01", ZoneInfo(timezone)
            ),
            rate_reserve=values.reserve(text(environ, RATE_RESERVE) or "0.2"),
            answer_megabytes=values.answer_megabytes(text(environ, ANSWER_MEGABYTES) or "64"),
            dagster_location=values.location(
                DAGSTER_LOCATION, text(environ, DAGSTER_LOCATION) or ONE_LOCATION
            ),
            marts_of=values.locations(MARTS_OF, text(environ, MARTS_OF)),
            broker_url=links.broker(secret(environ, BROKER_URL)),
            bi_password=secret(environ, BI_PASSWORD),
            privacy_key=values.privacy_key(environ),
            service_token=values.token(environ, SERVICE_TOKEN),
            service_proxy_header=values.header(text(environ, PROXY_HEADER)),
            service_trusted_proxies=values.networks(
                text(environ, TRUSTED_PROXIES) or "127.0.0.0/8,::1"
            ),
            service_public_url=links.root(SERVICE_PUBLIC_URL, text(environ, SERVICE_PUBLIC_URL)),
            webhook_secret=values.webhook_secret(environ),
            dagster_url=links.root(DAGSTER_URL, text(environ, DAGSTER_URL)),
            dagster_public_url=links.root(DAGSTER_PUBLIC_URL, text(environ, DAGSTER_PUBLIC_URL)),
        )
