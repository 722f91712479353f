"""A problem that people are told of: a code and its parameters, and what is said of it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resources.problems.causes import cause_of, in_words, remedy
from resources.problems.names import LANGUAGES, Language, name_range
from resources.problems.problem_texts import CODES, RUNBOOK, Code, Texts

#: Words of subjects: what runs are called, and what is left out of a list of assets.
_SUBJECT_JA = (
    (re.compile(r"^job (\S+)$"), r"ジョブ \1"),
    (re.compile(r"^backfill$"), "バックフィル"),
    (re.compile(r" and (\d+) more$"), r" ほか \1 件"),
)
_OF_RUNS = frozenset({"run_failed", "backfill_failed"})
#: What the keys of problems of runs and checks begin with -> their code.
_CODE_BEFORE = {"run": "run_failed", "backfill": "backfill_failed", "check": "check_red"}


@dataclass(frozen=True)
class Problem:
    """Something that a person should know. `key` says what it is about, so that it is reported once
    while it lasts.

    `parameters` are those of its texts. `said` is the recorded error, from which its cause is
    known, `partition` what its run covers.
    """

    key: str
    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Problem | None":
        """Return a problem as it was recorded; None for a code that only another version knows.

        Before there were codes, problems were recorded by their texts: what runs and checks have
        shown is read, and all else is found again by who looks.
        """
        if "code" in found:
            known = found["code"] in CODES
            run_id = str(found.get("run_id") or "")
            return cls(found["key"], found["code"], found["parameters"], run_id) if known else None
        code = _CODE_BEFORE.get(str(found.get("key", "")).partition("/")[0])
        names = {"subject": "asset", "said": "cause", "partition": "partition"}
        parameters = {name: str(found.get(before) or "") for name, before in names.items()}
        return cls(found["key"], code, parameters, str(found.get("run_id") or "")) if code else None

    @property
    def kind(self) -> Code:
        """What the catalogue says of its code."""
        return CODES[self.code]

    @property
    def said(self) -> str:
        """The recorded error; empty where the code says all."""
        return self.parameters.get("said", "")

    @property
    def passes(self) -> bool:
        """Whether it is the failure of a run that mostly ends by itself."""
        return self.code in _OF_RUNS and cause_of(self.said).passes

    @property
    def cause(self) -> str:
        """What has happened, in English."""
        return self.texts("en").cause

    def texts(self, language: Language) -> Texts:
        """Return what is said of it."""
        values = dict(self.parameters)
        if language == "ja" and "subject" in values:
            for pattern, japanese in _SUBJECT_JA:
                values["subject"] = pattern.sub(japanese, values["subject"])
        values |= {"why": in_words(self.said, language), "remedy": remedy(self.said, language)}
        forms = self.kind.texts(language)
        return Texts(**{name: form.format_map(values) for name, form in asdict(forms).items()})

    def step(self, language: Language) -> str:
        """Return the next step, and which section of the runbook has more."""
        texts, runbook = self.texts(language), RUNBOOK[language]
        if language == "en":
            return f"{texts.step} ({runbook}, section '{texts.section}')"
        return f"{texts.step}({runbook}「{texts.section}」)"

    def place(self, language: Language) -> str:
        """Return what its run covered; empty where it has no partitions."""
        return name_range(self.parameters.get("partition", ""), language)

    def as_json(self) -> dict[str, Any]:
        """Return it with all that is said of it, English at the top."""
        en = self.texts("en")
        return {
            "key": self.key,
            "code": self.code,
            "kind": self.kind.head,
            "severity": self.kind.severity,
            "asset": en.subject,
            "cause": en.cause,
            "step": self.step("en"),
            "partition": self.parameters.get("partition", ""),
            "run_id": self.run_id,
            "action": self.kind.action,
            "parameters": dict(self.parameters),
            "texts": self.said_in_all(),
        }

    def said_in_all(self) -> dict[Language, dict[str, str]]:
        """Return language -> subject, place, cause, data, step."""
        return {language: self._said(language) for language in LANGUAGES}

    def _said(self, language: Language) -> dict[str, str]:
        texts = self.texts(language)
        return {
            "subject": texts.subject,
            "place": self.place(language),
            "cause": texts.cause,
            "data": texts.data,
            "step": self.step(language),
        }
