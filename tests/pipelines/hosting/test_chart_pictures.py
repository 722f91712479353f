"""Pictures of charts by their addresses, from a real storage of Dagster."""

import asyncio

import dagster as dg
import httpx
import pytest
from dagster._core.test_utils import instance_for_test
from starlette.responses import PlainTextResponse

from assets.marts.charts.chart_markdown import CHART, picture_markdown
from pipelines.hosting.chart_pictures import WIDTH_ON_PAGE, ChartPictures

SVG = (
    '<svg role="img" width="860" height="317.5" viewBox="0 0 860 317.5">'
    '<rect width="8" height="3"/><text>累積 (50 %) & "b"</text></svg>'
)


def asked(path: str) -> httpx.Response:
    """Return the answer of the middleware before an application that says its own name."""
    app = ChartPictures(PlainTextResponse("dagster"))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_chart_of_the_newest_build_is_a_picture_and_may_do_nothing() -> None:
    with instance_for_test() as instance:
        for svg in ("<svg>of before</svg>", SVG):
            shown = dg.MetadataValue.md(picture_markdown("累積フロー / Cumulative flow", svg))
            built = dg.AssetMaterialization(["mart", "flow_daily"], metadata={CHART: shown})
            instance.report_runless_asset_event(built)
        answer = asked("/charts/mart/flow_daily.svg")
    assert answer.status_code == 200
    smaller = SVG.replace('width="860" height="317.5"', f'width="{WIDTH_ON_PAGE}"')
    assert answer.text == smaller, "the height follows from the viewBox"
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "metadata", [{}, {CHART: "no picture"}, {CHART: dg.MetadataValue.md("![x](/charts/x.svg)")}]
)
def test_a_build_without_a_chart_has_no_picture(metadata: dict[str, dg.MetadataValue]) -> None:
    with instance_for_test() as instance:
        assert asked("/charts/mart/issue.svg").status_code == 404
        built = dg.AssetMaterialization(["mart", "issue"], metadata=metadata)
        instance.report_runless_asset_event(built)
        assert asked("/charts/mart/issue.svg").status_code == 404


@pytest.mark.parametrize("path", ["/", "/assets/mart/issue", "/charts", "/charts/mart/issue"])
def test_all_other_addresses_are_passed_on(path: str) -> None:
    assert asked(path).text == "dagster"
