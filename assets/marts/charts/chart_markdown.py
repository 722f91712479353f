"""The chart of a mart as Markdown: the picture itself, as a build records it, and the address of
the newest one.

Dagster's page of a mart shows Markdown of fewer than 1,000 characters in place, and anything longer
after a click. A picture is longer, so the page shows it by its address, which
`pipelines/hosting/chart_pictures.py` serves.
"""

import re
from urllib.parse import quote, unquote

#: The name of the picture in the metadata of a build, and that of its address in the metadata of
#: the mart itself.
CHART, CHART_NOW = "chart", "chart_now"
#: What addresses of pictures begin with; the key of the asset follows: `/charts/mart/issue.svg`.
ADDRESSES = "/charts/"

_PICTURE = re.compile(r"!\[.*\]\(data:image/svg\+xml,([^)]*)\)")


def picture_markdown(title: str, svg: str) -> str:
    """Return a picture as Markdown that needs nothing else to be shown."""
    # Percent-encoded it takes less of Dagster's storage than in base64: PostgreSQL compresses it.
    # What separates numbers in a path is good in an address as it is.
    return f"![{title}](data:image/svg+xml,{quote(svg, safe='/,:;=')})"


def svg_of(markdown: object) -> str | None:
    """Return the picture in a Markdown of `picture_markdown`; None: it is something else."""
    found = _PICTURE.fullmatch(str(markdown))
    return found and unquote(found[1])


def newest_markdown(title: str, key: str) -> str:
    """Return Markdown that shows the newest picture of an asset, `mart/issue`."""
    return f"![{title}]({ADDRESSES}{key}.svg)"
