"""Builds the object that signs requests from the settings of a deployment, outside Dagster."""

from typing import TYPE_CHECKING

import httpx
from sqlalchemy import Engine

from resources.backlog.auth import ApiKeyQuery, RenewedBearer
from resources.backlog.request_parts import space_root
from resources.secret import Secret
from resources.settings import Settings
from resources.tokens import TokenStore

if TYPE_CHECKING:
    from resources.backlog.oauth import OAuthApplication


def auth_of(settings: Settings, engine: Engine | None) -> httpx.Auth:
    """Return what signs requests to the space. OAuth needs an engine of the warehouse, which holds
    the tokens.

    Raises:
        AuthenticationError: the API key is empty or has characters that no key has.
        SettingsError: the token key is malformed.
    """
    if not settings.oauth or engine is None:
        return ApiKeyQuery(settings.backlog_api_key or Secret(""))
    from resources.backlog.renewal import RenewedTokens

    return RenewedBearer(RenewedTokens(_application(settings), tokens_of(settings, engine)))


def tokens_of(settings: Settings, engine: Engine) -> TokenStore:
    """Return the store of the application's tokens for this space, for access by OAuth.

    Raises:
        SettingsError: the token key is malformed.
    """
    # Imported only here: the encryption of tokens costs each process 7 MB.
    from resources.warehouse.state.token_store import StoredTokens

    host = space_root(settings.backlog_url or "").split("://", 1)[1].lower()
    return StoredTokens(
        engine, host, settings.oauth_client_id or "", settings.token_key or Secret("")
    )


def _application(settings: Settings) -> "OAuthApplication":
    from resources.backlog.oauth import OAuthApplication

    return OAuthApplication(
        space_root(settings.backlog_url or ""),
        settings.oauth_client_id or "",
        settings.oauth_client_secret or Secret(""),
    )
