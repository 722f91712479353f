"""Somebody who is everywhere in a space, and a search of every column of every table for people."""

import json
import re
from collections.abc import Collection
from typing import Any

from simulator import SpaceSpec
from simulator.model import User
from tests.syncs import Loaded, Syncs, failures

KEY, OTHER_KEY = "the first key, of 20+", "another key, of 20+"
OLD_NAME, NAME = "Zaphod 旧姓", "Zaphod O\"Gone' 新"
WHO = {OLD_NAME, NAME, "zaphod-login", "zaphod@acme.test", "nulab-zaphod"}
TINY = SpaceSpec(seed=3, users=6, projects=1, issues=20, history_days=60)


def everything(syncs: Syncs) -> str:
    """Return every row of every table of the warehouse as text."""
    tables = syncs.query(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace "
        "n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)'"
    )
    return "\n".join(
        str(row["row"])
        for table in tables
        for row in syncs.query(f"SELECT t::text AS row FROM {table['name']} t")
    )


def found(syncs: Syncs, words: Collection[str]) -> list[str]:
    """Return the words that stand anywhere in the warehouse, as they are or as JSON escapes
    them.
    """
    text = everything(syncs)
    forms = {
        word: {word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]}
        for word in words
    }
    # A row as text doubles quotes and backslashes.
    forms = {
        word: shown | {one.replace("\\", "\\\\").replace('"', '""') for one in shown}
        for word, shown in forms.items()
    }
    forms = {
        word: shown | {one.replace("\\", "\\\\") for one in shown} for word, shown in forms.items()
    }
    return sorted(
        word
        for word, shown in forms.items()
        if any(re.search(rf"(?<!\w){re.escape(one)}(?!\w)", text) for one in shown)
    )


def load(syncs: Syncs, mode: Any = "backfill") -> Loaded:
    for done in (syncs.listing(), run := syncs.run(mode=mode)):
        assert done.success, failures(done)
    return run


def live(syncs: Syncs) -> User:
    """Let somebody be everywhere: author, assignee under two names, member, in a team, notified,
    with stars.
    """
    someone = syncs.space.add_user(
        OLD_NAME, login="zaphod-login", mail="zaphod@acme.test", nulab_id="nulab-zaphod"
    )
    other = next(iter(syncs.space.users))
    syncs.space.add_member("OPS", someone.id)
    syncs.space.add_team("Heart of Gold", [someone.id, other])
    first, second = list(syncs.space.issues)[:2]
    syncs.space.edit_issue(first, assignee_id=someone.id, by=other)
    load(syncs, "incremental")
    syncs.space.rename_user(someone.id, NAME)
    syncs.space.edit_issue(second, assignee_id=someone.id, by=someone.id)
    syncs.space.edit_issue(second, assignee_id=other, by=other)
    said = syncs.space.comment(first, "Don't panic", by=someone.id)
    syncs.space.notify(said, [someone.id], by=other)
    syncs.space.star(second, by=someone.id)
    load(syncs)
    return someone


def names_and_addresses(syncs: Syncs) -> set[str]:
    users = syncs.space.users.values()
    return {word for user in users for word in (user.name, user.mail, user.nulab_id) if word}


def equal(syncs: Syncs) -> None:
    compared = syncs.compare()
    assert (list(compared.differences), list(compared.errors)) == ([], [])
