"""The words of the page: all that it says is there in both languages."""

import ast
import inspect
import json
import re
import socket
from types import ModuleType
from typing import get_args

import httpx
import psycopg2
import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from resources.backlog.errors import error_from_response
from resources.problems.causes import in_words
from resources.problems.names import is_sentence
from resources.warehouse.history.history_reader import SyncStatus
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.server.connect import refusal
from resources.warehouse.state.locks import Locks
from service.page import STATIC
from sync import events, numbers, sync_locks
from sync.modes import Mode
from sync.reconcile import count_reconciliation, row_reconciliation
from sync.reconcile.verdict import ProjectReconciliation
from sync.run_ends import RunState
from tests.browser import Chromium, visitor_at
from tests.service.conftest import Serve


@pytest.mark.parametrize("locale", ["ja-JP", "fr-FR"])
def test_every_text_is_there_in_both_languages(
    chromium: Chromium, serve: Serve, locale: str
) -> None:
    with visitor_at(chromium, str(serve().base_url), locale=locale) as visitor:
        missing = visitor.page.evaluate(
            """async () => {
              const { WORDS } = await import('/static/words.js');
              const used = [...document.querySelectorAll('[data-say]')].map(element =>
                element.dataset.say);
              const names = (words, before = '') => Object.entries(words).flatMap(
                ([key, inside]) => typeof inside === 'object'
                  ? [key, ...names(inside, `${key}.`)] : [`${before}${key}`]);
              const ja = names(WORDS.ja), en = names(WORDS.en);
              // English has names that need no words.
              const bare = ['buckets', 'types', 'modes', 'phrases', 'jobs'];
              return [...new Set([...ja, ...en, ...used])].filter(key =>
                !bare.includes(key.split('.')[0]) && !(ja.includes(key) && en.includes(key)));
            }"""
        )
        assert missing == []
        modes = visitor.page.evaluate(
            "async () => Object.keys((await import('/static/words.js')).WORDS.ja.modes)"
        )
        assert set(get_args(Mode)) <= set(modes)
        types = visitor.page.evaluate(
            "async () => { const { WORDS } = await import('/static/words.js'); "
            "return [WORDS.ja.types, WORDS.en.types]; }"
        )
        for labels, place in zip(types, (1, 0), strict=True):
            assert labels.items() >= {(table, spec.label[place]) for table, spec in SPECS.items()}
        expect(visitor.page.locator("html")).to_have_attribute(
            "lang", "ja" if locale == "ja-JP" else "en"
        )


#: Words that are chosen by what a run is, or put together.
CHOSEN = {
    *get_args(RunState), *get_args(SyncStatus), "pauseWhat", "resumeWhat",
    *(f"{kind}{word}" for kind in ("start", "cancel") for word in ("Question", "Yes", "No")),
}  # fmt: skip


def test_no_word_is_left_that_the_page_does_not_say(chromium: Chromium, serve: Serve) -> None:
    sources = [
        file.read_text()
        for file in [*STATIC.glob("*.js"), STATIC / "page.html"]
        if file.name != "words.js"
    ]
    quoted = set(re.findall(r"""['"](\w+)['"]""", "".join(sources))) | CHOSEN
    with visitor_at(chromium, str(serve().base_url)) as visitor:
        texts = visitor.page.evaluate(
            """async () => Object.entries((await import('/static/words.js')).WORDS.ja)
              .filter(([, text]) => typeof text === 'string').map(([key]) => key)"""
        )
    assert [key for key in texts if key not in quoted] == []


def test_a_language_that_is_none_is_said_in_a_line_and_forgotten(
    chromium: Chromium, serve: Serve
) -> None:
    with visitor_at(chromium, str(serve().base_url), locale="en-US") as visitor:
        page = visitor.page
        page.evaluate("localStorage.setItem('language', 'tlh')")
        page.reload()
        expect(page.get_by_role("alert")).to_contain_text("There is no language “tlh”")
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
        expect(page.get_by_role("alert")).to_be_hidden()


#: Statements of the engine that say what it waits for, or note something on a comparison.
SAYING = re.compile(r"^notes\b|\.(?:waiting|_acquire)\(")


def said_by(module: ModuleType) -> set[str]:
    """Return the texts in such statements of a module; each value in them is a 7."""
    nodes = ast.walk(ast.parse(inspect.getsource(module)))
    statements = [
        ast.unparse(node)
        for node in nodes
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]
    code = "\n".join(filter(SAYING.search, statements))
    constants = [
        value
        for name in re.findall(r"\w+", code)
        if isinstance(value := vars(module).get(name), str)
    ]
    texts = [text for _, text in re.findall(r"""(['"])(.+?)\1""", code)]
    return {re.sub(r"\{.*?\}", "7", text) for text in texts + constants}


def test_all_that_the_engine_waits_for_and_notes_has_japanese_words(
    chromium: Chromium, serve: Serve, warehouse: Engine
) -> None:
    happened = [*numbers._happened((), {}, (), ()), "changed"]
    texts = [ProjectReconciliation(300, "OPS", 9, 9, 0, dict.fromkeys(happened, 7)).remark]
    for module in (events, sync_locks, count_reconciliation, row_reconciliation):
        found = said_by(module)
        assert found, module
        texts += found
    with Locks(warehouse, "acme", "run 7") as mine, Locks(warehouse, "acme") as others:
        mine.acquire("issues")
        texts.append(str(others.holder("issues")).replace(socket.gethostname(), "HOST"))
    with visitor_at(chromium, str(serve().base_url)) as visitor:

        def said(texts: list[str]) -> list[str]:
            code = (
                "async texts => { const { sayText } = await import('/static/say.js'); return "
                "texts.map(text => sayText(text)); }"
            )
            answer: list[str] = visitor.page.evaluate(code, texts)
            return answer

        assert [one for one in said(texts) if re.search("[a-z]", one.replace("Backlog", ""))] == []
        assert said(
            ["look; 2 in quarantine", "other load of issue_changes of project 300 to end (x)"]
        ) == [
            "look; 隔離中 2 件",
            "ほかの変更履歴のロード(プロジェクト 300)の終了 (x)",
        ]


#: Answers of a space that mean each error there is, and an answer that is no JSON.
REFUSALS = [
    (401, 11), (401, 12), (429, 13), (500, 1), (403, 5), (403, 4), (403, 3), (404, 6), (404, None),
    (302, None),
]  # fmt: skip


def test_an_error_is_said_in_the_language_of_the_page_as_alerts_say_it(
    chromium: Chromium, serve: Serve
) -> None:
    errors = []
    for status, code in REFUSALS:
        body = (
            "<html>" if code is None else json.dumps({"errors": [{"message": "x", "code": code}]})
        )
        headers = {"location": "https://acme.backlog.com/Login"} if status == 302 else {}
        error = error_from_response(
            httpx.Response(status, text=body, headers=headers), "GET /issues"
        )
        assert error is not None
        errors.append(str(error))
    errors[0] += " (gave up after 3 attempts)"
    errors.append(
        "issues: GET /issues: no answer from acme.backlog.com: timed out; check "
        "BACKLOG_URL and the network"
    )
    errors.append(
        refusal(psycopg2.OperationalError("server closed the connection unexpectedly")) or ""
    )
    errors += ["KEY: 'id'", "something odd that nobody has foreseen", "GET /issues: 500"]
    for locale, language in (("ja-JP", "ja"), ("en-US", "en")):
        with visitor_at(chromium, str(serve().base_url), locale=locale) as visitor:
            script = (
                "async texts => { const { sayCause } = await import('/static/say.js'); return "
                "texts.map(text => sayCause(text)); }"
            )
            *said, nothing = visitor.page.evaluate(script, [*errors, None])
        if language == "ja":
            # As alerts and `status --json` say it.
            assert said == [in_words(error, "ja") for error in errors]
            assert [text for text in said if is_sentence(text)] == []
            assert nothing == "原因は実行の画面で確認してください。"
        else:
            assert said == errors
