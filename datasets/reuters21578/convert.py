"""Take the ModApte split, 90 topics, out of Reuters-21578: lines ``topic,topic<TAB>text``."""

import hashlib
import html
import re
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, one_line, run_timed, write_split

ARCHIVE = "reuters21578.tar.gz"
SPLITS = ("train", "test")

# sha256 of the 22 files of Distribution 1.0.
PUBLISHED = {
    "reut2-000.sgm": "1bb4ed87fe2d5f4f8583fae81b06b38ce9efae46b590d4c368d998f739f27dbd",
    "reut2-001.sgm": "1528e7e82d110d88d0234eb9619eadb7f9fd805711971df05975b92277dfdf4d",
    "reut2-002.sgm": "99f18068d0518952987dedd78c622e5c2a584e357d264d3754696c815f3e6628",
    "reut2-003.sgm": "78a3a8d7e04bc9d42c4614d5d5c60a4293dbe3f708df6fb5a71d9ef31f4b3fa3",
    "reut2-004.sgm": "726342c19a65873330b412378cd6a3f0d512035f5223146ddd60930c62eb6ff0",
    "reut2-005.sgm": "d09de619b6dd2d047d5124681f6df90550abaf592020d1c1ce338ae9b91522e7",
    "reut2-006.sgm": "b5535c0d66b01f4976f84621a4a795afbc00d2c4bd0a1b7ae426df6630fb361d",
    "reut2-007.sgm": "aa706007ec84a03537a3921ca976d60e11b3f99e4b9e9b2d5c81dd384d2c2062",
    "reut2-008.sgm": "a3994583694a00b7c744097c1d7eabfcf90f2e6650cc21663e46828035a336cb",
    "reut2-009.sgm": "29995f606dd1a9bdf907eacc9d879846c716860d9d9141676979474aaea39c7d",
    "reut2-010.sgm": "996df6008089bd09fa5b28a4d2eb0ee5f7b9d4601cde566fed3926ac82960fa3",
    "reut2-011.sgm": "d3a2782015247d9c2bffb8926267827fdd449c70d619435ef01a25a1c56a53ca",
    "reut2-012.sgm": "da31035d483851f2aebce5b66d779e5e2c0ac9dcfe098596c6d544e81c5604ab",
    "reut2-013.sgm": "8f7700bc0455fac3fcc12377ced4807b7df8aba1f21ecad059b9cc2b1cf0b8be",
    "reut2-014.sgm": "ef936bd3e0f36cf722afa9a6957563549775af32e9e28b4f539c8737ceda83ab",
    "reut2-015.sgm": "6d3bcec73eff871b8a5403588af814c4e50a0de6bc25707480522ab836f74026",
    "reut2-016.sgm": "be2f03a185fff70131f3b4fdbd6229b7ee2be077eba9691eaa597c8cfbda8812",
    "reut2-017.sgm": "f370e610b4b1342e41a98e0c426a08541044bd1d7e539674f32372a6060b73b5",
    "reut2-018.sgm": "a5f971bf25448e915781962309e669359a35fbcaf3017a806eca0590897f209a",
    "reut2-019.sgm": "d3b07097fba2633d130b4914aceba671645985248943ce9e39c289315339dffb",
    "reut2-020.sgm": "f6ad1b724125c202566c63b35ea0b5ee23881f8b7ed47a32829d5af05d8e860d",
    "reut2-021.sgm": "9b53472cbdc3a99dc2fc3355a851105ccdb0363c85b12aaa58284dfafeb8e097",
}

_DOCUMENT = re.compile(r"<REUTERS(.*?)>(.*?)</REUTERS>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_TOPIC = re.compile(r"<D>(.*?)</D>")
_TEXT = re.compile(r"<TEXT(?P<kind>[^>]*)>(?P<text>.*?)</TEXT>", re.DOTALL)
_NOT_TEXT = re.compile(r"<(DATELINE|AUTHOR)>.*?</\1>|<[/\w]+>", re.DOTALL)


class Story(NamedTuple):
    """A document: ``train`` or ``test``, its topics, its title and body as one line."""

    split: str
    topics: list[str]
    text: str


def read_archive(path: Path) -> dict[str, str]:
    """Return the text of each of the 22 files.

    Raises:
        BadSource: the archive is damaged, or a file is missing.
    """
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in PUBLISHED:
                    contents[name] = archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError) as failure:
        raise BadSource(f"{path}: is not a whole tar archive: {failure}") from None
    missing = sorted(PUBLISHED.keys() - contents)
    if missing:
        raise BadSource(f"{path}: expected 22 files reut2-*.sgm, missing: {', '.join(missing)}")
    for name, content in sorted(contents.items()):
        if hashlib.sha256(content).hexdigest() != PUBLISHED[name]:
            print(f"notice: {name} is not the published file; it is used as it is")
    return {name: contents[name].decode("latin-1") for name in sorted(contents)}


def read_stories(content: str) -> list[Story]:
    """Return the stories of the modified Apte split (README of the distribution, VIII.B)."""
    stories = []
    for match in _DOCUMENT.finditer(content):
        attributes = dict(_ATTRIBUTE.findall(match[1]))
        if attributes.get("TOPICS") != "YES":
            continue
        split = {"TRAIN": "train", "TEST": "test"}.get(attributes.get("LEWISSPLIT"))
        if split:
            topics = re.search(r"<TOPICS>(.*?)</TOPICS>", match[2])[1]
            stories.append(Story(split, _TOPIC.findall(topics), clean(match[2])))
    return stories


def clean(document: str) -> str:
    """Return title and body as one line, without date line, author and control characters."""
    found = _TEXT.search(document)
    text = html.unescape(_NOT_TEXT.sub(" ", found["text"]) if found else "")
    return one_line("".join(c if c.isprintable() else " " for c in text))


def keep_shared_topics(stories: list[Story]) -> dict[str, list[Row]]:
    """Return the rows of each split, with the topics that both splits have."""
    splits = {name: [story for story in stories if story.split == name] for name in SPLITS}
    shared = set.intersection(*({t for s in part for t in s.topics} for part in splits.values()))
    kept = {name: [] for name in SPLITS}
    for story in stories:
        topics = [topic for topic in story.topics if topic in shared]
        if topics:
            kept[story.split].append(Row(topics, story.text))
    return kept


def convert(source: Path, output: Path) -> None:
    """Convert the archive."""
    contents = read_archive(source / ARCHIVE)
    stories = [story for content in contents.values() for story in read_stories(content)]
    for split, rows in keep_shared_topics(stories).items():
        write_split(output, split, rows)
        topics = {topic for row in rows for topic in row.labels}
        print(f"{split}: {len(rows):,} rows, {len(topics)} topics")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, ARCHIVE)))
