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
from resources.masking import Mask
from resources.secret import Secret, reveal
from resources.tokens import TokenStore, TokenVault
from resources.values import privacy_key
from resources.variables import PRIVACY_KEY

#: Dagster gives up a tick of a sensor after a minute, but its thread goes on in the code server,
#: which has few.
SHORT_TIMEOUTS = (10.0, 8.0, 10.0)


# Generic only for resources that yield another value.
class BacklogResource(ConfigurableResource):  # type: ignore[type-arg]
    """A Backlog space for Dagster; connects on first use and closes after the run.

    Definitions load without any setting. Pass secrets as `EnvVar("BACKLOG_API_KEY")` and the like:
    the UI then shows the variable's name, not its value. With `oauth_client_id` the client uses
    OAuth with the tokens in `vault`, otherwise `api_key`. `conditions` records what requests show
    about the space as a whole.
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
    # For Dagster, None means that there is no resource.
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
    # Seconds: for all waits between retries, until the first byte, until the whole answer.
    _patience: tuple[float, float, float] = PrivateAttr(default=(600.0, 60.0, 120.0))

    @property
    def client(self) -> BacklogClient:
        """The client of this run; raises PermanentError that names a variable when one is
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
        """Give up on the source within a minute, for checks that are soon repeated; call
        it first.
        """
        self._patience = SHORT_TIMEOUTS

    @property
    def observer(self) -> Observer | None:
        """Gets the outcomes of requests."""
        # Short timeouts are used outside of runs only.
        return (
            self.conditions.observer(self.root, runs=0 if self._patience == SHORT_TIMEOUTS else 1)
            if self.conditions
            else None
        )

    @property
    def root(self) -> str:
        """Root of the space; raises PermanentError when it is not set or malformed."""
        if not self.url:
            raise PermanentError(
                "BACKLOG_URL is not set: give the root of the space, like https://acme.backlog.com",
                cause="not_a_space",
            )
        return space_root(self.url)

    @property
    def uses_oauth(self) -> bool:
        """Whether access is by OAuth, not by an API key."""
        return bool(self.oauth_client_id)

    @property
    def auth(self) -> httpx.Auth:
        """Signs requests, with OAuth or the API key."""
        return RenewedBearer(self.tokens) if self.uses_oauth else ApiKeyQuery(self.api_key)

    @property
    def application(self) -> OAuthApplication:
        """The application in this space, for access by OAuth."""
        return OAuthApplication(self.root, self.oauth_client_id, self.oauth_client_secret)

    @property
    def token_store(self) -> TokenStore:
        """The store of the application's tokens, for access by OAuth.

        Raises:
            PermanentError: no vault is configured.
            SettingsError: the token key is malformed.
            WarehouseError: the vault cannot be used.
        """
        if self.vault is None:
            raise PermanentError("access by OAuth needs a warehouse, where the tokens are")
        return self.vault.tokens(
            self.root.split("://", 1)[1].lower(), self.oauth_client_id, Secret(self.token_key)
        )

    @property
    def tokens(self) -> RenewedTokens:
        """The application's tokens, renewed when needed, for access by OAuth."""
        return RenewedTokens(self.application, self.token_store)

    @property
    def mask(self) -> Mask:
        """Masks people as configured; people who were forgotten are not included."""
        return Mask(reveal(privacy_key({PRIVACY_KEY: self.privacy_key})))

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the connections after the run."""
        self.close()

    def close(self) -> None:
        """Close the connections, if any were made."""
        if self._client is not None:
            self._client.close()
            self._client = None
