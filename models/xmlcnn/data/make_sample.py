"""Write the sample data of xmlcnn: notes to the council of a small town, each with its labels.

The notes are put together from the lists below, all written for this project. A note is about one
to three subjects, most often about the first ones of the list; it may name a part of the town, and
say what its writer wants. Each of these is a label, so that labels are many, uneven and partly
independent. Other words belong to no label, and some subjects share words.

The output depends on the seed alone: the same bytes on every system and Python 3.9+.

    python models/xmlcnn/data/make_sample.py
"""

import argparse
import random
from pathlib import Path

TRAIN_ROWS = 1600
TEST_ROWS = 400

SUBJECTS = {
    "roads": "potholes/the kerb/fresh tarmac/the roundabout/lane markings",
    "rubbish": "the bins/bulky waste/missed collections/the skip/litter",
    "parking": "parking permits/the meter/double parking/the car park/a tow truck",
    "buses": "the night bus/the bus stop/a late timetable/the drivers/ticket prices",
    "schools": "the school gate/class sizes/the head teacher/school meals/the playground",
    "parks": "the flower beds/the benches/the mown grass/the pond/the playground",
    "noise": "loud music/barking at night/the drilling/a humming fan/fireworks",
    "lighting": "street lamps/dark corners/a broken bulb/the lamp posts/flickering lights",
    "water": "low pressure/a burst pipe/brown tap water/the meter/the drains",
    "housing": "rising rents/damp walls/empty flats/the waiting list/eviction letters",
    "cycling": "the cycle lane/bike stands/stolen bikes/helmets/a blocked path",
    "library": "opening hours/overdue books/the reading room/the mobile library/quiet corners",
    "trees": "fallen branches/the old oaks/roots in the pavement/fallen leaves/a rotten trunk",
    "dogs": "loose dogs/dog waste/barking at night/the dog park/a missing terrier",
    "market": "the fish stall/fresh bread/market fees/the Saturday stalls/plastic bags",
    "swimming": "the indoor pool/swimming lessons/cold showers/the lifeguard/chlorine",
    "planning": "the building permit/a new extension/the tall block/planning notices/the skip",
    "taxes": "the council tax/a wrong bill/late fees/the refund/payment slips",
    "elections": "the polling station/postal votes/the ballot box/candidates/leaflets",
    "weddings": "the registry/a summer wedding/the town hall rooms/certificates/rice on the steps",
    "allotments": "garden plots/the compost heap/runner beans/the shed keys/garden plots rents",
    "cemetery": "old graves/the chapel/memorial stones/fresh flowers/the iron gate",
    "flooding": "sandbags/the swollen river/wet cellars/the drains/a flood warning",
    "snow": "icy pavements/the snow plough/grit boxes/frozen steps/blocked hills",
    "pests": "rats near the canal/wasp nests/pigeons/ants in the kitchen/traps",
    "theatre": "the old stage/the spring play/ticket prices/the curtain/rehearsals",
    "museum": "the coin room/guided tours/the old loom/opening hours/a school visit",
    "ferry": "the ferry landing/the last crossing/the ferryman/the swollen river/a rope",
    "archives": "parish records/old maps/family trees/dusty boxes/the reading room",
    "bees": "the hives/honey/a swarm in June/wild flowers/beekeepers",
    "wells": "the village well/the pump handle/groundwater/a stone cover/the bucket",
    "windmill": "the mill sails/ground flour/the miller/creaking beams/a windy hill",
}  # fmt: skip
PLACES = {
    "north end": "near the northern ring/behind the brickworks/in the north end",
    "old town": "by the cathedral steps/in the old town/along the city wall",
    "harbour": "down at the harbour/beside the cranes/on the quay",
    "station quarter": "in front of the station/behind the tracks/next to platform one",
    "hillside": "up on the hillside/at the top of the steep lane/near the water tower",
    "meadows": "out in the meadows/past the last farm/on the meadow path",
    "mill lane": "along mill lane/opposite the weir/at the corner of mill lane",
    "west park": "in west park/by the western gates/around the bandstand",
}
WISHES = {
    "complaint": "this cannot go on/I am fed up/it has been weeks/nobody answers the phone",
    "question": "could you tell me who decides/where do I find the form/is there a deadline",
    "praise": "many thanks to the team/it was handled quickly/well done everyone",
    "offer": "I would gladly help/our club could lend a hand/volunteers are ready",
    "urgent": "someone could get hurt/please act today/it is dangerous for children",
}
OPENINGS = (
    "dear council|good morning|hello|to whom it may concern|hi all|as I wrote in May|"
    "my neighbours agree"
)
MIDDLES = (
    "I want to talk about {}|for months {} have been on my mind|we looked into {} again|"
    "there is something about {} you should know|last week it was all about {}|"
    "everyone here has an opinion on {}|yesterday we came across {}|we counted {} twice"
)
JOINTS = "and also|apart from that|then there is the matter of|not to forget|which brings me to"
FILLERS = (
    "it rained most of the time|my sister took a photo|I have lived here for years|"
    "we met on a Tuesday|the letter is attached|nothing was said at the meeting|"
    "the weather did not help|I read about it in the paper"
)


class NoteWriter:
    """Draws notes from one random stream."""

    def __init__(self, seed: int) -> None:
        # Of the random module only random() promises the same numbers in every Python version.
        self._random = random.Random(seed).random

    def _pick(self, texts: str, separator: str = "|") -> str:
        options = texts.split(separator)
        return options[int(self._random() * len(options))]

    def _subject(self) -> str:
        """The first subjects are drawn far more often than the last ones."""
        return list(SUBJECTS)[int(self._random() ** 2.2 * len(SUBJECTS))]

    def row(self) -> tuple[list[str], str]:
        """Return the labels and the text of one note."""
        n_subjects = 1 + int(self._random() ** 2 * 3)
        subjects = list(dict.fromkeys(self._subject() for _ in range(n_subjects)))
        labels, parts = list(subjects), [self._pick(OPENINGS)]
        for i, subject in enumerate(subjects):
            thing, other = (self._pick(SUBJECTS[subject], "/") for _ in range(2))
            parts.append(f"{self._pick(JOINTS)} {thing}" if i else "")
            parts.append(self._pick(MIDDLES).format(other))
        for options, chance in ((PLACES, 0.6), (WISHES, 0.7)):
            if self._random() < chance:
                label = list(options)[int(self._random() * len(options))]
                labels.append(label)
                parts.append(self._pick(options[label], "/"))
        while self._random() < 0.6:
            parts.insert(1 + int(self._random() * len(parts)), self._pick(FILLERS))
        return labels, ", ".join(part for part in parts if part)


def distinct_rows(seed: int, count: int) -> list[str]:
    """Return `count` lines `label,label<TAB>text`, no two with the same text."""
    writer = NoteWriter(seed)
    rows: dict[str, list[str]] = {}
    while len(rows) < count:
        labels, text = writer.row()
        rows.setdefault(text, labels)
    return [f"{','.join(labels)}\t{text}" for text, labels in rows.items()]


def write_rows(path: Path, rows: list[str]) -> None:
    """Write one row a line, in UTF-8 and with line feeds on every system."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(row + "\n" for row in rows)


def main() -> None:
    """Write train/sample.tsv and test/sample.tsv."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    arguments = parser.parse_args()
    rows = distinct_rows(arguments.seed, TRAIN_ROWS + TEST_ROWS)
    write_rows(arguments.output / "train" / "sample.tsv", rows[:TRAIN_ROWS])
    write_rows(arguments.output / "test" / "sample.tsv", rows[TRAIN_ROWS:])


if __name__ == "__main__":
    main()
