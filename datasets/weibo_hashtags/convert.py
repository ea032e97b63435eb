"""Join Weibo posts and their hashtags into lines ``tag,tag<TAB>text`` for tagspace.

The source keeps posts (``*_src.txt``) and hashtags (``*_trg.txt``, joined by ``;``) in
parallel files.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import BadSource, Row, argument_parser, one_line, read_lines, run_timed, write_split

# The training posts themselves are not in the repository: its validation part trains.
SOURCE_OF_SPLIT = {"train": "valid", "test": "test"}


def parse_tags(line: str, place: str) -> list[str]:
    """Return the different hashtags of ``a;b;c``, in their order.

    A comma inside a hashtag becomes a full-width one: commas separate tags in the output.
    """
    tags = [one_line(tag).replace(",", "\uff0c") for tag in line.split(";")]
    tags = list(dict.fromkeys(tag for tag in tags if tag))
    if not tags:
        raise BadSource(f"{place}: received {line!r}, expected hashtags joined by ;")
    return tags


def read_posts(source: Path, name: str) -> list[Row]:
    """Return the posts of ``<name>_src.txt`` with the hashtags of ``<name>_trg.txt``.

    Raises:
        BadSource: if the files differ in length, or a line has no text or no hashtag.
    """
    texts_path, tags_path = source / f"{name}_src.txt", source / f"{name}_trg.txt"
    texts, tags = read_lines(texts_path), read_lines(tags_path)
    if len(texts) != len(tags):
        raise BadSource(
            f"{texts_path} has {len(texts)} lines and {tags_path} has {len(tags)};"
            " expected line n of one to belong to line n of the other"
        )
    posts = []
    for line, (text, tag_line) in enumerate(zip(texts, tags), start=1):
        text = one_line(text)
        if not text:
            raise BadSource(f"{texts_path}:{line}: received an empty line, expected a post")
        posts.append(Row(parse_tags(tag_line, f"{tags_path}:{line}"), text))
    return posts


def convert(source: Path, output: Path) -> None:
    """Convert both parts."""
    parts = {split: read_posts(source, name) for split, name in SOURCE_OF_SPLIT.items()}
    for split, posts in parts.items():
        write_split(output, split, posts)
        different = {tag for post in posts for tag in post.labels}
        print(f"{split}: {len(posts):,} rows, {len(different):,} different hashtags")


if __name__ == "__main__":
    sys.exit(run_timed(convert, argument_parser(__doc__, "the four text files")))
