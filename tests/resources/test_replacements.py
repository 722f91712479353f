"""Texts of people inside other texts: what is replaced, and what is left alone."""

import json

import pytest

from resources.replacements import Replacements, changed_texts

NAME, NEW = "佐藤 健", "user-0123"
REPLACE = Replacements(
    {NAME: NEW, 'O\'Neill "Li"': "user-4567", "run": "user-89ab", "run@acme.test": "mail-cdef"}
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"the value is {NAME}さん", f"the value is {NEW}さん"),
        (json.dumps(f"by {NAME}"), f'"by {NEW}"'),
        (json.dumps('O\'Neill "Li"', ensure_ascii=False), '"user-4567"'),
        ("run", "user-89ab"),
        ("invalid input: 'run'", "invalid input: 'user-89ab'"),
        ("|7|run|", "|7|user-89ab|"),
        ("Started run 7 of raw__run", "Started run 7 of raw__run"),
        ("mail to run@acme.test.", "mail to mail-cdef."),
        ("prerun@acme.test", "prerun@acme.test"),
    ],
)
def test_a_text_is_replaced_where_it_stands_and_not_inside_of_words(
    text: str, expected: str
) -> None:
    assert REPLACE(text) == expected


def test_without_plain_words_nothing_is_found_that_may_be_a_word_of_a_program() -> None:
    found = Replacements({"run": "x", NAME: "y"}, plain=False)
    assert [found.shown_in(text) for text in ("run", "'run'", NAME)] == [False, False, True]
    assert not Replacements({"run": "x"}, plain=False)
    assert Replacements({})("anything") == "anything"


def test_a_text_in_a_picture_that_is_part_of_a_link_is_found() -> None:
    assert REPLACE.shown_in(
        "![Hours](data:image/svg+xml,%3Ctext%3E%E4%BD%90%E8%97%A4%20%E5%81%A5%3C/text%3E)"
    )
    assert REPLACE.shown_in("data:image/svg+xml,%3Ctext%3EO%27Neill %26quot;Li%26quot;%3C/text%3E")


def test_the_texts_that_differ_in_two_json_values_of_one_shape_are_told() -> None:
    old = {"id": 1, "users": [{"name": "a"}, {"name": "b", "login": None}]}
    new = {"id": 1, "users": [{"name": "x"}, {"name": "b", "login": None}]}
    assert list(changed_texts(old, new)) == [("a", "x")]
