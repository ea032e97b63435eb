"""Data files as nobody should write them: those of each kind, changed at random."""

import gzip
import random
from collections.abc import Callable

import zstandard

# What stands between things, what is no text, what numbers and escapes may be.
PIECES = [
    *(b"\t", b"\t\t", b"\n", b"\n\n", b"\r", b"\r\n", b" ", b",", b"|", b'"', b'""', b'",', b'"\n'),
    *(
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\x1a",
        b"\x1c",
    ),
    *(
        text.encode()
        for text in ("\u2028", "\x85", "\u3000", "，", "标签", "é", "e\u0301", "\U0001f600")
    ),
    *(b"0", b"-1", b"7", b"1e999", b"nan", b"0x1", b"99999", b"1_0", b"3.5", "٣".encode()),
    *(
        b"[CLS]",
        b"##a",
        b"<unk>",
        b"\\ud83d",
        b"\\u0000",
        b"\\",
        b"{",
        b"[",
        b"}",
        b"null",
        b'"id": 1',
    ),
    *(b"x" * 3000, b"word " * 300, b"," * 500, b"[" * 3000, b"99999999", b"9" * 5000),
]
_LONG = 5 << 20  # more than a line may have


def malformed(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A file that was changed in one or several ways, and may be compressed.

    Args:
        content: of a good file.
        others: good files of other kinds.
        chance: what decides.
    """
    for _ in range(chance.choice([1, 1, 1, 2, 3, 6])):
        content = chance.choice(_CHANGES)(content, others, chance)
    if chance.random() < 0.1:
        zipped = chance.random() < 0.5
        content = gzip.compress(content, mtime=0) if zipped else zstandard.compress(content)
        if chance.random() < 0.6:
            content = chance.choice([_cut, _bytes])(content, others, chance)
    return content


def _pieces(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    for _ in range(chance.choice([1, 1, 2, 5])):
        place = chance.randrange(len(content) + 1)
        removed = chance.choice([0, 0, 1, 3, 20])
        content = content[:place] + chance.choice(PIECES) + content[place + removed :]
    return content


def _bytes(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), chance.choice([1, 2, 9]))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _lines(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    lines = content.split(b"\n")
    place = chance.randrange(len(lines))
    kind = chance.choice(["again", "remove", "shuffle", "blank", "columns", "join", "foreign"])
    if kind == "again":
        lines[place:place] = [lines[place]] * chance.choice([1, 2, 50])
    elif kind == "remove":
        del lines[place]
    elif kind == "shuffle":
        chance.shuffle(lines)
    elif kind == "blank":
        lines[place:place] = [chance.choice([b"", b" ", b"\r", b"\t", "\u3000".encode()])] * 3
    elif kind == "columns":
        separator = chance.choice([b"\t", b",", b" "])
        lines = [separator.join(reversed(line.split(separator))) for line in lines]
    elif kind == "join":
        lines[place : place + 2] = [b"".join(lines[place : place + 2])]
    else:
        lines[place:place] = chance.choice(others).split(b"\n")[:3]
    return b"\n".join(lines)


def _cut(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return chance.choice([content[:last], content[first:], content[first:last]])


def _encoding(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    encoding = chance.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "utf-8-sig"])
    return content.decode("utf-8", "replace").encode(encoding)


def _ends(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    return content.replace(b"\n", chance.choice([b"\r", b"\r\n", b"\n\r", b"", b"\r\r\n"]))


def _whole(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    wholes = [b"", b"\n", b"\xef\xbb\xbf", b" \n\t\n", b"\0" * 40, *others]
    if chance.random() < 0.05:
        wholes = [content + b"a\t" + b"x" * _LONG + chance.choice([b"", b"\n" + content])]
    return chance.choice(wholes)


_Change = Callable[[bytes, list[bytes], random.Random], bytes]
_CHANGES: list[_Change] = [
    *([_pieces] * 6),
    *([_bytes] * 2),
    *([_lines] * 4),
    *(_cut, _encoding, _ends, _whole),
]
