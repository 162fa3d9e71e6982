# SPDX-License-Identifier: Apache-2.0
"""Small faults to put into C source: what a mutation run tries one after another.

The source is taken apart into tokens, no further: it is formatted by clang-format, so that blanks
tell a binary operator from a unary one. What does not compile is dropped by the caller.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<comment> /\*.*?\*/ | //[^\n]* )
  | (?P<string> "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
  | (?P<directive> ^[ \t]*\#(?:\\\n|[^\n])* )
  | (?P<number> 0[xX][0-9a-fA-F]+[uUlL]* | \d+[uUlL]* )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<operator> <<= | >>= | -> | \+\+ | -- | << | >> | <= | >= | == | != | && | \|\|
        | [-+*/%&|^]= | [-+*/%&|^~!<>=?:;,.(){}\[\]] )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

# Each operator and what is tried in its place. Those of one character need a blank on either side.
REPLACED = {
    "<": ["<=", ">="],
    "<=": ["<", ">"],
    ">": [">=", "<="],
    ">=": [">", "<"],
    "==": ["!="],
    "!=": ["=="],
    "&&": ["||"],
    "||": ["&&"],
    "+": ["-"],
    "-": ["+"],
    "*": ["/"],
    "/": ["*"],
    "%": ["*"],
    "&": ["|"],
    "|": ["&"],
    "^": ["&"],
    "<<": [">>"],
    ">>": ["<<"],
    "+=": ["-=", "="],
    "-=": ["+=", "="],
    "*=": ["/="],
    "/=": ["*="],
    "|=": ["&=", "="],
    "&=": ["|=", "="],
    "<<=": [">>="],
    ">>=": ["<<="],
    "++": ["--"],
    "--": ["++"],
}

# A statement that begins so, and goes on as in STATEMENT_SECOND, declares nothing.
STATEMENT_SECOND = {"(", ".", "->", "[", "=", "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "++", "--"}
KEYWORDS = {"if", "for", "while", "switch", "do", "else", "case", "default", "return", "goto", "sizeof"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def end(self):
        return self.start + len(self.text)


@dataclass(frozen=True)
class Mutant:
    """source[start:end] is replaced by text."""

    start: int
    end: int
    text: str

    def apply(self, source):
        return source[: self.start] + self.text + source[self.end :]

    def line(self, source):
        return source.count("\n", 0, self.start) + 1

    def describe(self, source):
        """The lines that it changes, before and after, blanks run together."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        before = source[first:last]
        after = source[first : self.start] + self.text + source[self.end : last]
        return " ".join(before.split()), " ".join(after.split())


def tokens(source):
    found = []
    for match in TOKEN.finditer(source):
        kind = match.lastgroup
        if kind == "directive":
            found += define_tokens(match)
        elif kind != "comment":
            found.append(Token(kind, match.group(), match.start()))
    return found


def define_tokens(match):
    """Of the directives, only what an object-like #define stands for is taken apart."""
    define = re.match(r"[ \t]*#define[ \t]+\w+[ \t]+", match.group())
    if not define:
        return []
    offset = match.start() + define.end()
    body = tokens(match.group()[define.end() :])
    return [Token("define", ";", offset)] + [
        Token(token.kind, token.text, token.start + offset) for token in body
    ]


def neighbour(number, step):
    digits = number.rstrip("uUlL")
    value = int(digits, 0) + step
    suffix = number[len(digits) :]
    return (hex(value) if digits[:2] in ("0x", "0X") else str(value)) + suffix


def is_binary(source, token):
    return source[token.start - 1].isspace() and source[token.end : token.end + 1].isspace()


def one_token(source, token, before):
    """What is tried in the place of one token."""
    if token.kind == "number":
        yield neighbour(token.text, 1)
        if int(token.text.rstrip("uUlL"), 0) > 0:
            yield neighbour(token.text, -1)
    elif token.text in ("true", "false"):
        yield "false" if token.text == "true" else "true"
    elif re.fullmatch(r"AX_(OK|E[A-Z]+)", token.text):
        yield "AX_ESTATE" if token.text != "AX_ESTATE" else "AX_EINVAL"
    elif token.text == "NULL" and before != "(":
        return
    elif token.text in ("~", "!"):
        yield ""
    elif token.text in REPLACED:
        if len(token.text) > 1 or is_binary(source, token):
            yield from REPLACED[token.text]


def closing(found, i):
    """The index of the parenthesis that closes the one at i."""
    depth = 0
    for j in range(i, len(found)):
        if found[j].text in "([{":
            depth += 1
        elif found[j].text in ")]}":
            depth -= 1
            if depth == 0:
                return j
    return None


def negations(found):
    """Conditions of if and while, turned round."""
    for i, token in enumerate(found[:-1]):
        if token.text in ("if", "while") and found[i + 1].text == "(":
            end = closing(found, i + 1)
            if end is not None:
                yield found[i + 1].end, found[end].start


def statement_end(found, i):
    """The index of the semicolon that ends the statement at i."""
    while i < len(found) and found[i].text != ";":
        if found[i].text in "([{":
            i = closing(found, i)
            if i is None:
                return None
        elif found[i].text in ")]}":
            return None
        i += 1
    return i if i < len(found) else None


def begins_statement(found, i):
    previous = found[i - 1].text if i else ""
    return previous in (";", "{", "}", ")", "else", "do", ":")


def is_removable(found, i):
    """Whether the tokens at i begin a statement that can go without taking a name away."""
    text, then = found[i].text, found[i + 1].text
    if text in ("break", "continue", "return"):
        return True
    if found[i].kind == "word":
        return text not in KEYWORDS and then in STATEMENT_SECOND
    return text in ("*", "++", "--", "(") and found[i - 1].text != ")"


def removals(found):
    """Statements that can be left out, as (first, last) token."""
    depth = 0
    for i, token in enumerate(found[:-1]):
        depth += {"{": 1, "}": -1}.get(token.text, 0)
        if depth == 0 or not begins_statement(found, i) or not is_removable(found, i):
            continue
        end = statement_end(found, i)
        # Without the last return a function has no value, which is another language.
        if end is None or (token.text == "return" and found[end + 1].text == "}" and depth == 1):
            continue
        yield token, found[end]


def members(found):
    """Designated members of initialisers, as (first, last) token."""
    for i, token in enumerate(found[:-2]):
        if token.text != "." or found[i - 1].text not in ("{", ",") or found[i + 2].text != "=":
            continue
        j = i + 3
        while j is not None and found[j].text not in (",", "}"):
            j = closing(found, j) if found[j].text in "([{" else j
            j = j + 1 if j is not None else None
        if j is not None and found[j].text == ",":
            yield token, found[j]


def mutants(source):
    """All mutants of a source, in the order of the text."""
    found = tokens(source)
    made = []
    for i, token in enumerate(found):
        before = found[i - 1].text if i else ""
        for text in one_token(source, token, before):
            made.append(Mutant(token.start, token.end, text))
    for start, end in negations(found):
        made.append(Mutant(start, end, f"!({source[start:end]})"))
    for first, last in removals(found):
        made.append(Mutant(first.start, last.end, ";"))
    for first, last in members(found):
        made.append(Mutant(first.start, last.end, ""))
    return sorted(made, key=lambda mutant: (mutant.start, mutant.end, mutant.text))
