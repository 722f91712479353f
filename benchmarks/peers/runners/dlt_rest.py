"""dlt with its `rest_api` source: `PEER_BEST` chooses the settings that were found to be fastest,
else the defaults.
"""

import os
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import dlt
from dlt.sources.helpers.rest_client.paginators import BasePaginator, OffsetPaginator
from dlt.sources.rest_api import rest_api_source

PAGE = 100
BEST = bool(os.environ.get("PEER_BEST"))


class ById(BasePaginator):
    """Pages of comments, oldest first: the next begins after the last id."""

    def __init__(self) -> None:
        super().__init__()
        self.next_id = 0

    def init_request(self, request: Any) -> None:
        """Begin with the first page of an issue."""
        self._has_next_page = True
        self.next_id = 0

    def update_state(self, response: Any, data: list[Any] | None = None) -> None:
        """End after a page that is not full."""
        if not data or len(data) < PAGE:
            self._has_next_page = False
        else:
            self.next_id = data[-1]["id"] + 1

    def update_request(self, request: Any) -> None:
        """Ask for what follows."""
        request.params["minId"] = self.next_id


ISSUES = {
    "name": "issues",
    "endpoint": {
        "path": "issues",
        "params": {"sort": "created", "order": "asc"},
        "paginator": OffsetPaginator(limit=PAGE, limit_param="count", total_path=None),
        "incremental": {
            "cursor_path": "updated",
            "initial_value": "1970-01-01T00:00:00Z",
            "start_param": "updatedSince",
            "convert": lambda moment: str(moment)[:10],  # the API knows only days
        },
    },
}
COMMENTS = {
    "name": "comments",
    "endpoint": {
        "path": "issues/{resources.issues.id}/comments",
        "params": {"count": PAGE, "order": "asc"},
        "paginator": ById(),
    },
}


def _url() -> str:
    """Return the URL in the form that dlt accepts: with a password, and the folder of the socket as
    host.
    """
    url = urlsplit(os.environ["PEER_DATABASE_URL"])
    place = dict(parse_qsl(url.query))
    host = quote(place["host"], safe="")
    return f"postgresql://{url.username}:password@{host}:{place['port']}{url.path}"


def main() -> None:
    """Extract, normalize and load what has changed."""
    resources = [ISSUES, COMMENTS] if "comments" in os.environ["PEER_TABLES"] else [ISSUES]
    source = rest_api_source(
        {
            "client": {
                "base_url": os.environ["BACKLOG_URL"] + "/api/v2/",
                "auth": {
                    "type": "api_key",
                    "name": "apiKey",
                    "api_key": os.environ["BACKLOG_API_KEY"],
                    "location": "query",
                },
            },
            "resource_defaults": {"primary_key": "id", "write_disposition": "merge"},
            "resources": resources,
        },
        name="backlog",
        max_table_nesting=0 if BEST else None,
    )
    pipeline = dlt.pipeline(
        "peer",
        destination=dlt.destinations.postgres(_url()),
        dataset_name="peer",
        pipelines_dir=os.environ["PEER_STATE"],
    )
    pipeline.run(source, loader_file_format="parquet" if BEST else None)


if __name__ == "__main__":
    main()
