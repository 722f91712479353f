"""What others say is text: nothing in it acts on who reads it."""

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from resources.redact import (
    LONGEST,
    keep_plain,
    mask_from_now_on,
    plain_line,
    plain_lines,
    redact,
    unmarked,
    without_links,
)
from tests.unsafe import EVIL, IMAGE, unsafe

SIGNS = "![](<>)`*_~|#&:/\\\"'@. -+=wh\n\r\t\x1b\x9b\u202e\u2066\u2028\ud800日é"


def test_a_message_is_one_line_without_control_characters_and_turned_directions() -> None:
    assert plain_line(f"GET /issues: 400, {EVIL}") == (
        "GET /issues: 400, \\u001b[31mred\\u0007 Error: forged\\u202egnp.exe \\u009b2J \\u007f"
    )


@given(st.text(alphabet=SIGNS, max_size=60))
def test_any_text_is_one_short_line_that_can_be_written(text: str) -> None:
    line = plain_line(text)
    assert unsafe(line) == []
    assert len(line.splitlines()) <= 1
    assert len(line.encode()) <= LONGEST


@pytest.mark.parametrize(
    "text", ["課題の件名 – “ok” 👩‍👩‍👧 é 10 %", "שלום, العربية", "a/b_c*d [x](y)"]
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert plain_line(text) == text


@pytest.mark.parametrize("letter", ["w", "長", "👪", "\x1b"])
def test_a_long_message_keeps_its_ends_and_says_how_much_is_left_out(letter: str) -> None:
    line = plain_line(f"GET /projects: 403, {letter * 1_000_000}; use the key of an administrator")
    assert len(line.encode()) <= LONGEST
    assert line.startswith(f"GET /projects: 403, {plain_line(letter)}")
    assert line.endswith("; use the key of an administrator")
    assert "bytes left out" in line
    assert plain_line(line) == line


@given(
    st.recursive(
        st.text(alphabet=SIGNS[:-3]),
        lambda more: st.dictionaries(st.text(alphabet=SIGNS[:-3]), more),
    )
)
def test_an_object_is_the_same_data_when_it_is_safe_to_show(value: object) -> None:
    written = plain_lines(json.dumps(value, ensure_ascii=False))
    assert json.loads(written) == value
    assert unsafe(written) == []


@settings(deadline=None)
@given(st.text(alphabet=SIGNS[:-3], max_size=40))
def test_any_name_in_a_cell_of_markdown_is_text(name: str) -> None:
    cell = unmarked(plain_line(name).replace("|", "¦"))
    tokens = MarkdownIt("commonmark").enable("table").parse(f"|a|\n|---|\n|{cell}|\n")
    inline = [child for token in tokens for child in token.children or []]
    shown = [child for child in inline[1:] if child.content]
    assert {child.type for child in shown} <= {"code_inline"}
    assert (
        "".join(child.content for child in shown).strip()
        == plain_line(name).replace("|", "¦").strip()
    )


@pytest.mark.parametrize("text", [IMAGE, "[click](http://evil.test)", "![a][b] [c]( d )"])
def test_a_chat_makes_no_image_and_no_link_of_what_an_alert_says(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"html": False}).parse(without_links(text))
    kinds = {child.type for token in tokens for child in token.children or []}
    assert kinds <= {"text", "text_special"}


def test_a_logger_that_is_kept_plain_hands_on_safe_lines(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.plain")
    keep_plain(logger)
    logger.warning("%s: reading all again", EVIL)
    assert unsafe(caplog.messages[-1]) == []
    assert caplog.messages[-1].endswith(": reading all again")


def test_commands_write_only_what_is_safe_to_show() -> None:
    sources = {file.name: file.read_text() for file in Path("pipelines/cli").glob("*.py")}
    assert [name for name, text in sources.items() if "click.echo" in text] == ["group.py"]
    assert sources["group.py"].count("click.echo") == 1


@pytest.mark.parametrize(
    "spelled",
    [
        "pa/ss+wörd word",
        "pa\\/ss+w\\u00f6rd word",
        "pa\\/ss+wörd word",
        "pa/ss+w\\u00f6rd word",
        "pa%2Fss%2Bw%C3%B6rd%20word",
        "pa%2fss%2bw%c3%b6rd%20word",
        "pa/ss%2Bw%C3%B6rd%20word",
        "pa/ss%2bw%c3%b6rd%20word",
        "pa%2Fss%2Bw%C3%B6rd+word",
        "pa%2fss%2bw%c3%b6rd+word",
    ],
)
def test_a_secret_is_masked_however_json_and_urls_spell_it(spelled: str) -> None:
    mask_from_now_on("pa/ss+wörd word")
    assert redact(f"said: <{spelled}>") == "said: <***>"


def test_a_secret_with_quotes_is_masked_in_json() -> None:
    mask_from_now_on('a"quoted\\secret')
    assert redact(json.dumps({"said": 'a"quoted\\secret'})) == '{"said": "***"}'
