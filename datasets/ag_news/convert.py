"""Convert the official AG News CSV to lines that the tagspace reader takes.

``--format text`` writes ``tag<TAB>text``; ``--format ids`` writes PaddleRec's
``tag,id id id `` with the vocabulary beside it.
"""

import collections
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from conversion import (
    BadSource,
    Row,
    argument_parser,
    one_line,
    open_for_writing,
    read_csv,
    run_timed,
    write_split,
)

TAGS = ("World", "Sports", "Business", "Sci/Tech")
SPLITS = ("train", "test")
UNKNOWN_WORD = "<unk>"
_FORM = 'class,title,description with every field in double quotes and a quote inside written as ""'

# The published files lost the "&" of their entities, a space stands in its place:
# "women #39;s", "AT amp;T". Named entities that are also English words ("cap;", "it;")
# are not repaired; these names, written out or repeatedly escaped, are.
_NAMES = (
    "quot|amp|apos|lt|gt|nbsp|hellip|[lr][sd]quo|[mn]dash"
    "|[aeiounycAEIOUNYC](?:acute|grave|circ|uml|tilde|cedil|ring)"
)
_ENTITY = re.compile(rf"(?:&| |(?<!\w))(?:amp;)*(#[0-9]{{2,5}}|#x[0-9A-Fa-f]{{2,4}}|{_NAMES});")

# Only names of HTML: "<AAPL.O>" is a stock symbol and stays.
_HTML_TAG = re.compile(
    r"</?(?:a|b|i|p|u|br|em|strong|font|cite|meta|nobr|img|script|title|span|div|table|tr|td"
    r"|ul|ol|li|hr|center|small|big|blockquote|h[1-6]|sup|sub|tt|pre)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)


class Article(NamedTuple):
    """One row: ``tag`` is the class counted from 0, ``text`` one line without tabs."""

    tag: int
    text: str


def clean(text: str) -> str:
    """Return ``text`` as one line: entities decoded, HTML tags and backslashes removed."""
    # A backslash stands where the source had a line break, and before "$".
    text = text.replace("\\", " ")
    text = _ENTITY.sub(_decode_entity, text)
    text = _HTML_TAG.sub(" ", text)
    return one_line(text)


def _decode_entity(match: "re.Match[str]") -> str:
    name = match.group(1)
    # "ranked #10; the others" is no entity: below 32 there is nothing to print.
    if re.fullmatch(r"#[0-9]+", name) and int(name[1:]) < 32:
        return match.group()
    decoded = html.unescape(f"&{name};")
    # A sum of money begins a word, also in copies whose double spaces were collapsed.
    return f" {decoded}" if decoded == "$" else decoded


def read_articles(path: Path) -> Iterator[Article]:
    """Yield every row of an official CSV file.

    Raises:
        BadSource: naming file and line, for a row that is not ``class,title,description``.
    """
    is_empty = True
    for place, row in read_csv(path, _FORM):
        yield _parse_row(row, place)
        is_empty = False
    if is_empty:
        raise BadSource(f"{path}: the file is empty")


def _parse_row(row: list[str], place: str) -> Article:
    if len(row) != 3:
        raise BadSource(
            f"{place}: received {len(row)} columns {_shortened(row)},"
            " expected 3: class,title,description"
        )
    tag, title, description = row
    if tag not in ("1", "2", "3", "4"):
        raise BadSource(f"{place}: received class {tag!r}, expected 1, 2, 3 or 4")
    text = clean(f"{title} {description}")
    if not text:
        raise BadSource(
            f"{place}: received no text {_shortened(row)}, expected a title or description"
        )
    return Article(int(tag) - 1, text)


def _shortened(row: list[str]) -> str:
    shown = repr(row)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def split_words(text: str) -> list[str]:
    """Return the words of ``text`` as PaddleRec splits them, without its empty strings."""
    return re.findall(r"\w+", text)


def build_vocabulary(articles: list[Article]) -> dict[str, int]:
    """Return the id of every word: ``<unk>`` is 0, then by falling count, then alphabetically.

    So the highest id of the training file is the highest of all: it gives the vocabulary's size.
    """
    counts = collections.Counter(word for article in articles for word in split_words(article.text))
    words = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: i for i, word in enumerate([UNKNOWN_WORD, *words])}


def write_text(articles: dict[str, list[Article]], output: Path) -> None:
    """Write ``<split>/<split>.tsv`` with lines ``tag<TAB>text``."""
    for split, rows in articles.items():
        write_split(output, split, (Row([TAGS[row.tag]], row.text) for row in rows))


def write_ids(articles: dict[str, list[Article]], output: Path) -> None:
    """Write ``ids/<split>/<split>.txt`` with lines ``tag,id id id `` and ``ids/words.txt``."""
    # From the training text alone: a test word never seen in training has nothing to teach.
    vocabulary = build_vocabulary(articles["train"])
    with open_for_writing(output / "ids" / "words.txt") as file:
        file.writelines(f"{word}\n" for word in vocabulary)
    for split, rows in articles.items():
        with open_for_writing(output / "ids" / split / f"{split}.txt") as file:
            file.writelines(_ids_line(row, vocabulary) for row in rows)
    print(f"words: {len(vocabulary) - 1:,} from train, and {UNKNOWN_WORD}")


def _ids_line(article: Article, vocabulary: dict[str, int]) -> str:
    unknown = vocabulary[UNKNOWN_WORD]
    # A text without a single word is still a row: it becomes one unknown word.
    ids = [vocabulary.get(word, unknown) for word in split_words(article.text)] or [unknown]
    return f"{article.tag}," + "".join(f"{word_id} " for word_id in ids) + "\n"


def convert(source: Path, output: Path, format: str) -> None:
    """Convert both files."""
    articles = {split: list(read_articles(source / f"{split}.csv")) for split in SPLITS}
    for split, rows in articles.items():
        print(f"{split}: {len(rows):,} rows")
    write = {"text": write_text, "ids": write_ids}[format]
    write(articles, output)


if __name__ == "__main__":
    parser = argument_parser(__doc__, "train.csv, test.csv")
    parser.add_argument("--format", choices=("text", "ids"), default="text")
    sys.exit(run_timed(convert, parser))
