"""What signs requests, by the settings of a deployment: where the Backlog client and the stored
tokens meet outside Dagster.
"""

import httpx
from sqlalchemy import Engine

from resources.backlog.auth import ApiKeyQuery, RenewedBearer
from resources.backlog.request_parts import space_root
from resources.secret import Secret
from resources.settings import Settings


def auth_of(settings: Settings, engine: Engine | None) -> httpx.Auth:
    """Return what signs requests to the space; access by OAuth needs an engine on the warehouse,
    where the tokens are.

    Raises:
        AuthenticationError: the API key cannot be one.
        SettingsError: the token key is no key.
    """
    if not settings.oauth or engine is None:
        return ApiKeyQuery(settings.backlog_api_key or Secret(""))
    # Only where it is needed: what encrypts tokens costs each process 7 MB.
    from resources.backlog.oauth import OAuthApplication
    from resources.backlog.renewal import RenewedTokens
    from resources.warehouse.token_store import StoredTokens

    root = space_root(settings.backlog_url or "")
    host, client_id = root.split("://", 1)[1].lower(), settings.oauth_client_id or ""
    application = OAuthApplication(root, client_id, settings.oauth_client_secret or Secret(""))
    return RenewedBearer(
        RenewedTokens(
            application, StoredTokens(engine, host, client_id, settings.token_key or Secret(""))
        )
    )
