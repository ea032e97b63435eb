"""Join Weibo posts and their hashtags into lines ``tag,tag<TAB>text`` for tagspace.

The source keeps posts (``*_src.txt``) and hashtags (``*_trg.txt``, joined by ``;``) in
parallel files. ``run.sh`` calls this with an empty output folder and moves only a
complete result into place.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

# The training posts themselves are not in the repository: its validation part trains.
SOURCE_OF_SPLIT = {"train": "valid", "test": "test"}


class BadRow(ValueError):
    """A line of the source does not have the published layout."""


class Post(NamedTuple):
    """One post: its hashtags, each without a comma, and its text, one line without tabs."""

    tags: list[str]
    text: str


def read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file, split at line feeds only.

    Raises:
        BadRow: naming file and line, for bytes that are not UTF-8; naming the file, if empty.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise BadRow(f"{path}:{line}: byte 0x{byte:02x} is not UTF-8; save it as UTF-8") from None
    if not text:
        raise BadRow(f"{path}: the file is empty")
    # Not splitlines(): it would also split at separators inside a post.
    return text[: -1 if text.endswith("\n") else None].split("\n")


def parse_tags(line: str, place: str) -> list[str]:
    """Return the different hashtags of ``a;b;c``, in their order.

    A comma inside a hashtag becomes a full-width one: commas separate tags in the output.
    """
    tags = [" ".join(tag.split()).replace(",", "\uff0c") for tag in line.split(";")]
    tags = list(dict.fromkeys(tag for tag in tags if tag))
    if not tags:
        raise BadRow(f"{place}: received {line!r}, expected hashtags joined by ;")
    return tags


def read_posts(source: Path, name: str) -> list[Post]:
    """Return the posts of ``<name>_src.txt`` with the hashtags of ``<name>_trg.txt``.

    Raises:
        BadRow: if the files differ in length, or a line has no text or no hashtag.
    """
    texts_path, tags_path = source / f"{name}_src.txt", source / f"{name}_trg.txt"
    texts, tags = read_lines(texts_path), read_lines(tags_path)
    if len(texts) != len(tags):
        raise BadRow(
            f"{texts_path} has {len(texts)} lines and {tags_path} has {len(tags)};"
            " expected line n of one to belong to line n of the other"
        )
    posts = []
    for line, (text, tag_line) in enumerate(zip(texts, tags), start=1):
        text = " ".join(text.split())
        if not text:
            raise BadRow(f"{texts_path}:{line}: received an empty line, expected a post")
        posts.append(Post(parse_tags(tag_line, f"{tags_path}:{line}"), text))
    return posts


def write_posts(posts: list[Post], path: Path) -> None:
    """Write lines ``tag,tag<TAB>text``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{','.join(post.tags)}\t{post.text}\n" for post in posts)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=Path, required=True, help="folder of the four text files")
    parser.add_argument("--output", type=Path, required=True, help="an empty folder")
    return parser.parse_args()


def main() -> int:
    """Convert both parts; return 0, or 2 when a line is malformed."""
    arguments = parse_arguments()
    started = time.perf_counter()
    try:
        parts = {
            split: read_posts(arguments.source, name) for split, name in SOURCE_OF_SPLIT.items()
        }
    except BadRow as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for split, posts in parts.items():
        write_posts(posts, arguments.output / split / f"{split}.tsv")
        different = {tag for post in posts for tag in post.tags}
        print(f"{split}: {len(posts):,} rows, {len(different):,} different hashtags")
    print(f"converted in {time.perf_counter() - started:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
