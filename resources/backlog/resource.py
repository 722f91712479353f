"""The Backlog client as a Dagster resource; the only file of this package that imports Dagster.

Holds: configuration and lifetime of the client. Add here: what Dagster configures of it.
Keep out: anything that a plain Python user of the client needs too.
"""

from dagster import ConfigurableResource, InitResourceContext
from pydantic import Field, PrivateAttr

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import PermanentError
from resources.privacy import Mask
from resources.settings import FILE, PRIVACY_KEY, privacy_key


class BacklogResource(ConfigurableResource):  # type: ignore[type-arg]  # generic only for resources that yield another value
    """Connects to a Backlog space on first use, so that definitions load with nothing set, and closes after the run.

    Pass `api_key` as `EnvVar("BACKLOG_API_KEY")`: the UI then shows the variable's name, not its value.
    """

    url: str = Field(default="", description="Root of the space, https://acme.backlog.com")
    api_key: str = Field(default="", repr=False, description="API key of a user; give it as an environment variable")
    rate_reserve: float = Field(default=0.2, description="Share of each rate-limit window that is left to people")

    privacy_key: str = Field(default="", repr=False, description="Key by which people are masked, as an environment variable")
    privacy_key_file: str = Field(default="", description="File that holds that key")

    _client: BacklogClient | None = PrivateAttr(default=None)

    @property
    def client(self) -> BacklogClient:
        """Return the client of this run; raises PermanentError that names the variable when one is not set."""
        if self._client is None:
            if not self.url:
                raise PermanentError("BACKLOG_URL is not set: give the root of the space, like https://acme.backlog.com")
            self._client = BacklogClient(self.url, ApiKeyQuery(self.api_key), reserve=self.rate_reserve, mask=self.mask)
        return self._client

    @property
    def mask(self) -> Mask:
        """What replaces people in answers, as it is configured: those who are forgotten are not in it.

        Raises:
            SettingsError: the file of the key cannot be read.
        """
        return Mask(privacy_key({PRIVACY_KEY: self.privacy_key, PRIVACY_KEY + FILE: self.privacy_key_file}) or "")

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Close the connections after the run."""
        self.close()

    def close(self) -> None:
        """Close the connections, if any were made."""
        if self._client is not None:
            self._client.close()
            self._client = None
