"""The terminal of a simulated guest: what a person types becomes lines, with echo and the few keys one needs."""

import codecs
from enum import Enum, auto
from typing import Protocol

LINE_MAX = 1024
_INTERRUPT, _END, _KILL, _ESCAPE = "\x03", "\x04", "\x15", "\x1b"
_ERASE = "\x08\x7f"
_ENTER = "\r\n"


class _Escape(Enum):
    """How much of an escape sequence, such as that of an arrow key, has come. None of them does anything."""

    NONE = auto()
    BEGUN = auto()
    INSIDE = auto()


class Program(Protocol):
    """Who reads from the terminal."""

    is_secret: bool  # what is typed now is not shown

    def entered(self, line: str) -> None: ...

    def interrupted(self) -> None:
        """Ctrl-C, instead of a line."""

    def ended(self) -> None:
        """Ctrl-D on an empty line."""

    def show(self, text: str) -> None: ...


class Terminal:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._escape = _Escape.NONE
        self._last = ""

    def type(self, data: bytes) -> None:
        for character in self._decoder.decode(data):
            if not self._is_in_escape(character):
                self._take(character)
            self._last = character

    def _is_in_escape(self, character: str) -> bool:
        before = self._escape
        if character == _ESCAPE:
            self._escape = _Escape.BEGUN
        elif before == _Escape.BEGUN:
            self._escape = _Escape.INSIDE if character in "[O" else _Escape.NONE
        elif before == _Escape.INSIDE and "@" <= character <= "~":
            self._escape = _Escape.NONE
        return character == _ESCAPE or before != _Escape.NONE

    def _take(self, character: str) -> None:
        show = self._program.show
        if character == "\n" and self._last == "\r":
            return  # one key, whichever way it is sent
        if character in _ENTER:
            line, self._line = self._line, ""
            show("\r\n")
            self._program.entered(line)
        elif character == _INTERRUPT:
            self._line = ""
            show("^C\r\n")
            self._program.interrupted()
        elif character == _END and not self._line:
            self._program.ended()
        elif character in _ERASE:
            self._erase(1)
        elif character == _KILL:
            self._erase(len(self._line))
        elif character.isprintable() and len(self._line) < LINE_MAX:
            self._line += character
            if not self._program.is_secret:
                show(character)

    def _erase(self, count: int) -> None:
        kept = max(0, len(self._line) - count)
        erased, self._line = len(self._line) - kept, self._line[:kept]
        if not self._program.is_secret:
            self._program.show("\b \b" * erased)
