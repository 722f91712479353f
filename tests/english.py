"""Tells English sentences in a Japanese text from names that it has as they are."""

import re

#: Words of a sentence, not names of tables, requests or options.
_SENTENCE = re.compile(r"(?:\b[a-z]{2,}\b[,:;]? ){2,}[a-z]{2,}\b")


def is_sentence(text: str) -> bool:
    """Return whether a text has English sentences."""
    return bool(_SENTENCE.search(text))
