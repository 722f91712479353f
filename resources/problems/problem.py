"""A problem that is reported to people: a code with parameters, and its texts."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resources.problems.alert_texts import CODES, RUNBOOK, Code, Texts
from resources.problems.cause_table import Cause, Severity
from resources.problems.causes import cause_of, why
from resources.problems.names import LANGUAGES, Language, name_range

#: Japanese for English parts of subjects: names of runs, and the end of a list of assets.
_SUBJECT_JA = (
    (re.compile(r"^job (\S+)$"), r"ジョブ \1"),
    (re.compile(r"^backfill$"), "バックフィル"),
    (re.compile(r" and (\d+) more$"), r" ほか \1 件"),
)
_OF_RUNS = frozenset({"run_failed", "backfill_failed"})


@dataclass(frozen=True)
class Problem:
    """Something that a person should know. `key` names its subject, so that it is reported once
    while it lasts.

    `parameters` fill its texts. Among them, `said` is the recorded line, `cause` the code of its
    cause, and `partition` is what its run covers.
    """

    key: str
    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Problem | None":
        """Return a recorded problem; None for one without a code that this version knows: it is
        found again while it lasts.
        """
        if found.get("code") not in CODES:
            return None
        run_id = str(found.get("run_id") or "")
        return cls(found["key"], found["code"], found["parameters"], run_id)

    @property
    def kind(self) -> Code:
        """What the table of codes has for it."""
        return CODES[self.code]

    @property
    def known_cause(self) -> Cause:
        """The cause that its code names; without one, what is shown of errors before codes."""
        return cause_of(self.parameters.get("cause", ""))

    @property
    def severity(self) -> Severity:
        """How urgent it is; the failure of a run is as urgent as its cause."""
        return self.known_cause.severity if self.code in _OF_RUNS else self.kind.severity

    @property
    def passes(self) -> bool:
        """Whether it is the failure of a run that mostly ends by itself, without anybody's help."""
        return self.code in _OF_RUNS and self.known_cause.passes and self.severity != "act"

    @property
    def cause(self) -> str:
        """What has happened, in English."""
        return self.texts("en").cause

    def texts(self, language: Language) -> Texts:
        """Return its texts with the parameters filled in."""
        values = dict(self.parameters)
        if language == "ja" and "subject" in values:
            for pattern, japanese in _SUBJECT_JA:
                values["subject"] = pattern.sub(japanese, values["subject"])
        code, line = values.get("cause", ""), values.get("said", "")
        values |= {"why": why(code, line, language), "remedy": self.known_cause.step(language)}
        forms = self.kind.texts(language)
        return Texts(**{name: form.format_map(values) for name, form in asdict(forms).items()})

    def step(self, language: Language) -> str:
        """Return the next step, and the section of the runbook about it."""
        texts, runbook = self.texts(language), RUNBOOK[language]
        if language == "en":
            return f"{texts.step} ({runbook}, section '{texts.section}')"
        return f"{texts.step}({runbook}「{texts.section}」)"

    def place(self, language: Language) -> str:
        """Return a name for what its run covered; empty without partitions."""
        return name_range(self.parameters.get("partition", ""), language)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON with all its texts, English at the top."""
        en = self.texts("en")
        return {
            "key": self.key,
            "code": self.code,
            "kind": self.kind.head,
            "severity": self.severity,
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
