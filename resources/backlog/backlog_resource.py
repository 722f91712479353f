"""The Backlog client as a Dagster resource; the only file of this package that imports Dagster.

Holds: configuration and lifetime of the client, and the choice between API key and OAuth.
"""

import httpx
from dagster import ConfigurableResource, InitResourceContext, ResourceDependency
from pydantic import Field, PrivateAttr

from resources.backlog.auth import ApiKeyQuery, RenewedBearer
from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermanentError
from resources.backlog.oauth import OAuthApplication
from resources.backlog.renewal import RenewedTokens
from resources.backlog.request_parts import space_root
from resources.bounded_http import MOST_MEGABYTES
from resources.conditions import ConditionBook, Observer
from resources.privacy import Mask
from resources.secret import Secret, reveal
from resources.tokens import TokenStore, TokenVault
from resources.values import privacy_key
from resources.variables import PRIVACY_KEY

#: A tick of a sensor has a minute: then Dagster forgets it, and what it began goes on in one of the
#: few threads of the code server.
SHORT_TIMEOUTS = (10.0, 8.0, 10.0)


# Generic only for resources that yield another value.
class BacklogResource(ConfigurableResource):  # type: ignore[type-arg]
    """Connects to a Backlog space on first use, so that definitions load with nothing set, and
    closes after the run.

    Pass secrets as `EnvVar("BACKLOG_API_KEY")` and the like: the UI then shows the variable's name,
    not its value. With `oauth_client_id` access is by OAuth, whose tokens are in `vault`; otherwise
    by `api_key`. What requests show of the space as a whole is remembered in `conditions`.
    """

    url: str = Field(default="", description="Root of the space, https://acme.backlog.com")
    api_key: str = Field(
        default="", repr=False, description="API key of a user; give it as an environment variable"
    )
    oauth_client_id: str = Field(
        default="",
        description="Application that a user has allowed; empty: access is by the API key",
    )
    oauth_client_secret: str = Field(
        default="", repr=False, description="Secret of the application, as an environment variable"
    )
    token_key: str = Field(
        default="", repr=False, description="Keys that encrypt tokens, as an environment variable"
    )
    # Dagster takes None for no resource.
    vault: ResourceDependency[TokenVault | None] = None  # type: ignore[assignment]
    conditions: ResourceDependency[ConditionBook | None] = None  # type: ignore[assignment]
    rate_reserve: float = Field(
        default=0.2, description="Share of each rate-limit window that is left to people"
    )
    answer_megabytes: int = Field(
        default=MOST_MEGABYTES, description="Megabytes of an answer at most"
    )
    privacy_key: str = Field(
        default="", repr=False, description="Key that masks people, as an environment variable"
    )

    _client: BacklogClient | None = PrivateAttr(default=None)
    # Seconds that the retries of a request may wait, until the source says something, and until it
    # has answered whole.
    _patience: tuple[float, float, float] = PrivateAttr(default=(600.0, 60.0, 120.0))

    @property
    def client(self) -> BacklogClient:
        """Return the client of this run; raises PermanentError that names the variable when one is
        not set.
        """
        if self._client is None:
            max_wait, timeout, total = self._patience
            self._client = BacklogClient(
                self.root,
                self.auth,
                reserve=self.rate_reserve,
                observe=self.observer,
                max_wait=max_wait,
                timeout=timeout,
                total=total,
                megabytes=self.answer_megabytes,
            )
        return self._client

    def use_short_timeouts(self) -> None:
        """Give up within a minute what the source does not answer, as a look must that is repeated
        soon; call it first.
        """
        self._patience = SHORT_TIMEOUTS

    @property
    def observer(self) -> Observer | None:
        """What remembers the outcomes of requests."""
        # Short timeouts are for looks from outside; everything else is part of a run.
        return (
            self.conditions.observer(self.root, runs=0 if self._patience == SHORT_TIMEOUTS else 1)
            if self.conditions
            else None
        )

    @property
    def root(self) -> str:
        """Root of the space; raises PermanentError when it is not set or no root of a space."""
        if not self.url:
            raise PermanentError(
                "BACKLOG_URL is not set: give the root of the space, like https://acme.backlog.com"
            )
        return space_root(self.url)

    @property
    def uses_oauth(self) -> bool:
        """Whether access is by OAuth, not by an API key."""
        return bool(self.oauth_client_id)

    @property
    def auth(self) -> httpx.Auth:
        """What signs requests, as it is configured."""
        return RenewedBearer(self.tokens) if self.uses_oauth else ApiKeyQuery(self.api_key)

    @property
    def application(self) -> OAuthApplication:
        """The application in this space, for access by OAuth."""
        return OAuthApplication(self.root, self.oauth_client_id, self.oauth_client_secret)

    @property
    def token_store(self) -> TokenStore:
        """Where the tokens of the application in this space are, for access by OAuth.

        Raises:
            PermanentError: no vault is configured.
            SettingsError: the token key is no key.
            WarehouseError: the vault cannot be used.
        """
        if self.vault is None:
            raise PermanentError("access by OAuth needs a warehouse, where the tokens are")
        return self.vault.tokens(
            self.root.split("://", 1)[1].lower(), self.oauth_client_id, Secret(self.token_key)
        )

    @property
    def tokens(self) -> RenewedTokens:
        """The tokens of the application in this space, kept good, for access by OAuth."""
        return RenewedTokens(self.application, self.token_store)

    @property
    def mask(self) -> Mask:
        """What replaces people in what is stored or shown, as it is configured: those who are
        forgotten are not in it.
        """
        return Mask(reveal(privacy_key({PRIVACY_KEY: self.privacy_key})))

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the connections after the run."""
        self.close()

    def close(self) -> None:
        """Close the connections, if any were made."""
        if self._client is not None:
            self._client.close()
            self._client = None
