"""From a spec and its rows to a picture: an SVG for Dagster, a Vega program for the page.

The SVG holds texts as texts, in the fonts of the reader, so that the server needs none.
"""

import json
import re
import unicodedata
from typing import Any

from assets.marts.charts.words import both, clean, in_both

FONTS = "'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif"
WIDTH = 860
#: A picture in Dagster is light.
LOOKS = {
    "light": {"ink": "#22272e", "quiet": "#565f6b", "grid": "#e3e6ea"},
    "dark": {"ink": "#e6e9ee", "quiet": "#a9b3c0", "grid": "#333b46"},
}
#: The look of all charts, with the names of these colours.
LOOK: dict[str, Any] = {
    "aria": False, "padding": 2, "background": None, "title": {"color": "@ink"},
    "axis": {"labelColor": "@quiet", "titleColor": "@quiet", "gridColor": "@grid",
        "domainColor": "@quiet", "tickColor": "@quiet", "labelFontSize": 11,
        "titleFontWeight": "normal"},
    "legend": {"orient": "top", "direction": "horizontal", "labelColor": "@ink",
        "titleColor": "@quiet", "labelFontSize": 12, "labelLimit": 200, "offset": 12, "columns": 4},
    "text": {"color": "@ink", "fill": "@ink"},
    "style": {"text": {"fill": "@ink"}, "cell": {"stroke": None}},
}  # fmt: skip
_QUIET = LOOKS["light"]["quiet"]
_CONFIG = {
    # Texts are measured in this font and shown in FONTS. Measuring in FONTS takes twice as long for
    # nearly the same widths.
    "font": "sans-serif", "background": "white", "padding": 14, "view": {"stroke": None},
    "title": {"anchor": "start", "fontSize": 17, "subtitleColor": _QUIET,
        "subtitleFontSize": 12, "offset": 14},
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelAnchor": "start"},
}  # fmt: skip
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"(?<![\d#.])-?\d+\.\d{2,}")
_ARIA = re.compile(r' (?:aria-[a-z]+|role|pointer-events|stroke-miterlimit|class)="[^"]*"')
_CLIP = re.compile(r"clip\d+")
_FAMILY = re.compile(r' font-family="[^"]*"')
#: Letters about half as wide as high, in their order, which most fonts of a server have; `_NARROW`
#: is another half.
_STAND_INS = (
    "àáâãäåæçèéêëðñòóôõöøùúûüýþÿāăąćĉċčďđēĕėęěĝğġģħńņňŋōŏőœśŝşšũūŭůűųŵŷźżž"
    "αβγδεζηθκλμνξοπρςστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюя"
)
_NARROW = "c"


def picture(spec: dict[str, Any], title: str, said: str, rows: list[dict[str, Any]]) -> str:
    """Return a chart of rows as an SVG in both languages.

    Args:
        spec: what is drawn.
        title: the name of the title among the words.
        said: the numbers that matter most, in one line or more, below the title.
        rows: what it is drawn of.
    """
    import vl_convert  # starts a JavaScript engine when first used

    made = in_both(spec)
    if not rows:
        made = {
            "width": WIDTH,
            "height": 30,
            "data": {"values": [{}]},
            "mark": {"type": "text", "text": both("no_data"), "color": _QUIET},
        }
    elif not {"facet", "vconcat"} & set(made):
        made |= {"width": WIDTH, "autosize": {"type": "fit-x", "contains": "padding"}}
    for part in made.get("vconcat", []):
        if "facet" not in part:
            part.setdefault("width", WIDTH - 90)
    made |= {
        "$schema": _SCHEMA,
        "title": {"text": both(title), "subtitle": [clean(line) for line in said.split("\n")]},
        "datasets": {"rows": rows},
        "config": {**LOOK, **_CONFIG},
    }
    written = json.dumps(_without_links(made), ensure_ascii=False, allow_nan=False)
    for name, colour in LOOKS["light"].items():
        written = written.replace(f"@{name}", colour)
    drawn, letters = _measurable(written)
    return _slim(_written(vl_convert.vegalite_to_svg(drawn), letters), both(title))


def _without_links(part: Any) -> Any:
    """Return a spec, or a part of one, without the links that marks have on the page."""
    if isinstance(part, list):
        return [_without_links(one) for one in part]
    if isinstance(part, dict):
        return {name: _without_links(one) for name, one in part.items() if name != "href"}
    return part


def _measurable(spec: str) -> tuple[str, dict[str, str]]:
    """Return a spec with stand-ins for Japanese letters, and the letter of each stand-in.

    The library measures each text, and for a letter that is not in its font it reads a font of 20
    MB again, which takes longer than all else. A stand-in with a narrow letter after it is as wide
    as a Japanese letter.
    """
    wide = sorted({letter for letter in spec if unicodedata.east_asian_width(letter) in "WF"})
    letters = dict(
        zip([letter for letter in _STAND_INS if letter not in spec], wide, strict=False)
    )  # those for which there is none are measured as they are
    return spec.translate(
        {ord(letter): stand_in + _NARROW for stand_in, letter in letters.items()}
    ), letters


def _written(svg: str, letters: dict[str, str]) -> str:
    """Put the letters in the place of their stand-ins, also of one that was cut off from its narrow
    letter.
    """
    wanted = f"([{''.join(letters)}]){_NARROW}?"
    return re.sub(wanted, lambda found: letters[found[1]], svg) if letters else svg


def program(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec as a Vega program without rows, as wide as its place in the page. A click on a
    mark picks the `choice` of its row.
    """
    import vl_convert

    pick = {"name": "pick", "select": {"type": "point", "fields": ["choice"], "toggle": False}}
    first, *others = spec["layer"]
    made = {
        **spec,
        "layer": [{**first, "params": [pick]}, *others],
        "$schema": _SCHEMA,
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "datasets": {"rows": []},
        "background": None,
        "config": {"aria": False, "view": {"stroke": None}},
    }
    found: dict[str, Any] = vl_convert.vegalite_to_vega(made)
    return found


def _slim(svg: str, title: str) -> str:
    """Shorten a picture: tenths of a pixel are enough, the fonts are named once for all, and one
    label stands for all.
    """
    clips: dict[str, str] = {}  # the library counts them on from picture to picture

    def shorter(tag: re.Match[str]) -> str:
        kept = _FAMILY.sub("", _ARIA.sub("", tag[0]))
        kept = _CLIP.sub(lambda found: clips.setdefault(found[0], f"c{len(clips)}"), kept)
        return _NUMBER.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), kept)

    return _TAG.sub(shorter, svg).replace(
        "<svg ", f'<svg role="img" aria-label="{title}" font-family="{FONTS}" ', 1
    )


def scripts() -> str:
    """Return the JavaScript of Vega, whole, so that a page needs no network."""
    import vl_convert

    # Programs are Vega's already: Vega-Lite stays here.
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return bundle.replace("</script", "<\\/script")
