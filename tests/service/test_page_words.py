"""The words of the page: all that it says is there in both languages."""

import ast
import inspect
import re
import socket
from types import ModuleType
from typing import get_args

from playwright.sync_api import expect
from sqlalchemy import Engine

from resources.problems.causes import CAUSES, why
from resources.problems.names import Language
from resources.warehouse.raw.schema import SPECS
from resources.warehouse.state.locks import Locks
from sync import events, numbers, sync_locks
from sync.modes import Mode
from sync.reconcile import count_reconciliation, row_reconciliation
from sync.reconcile.verdict import ProjectReconciliation
from tests.browser import Chromium, visitor_at
from tests.service.conftest import Serve


def test_every_text_is_there_in_both_languages_and_a_third_one_is_forgotten(
    chromium: Chromium, serve: Serve
) -> None:
    with visitor_at(chromium, str(serve().base_url), locale="fr-FR") as visitor:
        page = visitor.page
        expect(page.locator("html")).to_have_attribute("lang", "en")
        missing = page.evaluate(
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
        modes, *types = page.evaluate(
            "async () => { const { WORDS } = await import('/static/words.js'); "
            "return [WORDS.ja.modes, WORDS.ja.types, WORDS.en.types]; }"
        )
        assert set(get_args(Mode)) <= set(modes)
        for labels, place in zip(types, (1, 0), strict=True):
            assert labels.items() >= {(table, spec.label[place]) for table, spec in SPECS.items()}
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


def test_an_error_is_said_by_its_code_in_the_language_of_the_page_as_alerts_say_it(
    chromium: Chromium, serve: Serve
) -> None:
    line = "GET /issues: no answer from acme.backlog.com: timed out; check BACKLOG_URL"
    failures = [(line, code) for code in (*CAUSES, "of_another_version", "toString", "", None)]
    # The text alone where no line was recorded.
    failures.append(("", "disk_full"))
    script = (
        "async failures => { const { sayCause } = await import('/static/say.js'); return "
        "failures.map(([error, code]) => sayCause(error, code)); }"
    )
    locales: dict[str, Language] = {"ja-JP": "ja", "en-US": "en"}
    for locale, language in locales.items():
        with visitor_at(chromium, str(serve().base_url), locale=locale) as visitor:
            *said, nothing = visitor.page.evaluate(script, [*failures, (None, None)])
            assert said == [why(code or "", error, language) for error, code in failures]
            assert ("原因は" in nothing) == (language == "ja")
