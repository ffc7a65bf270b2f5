"""The one way tokens of a text are counted: the same number on every machine, whatever model reads it.

No tokenizer is asked: each provider has its own, and a limit must not depend on which is installed. The
count is on the safe side of the common ones for prose, code and scripts of other alphabets.
"""

from __future__ import annotations

LETTERS_PER_TOKEN = 4


def count_tokens(text: str) -> int:
    """A token for each four ASCII characters, and one for each other character; rounded up."""
    ascii_letters = len(text.encode("ascii", "ignore"))
    return -(-ascii_letters // LETTERS_PER_TOKEN) + len(text) - ascii_letters
