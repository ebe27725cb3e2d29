"""Where does one word of a filter end and the next begin? Fields, values, keywords, space.

    field   FIELD, no keyword      agency, window.days
    value   WORD or STRING         technologies/x, 2020-02-21T00:00:00Z, "two words"

What may stand in a word depends on its side of the comparator, so the parser asks for
what should come next; the text is not cut up beforehand.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.filters.expression import (
    ESCAPES,
    FIELD,
    KEYWORDS,
    WORD,
    FilterMalformed,
    Value,
    is_word,
)

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # no database keeps them all

_DOUBLE: Final = "a second negation needs parentheses"
_NO_TERM: Final = "a term is missing here"
_NO_VALUE: Final = "a value is missing here"
_WILDCARD: Final = r"wildcards are not supported; for the character itself write \* in quotes"


class Scanner:
    """A text, and `at`: the next character to read, zero-based."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def next(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.at : self.at + 1]

    def ends(self) -> bool:
        """True where an expression can only end."""
        return self.next() in ("", ")")

    def space(self) -> bool:
        """Step over white space; True if there was any."""
        return self._word(_SPACE) is not None

    def symbol(self, character: str) -> bool:
        """Step over this character; True if it stood here."""
        found = self.next() == character
        self.at += found
        return found

    def keyword(self, word: str) -> bool:
        """Step over this keyword and the space it needs; True if it stood here."""
        found = FIELD.match(self.text, self.at)
        if found is None or found[0] != word:
            return False
        self.at = found.end()
        if not self.space() and not self.ends():
            raise self.malformed(f"{word} needs a space after it")
        return True

    def field(self) -> str:
        """The name on the left of a comparator."""
        start = self.at
        name = self._word(FIELD)
        if name is None:
            if self.ends():
                raise self.malformed(_NO_TERM)
            raise self.malformed(_DOUBLE if self.next() == "-" else "a field must stand here")
        if name in KEYWORDS:
            raise self.malformed(_DOUBLE if name == "NOT" else _NO_TERM, at=start)
        return self._no_call(name)

    def value(self) -> Value:
        """The bare word or quoted text on the right of a comparator."""
        start = self.at
        if self.next() in ('"', "'"):
            return Value(self._string(), at=start)
        word = self._word(WORD)
        if word is None:
            if self.ends():
                raise self.malformed(_NO_VALUE)
            if self.next() == "(":
                raise self.malformed("write `a = x OR a = y`, not `a = (x OR y)`")
            raise self.malformed("a value that begins so needs quotes")
        if not is_word(word):
            reason = _WILDCARD if "*" in word else f"{_NO_VALUE}, or {word} needs quotes"
            raise self.malformed(reason, at=start)
        return Value(self._no_call(word), quoted=False, at=start)

    def malformed(self, reason: str, *, at: int | None = None) -> FilterMalformed:
        """The error to raise; at the next character, unless told."""
        return FilterMalformed(reason, position=self.at if at is None else at)

    def _word(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def _no_call(self, word: str) -> str:
        if self.next() == "(":
            raise self.malformed("functions are not supported")
        return word

    def _string(self) -> str:
        start, quote = self.at, self.next()
        characters: list[str] = []
        self.at += 1
        while not self.symbol(quote):
            character = self.next()
            if not character:
                raise self.malformed("this quote is never closed", at=start)
            if character == "*":
                raise self.malformed(_WILDCARD)
            if _UNFIT.match(character):
                raise self.malformed("control characters and lone surrogates match nothing")
            if character == "\\":
                character = ESCAPES.get(self.text[self.at + 1 : self.at + 2], "")
                if not character:
                    raise self.malformed(r"the escapes are \\ \" \' \* \n \r \t")
                self.at += 1
            characters.append(character)
            self.at += 1
        return "".join(characters)
