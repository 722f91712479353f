"""A problem that is reported to people: a code with parameters, and its texts."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from resources.problems.alert_texts import CODES, RUNBOOK, Code, Texts
from resources.problems.causes import cause_of, in_words, remedy
from resources.problems.names import LANGUAGES, Language, name_range

#: Japanese for English parts of subjects: names of runs, and the end of a list of assets.
_SUBJECT_JA = (
    (re.compile(r"^job (\S+)$"), r"ジョブ \1"),
    (re.compile(r"^backfill$"), "バックフィル"),
    (re.compile(r" and (\d+) more$"), r" ほか \1 件"),
)
_OF_RUNS = frozenset({"run_failed", "backfill_failed"})
#: First part of the key of a problem -> its code.
_CODE_BEFORE = {"run": "run_failed", "backfill": "backfill_failed", "check": "check_red"}


@dataclass(frozen=True)
class Problem:
    """Something that a person should know. `key` names its subject, so that it is reported once
    while it lasts.

    `parameters` fill its texts. Among them, `said` is the recorded error, which determines the
    cause, and `partition` is what its run covers.
    """

    key: str
    code: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> "Problem | None":
        """Return a recorded problem; None for a code that this version does not know.

        Problems from before there were codes were recorded with their texts. Those of runs and
        checks are converted. Others are dropped: they are found again while they last.
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
        """What the table of codes has for it."""
        return CODES[self.code]

    @property
    def said(self) -> str:
        """The recorded error; empty when there is none."""
        return self.parameters.get("said", "")

    @property
    def passes(self) -> bool:
        """Whether it is the failure of a run that mostly ends by itself, without anybody's help."""
        cause = cause_of(self.said)
        return self.code in _OF_RUNS and cause.passes and not cause.at_once

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
        values |= {"why": in_words(self.said, language), "remedy": remedy(self.said, language)}
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
