"""The words and templates of tagspace's sample data, all written for this project."""

from typing import NamedTuple


class Topic(NamedTuple):
    """The vocabulary of one tag.

    Args:
        actions: groups of verbs ("base/past/-ing") and of the objects that suit them all.
        things: noun phrases that can follow "about".
        remarks: whole clauses that can follow "and" or stand alone.
    """

    actions: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    things: tuple[str, ...]
    remarks: tuple[str, ...]


TOPICS = {
    "cooking": Topic(
        actions=(
            (
                ("roast/roasted/roasting", "season/seasoned/seasoning", "fry/fried/frying"),
                ("the parsnips", "a tray of chicken thighs", "two aubergines", "the potatoes"),
            ),
            (
                ("bake/baked/baking", "slice/sliced/slicing", "burn/burnt/burning"),
                ("a loaf of rye bread", "the lemon cake", "a plum tart", "some cheese scones"),
            ),
            (
                ("simmer/simmered/simmering", "stir/stirred/stirring", "reheat/reheated/reheating"),
                ("the lentil soup", "a thick tomato sauce", "the bean stew", "the curry"),
            ),
        ),
        things=(
            "the oven",
            "a sharp knife",
            "fresh basil and garlic",
            "my grandmother's dumplings",
            "the recipe on the flour packet",
            "a cast iron pan",
            "salted butter",
            "leftovers for lunch",
        ),
        remarks=(
            "it needed more salt",
            "the whole kitchen smells of onions",
            "the dough refused to rise",
            "dinner was on the table by seven",
            "nobody left a spoonful",
        ),
    ),
    "football": Topic(
        actions=(
            (
                ("watch/watched/watching", "miss/missed/missing", "discuss/discussed/discussing"),
                ("the derby", "the cup final", "the penalty shootout", "the second half"),
            ),
            (
                ("cheer for/cheered for/cheering for", "boo/booed/booing", "sign/signed/signing"),
                ("the new striker", "our goalkeeper", "a left back", "the captain"),
            ),
            (
                ("concede/conceded/conceding", "score/scored/scoring", "defend/defended/defending"),
                ("a late header", "two corners in a row", "a free kick", "a soft penalty"),
            ),
        ),
        things=(
            "the offside rule",
            "our midfield",
            "the referee",
            "relegation",
            "the away fans",
            "a goalless draw",
            "the league table",
            "the transfer window",
        ),
        remarks=(
            "the keeper should have saved it",
            "we are three points off the top",
            "the manager took him off at half time",
            "the whole stadium went quiet",
            "it finished two all",
        ),
    ),
    "gardening": Topic(
        actions=(
            (
                ("prune/pruned/pruning", "water/watered/watering", "repot/repotted/repotting"),
                ("the roses", "the old fig tree", "the tomato plants", "the hydrangea"),
            ),
            (
                ("dig over/dug over/digging over", "weed/weeded/weeding", "mulch/mulched/mulching"),
                ("the flower bed", "the vegetable patch", "the border by the fence"),
            ),
            (
                ("sow/sowed/sowing", "plant out/planted out/planting out", "thin/thinned/thinning"),
                ("the carrots", "a row of lettuce", "the sweet peas", "some basil seedlings"),
            ),
        ),
        things=(
            "slugs",
            "the compost heap",
            "heavy clay soil",
            "the greenhouse",
            "a blunt pair of shears",
            "tulip bulbs",
            "the lawn",
            "late frost",
        ),
        remarks=(
            "the first buds are showing",
            "the snails got there first",
            "everything is in bloom",
            "the leaves have turned yellow",
            "the soil is far too dry",
        ),
    ),
    "astronomy": Topic(
        actions=(
            (
                ("photograph/photographed/photographing", "find/found/finding"),
                ("the rings of Saturn", "the Orion nebula", "Andromeda", "a faint comet"),
            ),
            (
                ("observe/observed/observing", "wait for/waited for/waiting for"),
                ("the lunar eclipse", "the meteor shower", "the transit of Mercury"),
            ),
            (
                ("align/aligned/aligning", "clean/cleaned/cleaning", "carry/carried/carrying"),
                ("the telescope", "the main mirror", "an old refractor", "the eyepiece"),
            ),
        ),
        things=(
            "black holes",
            "the Milky Way",
            "light pollution",
            "the moons of Jupiter",
            "a distant galaxy",
            "dark matter",
            "the new space probe",
            "the planets at dawn",
        ),
        remarks=(
            "the sky was perfectly dark",
            "you could see four moons",
            "it is eleven light years away",
            "the moon was far too bright",
            "clouds rolled in at midnight",
        ),
    ),
    "cinema": Topic(
        actions=(
            (
                ("watch/watched/watching", "review/reviewed/reviewing", "miss/missed/missing"),
                ("the director's cut", "a silent film", "the sequel", "that Korean thriller"),
            ),
            (
                ("film/filmed/filming", "edit/edited/editing", "rewrite/rewrote/rewriting"),
                ("the opening scene", "a short documentary", "the car chase", "the last act"),
            ),
            (
                ("praise/praised/praising", "mock/mocked/mocking", "forget/forgot/forgetting"),
                ("the lead actress", "the dialogue", "the plot twist", "the whole cast"),
            ),
        ),
        things=(
            "the trailer",
            "subtitles",
            "popcorn in the back row",
            "the closing credits",
            "black and white westerns",
            "the screenplay",
            "the award for best picture",
            "the film festival",
        ),
        remarks=(
            "the ending made no sense",
            "the villain was the best part",
            "half the audience walked out",
            "the camera never stops moving",
            "it was an hour too long",
        ),
    ),
    "travel": Topic(
        actions=(
            (
                ("book/booked/booking", "cancel/cancelled/cancelling", "miss/missed/missing"),
                ("the night train", "a flight to Lisbon", "the ferry", "a room by the harbour"),
            ),
            (
                ("visit/visited/visiting", "explore/explored/exploring", "leave/left/leaving"),
                ("the old town", "a fishing village", "three islands", "the mountain huts"),
            ),
            (
                ("pack/packed/packing", "lose/lost/losing", "carry/carried/carrying"),
                ("a suitcase", "a heavy backpack", "the passports", "the guidebook"),
            ),
        ),
        things=(
            "the airport queue",
            "a window seat",
            "jet lag",
            "cheap hostels",
            "the border crossing",
            "a week on the coast",
            "the luggage allowance",
            "the coastal road",
        ),
        remarks=(
            "the hotel had lost our booking",
            "the view from the pass was worth it",
            "our connection left without us",
            "the locals were very kind",
            "I already want to go back",
        ),
    ),
    "music": Topic(
        actions=(
            (
                ("practise/practised/practising", "learn/learned/learning", "play/played/playing"),
                ("the cello suite", "a bass line", "the second movement", "jazz piano"),
            ),
            (
                ("tune/tuned/tuning", "repair/repaired/repairing", "buy/bought/buying"),
                ("the violin", "a twelve string guitar", "an old banjo", "the drum kit"),
            ),
            (
                ("record/recorded/recording", "mix/mixed/mixing", "hum/hummed/humming"),
                ("the chorus", "a folk song", "a first album", "the backing vocals"),
            ),
        ),
        things=(
            "the choir",
            "minor chords",
            "the orchestra",
            "vinyl",
            "the encore",
            "a simple melody",
            "the rhythm section",
            "their new single",
        ),
        remarks=(
            "the drummer kept rushing",
            "the singer lost her voice",
            "the sopranos came in late",
            "that riff is stuck in my head",
            "the crowd sang every word",
        ),
    ),
    "health": Topic(
        actions=(
            (
                ("see/saw/seeing", "phone/phoned/phoning", "thank/thanked/thanking"),
                ("the doctor", "the physiotherapist", "the dentist", "a nurse at the clinic"),
            ),
            (
                ("treat/treated/treating", "ignore/ignored/ignoring", "cure/cured/curing"),
                ("a sore throat", "the back pain", "the migraine", "a sprained ankle"),
            ),
            (
                ("take/took/taking", "skip/skipped/skipping", "start/started/starting"),
                ("the antibiotics", "the vitamin tablets", "the blood test", "the daily walk"),
            ),
        ),
        things=(
            "blood pressure",
            "a good night's sleep",
            "the flu vaccine",
            "allergies",
            "the waiting room",
            "stress",
            "sugar in soft drinks",
            "the hospital",
        ),
        remarks=(
            "the fever is finally down",
            "my knee still hurts",
            "the results came back normal",
            "I slept nine hours",
            "the pharmacy was closed",
        ),
    ),
    "economy": Topic(
        actions=(
            (
                ("raise/raised/raising", "cut/cut/cutting", "explain/explained/explaining"),
                ("interest rates", "the minimum wage", "fuel duty", "import tariffs"),
            ),
            (
                ("sell/sold/selling", "buy/bought/buying", "hold on to/held on to/holding on to"),
                ("government bonds", "the bank shares", "a small index fund", "the house"),
            ),
            (
                ("read/read/reading", "question/questioned/questioning", "quote/quoted/quoting"),
                ("the budget", "the unemployment figures", "the quarterly report"),
            ),
        ),
        things=(
            "rising rents",
            "the central bank",
            "mortgage payments",
            "pensions",
            "the trade deficit",
            "wages",
            "public debt",
            "small businesses",
        ),
        remarks=(
            "prices are up again",
            "nobody is hiring",
            "the index fell two percent",
            "exports are down for the third month",
            "savers are the ones who pay",
        ),
    ),
    "computing": Topic(
        actions=(
            (
                ("debug/debugged/debugging", "rewrite/rewrote/rewriting", "test/tested/testing"),
                ("the parser", "a Python script", "the login page", "the sorting code"),
            ),
            (
                ("install/installed/installing", "update/updated/updating", "break/broke/breaking"),
                ("the graphics driver", "Linux on a laptop", "the database", "the compiler"),
            ),
            (
                ("back up/backed up/backing up", "restart/restarted/restarting"),
                ("the server", "the hard drive", "the home router", "three old laptops"),
            ),
        ),
        things=(
            "memory leaks",
            "passwords",
            "open source licences",
            "the command line",
            "null pointers",
            "slow wifi",
            "unit tests",
            "the search algorithm",
        ),
        remarks=(
            "the build is green again",
            "it only fails in production",
            "the disk was full",
            "someone forgot a semicolon",
            "it runs twice as fast now",
        ),
    ),
}

# Noun phrases that belong to several topics.
AMBIGUOUS_THINGS = {
    "the pitch": ("football", "music", "economy"),
    "the score": ("football", "music", "cinema"),
    "the star": ("astronomy", "cinema", "football"),
    "a rising star": ("astronomy", "cinema", "music", "football"),
    "the cells": ("health", "computing", "astronomy"),
    "our stock": ("cooking", "economy", "gardening"),
    "the garden": ("gardening", "travel", "cooking"),
    "the tour": ("music", "travel", "football"),
    "the kernel": ("computing", "cooking", "gardening"),
    "that shot": ("football", "cinema", "health"),
    "the main stage": ("music", "cinema", "travel"),
    "a virus": ("health", "computing"),
    "the bug": ("computing", "gardening", "health"),
    "the plant": ("gardening", "economy", "cooking"),
    "the roots": ("gardening", "computing", "cooking"),
    "the branch": ("gardening", "computing", "economy"),
    "the cloud": ("computing", "astronomy", "travel"),
    "the coach": ("football", "travel", "health"),
    "the season": ("football", "gardening", "cinema"),
    "a new record": ("music", "football", "economy"),
    "the transfer": ("football", "computing", "economy", "travel"),
    "the bank": ("economy", "travel"),
    "the market": ("economy", "cooking", "travel"),
    "the table": ("cooking", "football", "computing"),
    "the keyboard": ("computing", "music"),
    "that track": ("music", "travel", "cinema"),
    "the chips": ("cooking", "computing", "economy"),
    "all those cookies": ("cooking", "computing", "health"),
    "the shell": ("computing", "cooking"),
    "the recovery": ("health", "economy", "computing"),
    "slow growth": ("economy", "gardening", "health"),
    "inflation": ("economy", "astronomy"),
    "the platform": ("travel", "computing", "music"),
    "the diet": ("health", "cooking"),
    "fresh herbs": ("cooking", "gardening", "health"),
    "the injury": ("football", "health"),
    "the screen": ("cinema", "computing", "health"),
    "a long exposure": ("astronomy", "cinema", "health"),
    "the band": ("music", "astronomy", "cinema"),
    "the crash": ("computing", "economy", "cinema"),
    "the mission": ("astronomy", "cinema", "travel"),
    "the sun": ("astronomy", "gardening", "travel"),
    "the pressure": ("health", "football", "cooking"),
    "the theory": ("astronomy", "music", "economy"),
}

# Verb phrases, base/past/-ing, that belong to several topics.
AMBIGUOUS_ACTIONS = {
    "warm up/warmed up/warming up": ("football", "cooking", "music"),
    "check the temperature/checked the temperature/checking the temperature": (
        "health",
        "cooking",
        "gardening",
        "computing",
    ),
    "cut it down to size/cut it down to size/cutting it down to size": (
        "gardening",
        "cinema",
        "economy",
    ),
    "get tickets/got tickets/getting tickets": ("football", "music", "cinema", "travel"),
    "pick the best ones/picked the best ones/picking the best ones": (
        "gardening",
        "cooking",
        "football",
    ),
    "look at the charts/looked at the charts/looking at the charts": (
        "music",
        "economy",
        "astronomy",
    ),
    "follow the instructions/followed the instructions/following the instructions": (
        "cooking",
        "health",
        "computing",
    ),
    "see it live/saw it live/seeing it live": ("music", "football", "astronomy"),
    "run a few laps/ran a few laps/running a few laps": ("football", "health"),
    "freeze it/froze it/freezing it": ("cooking", "computing", "economy"),
}

# Tags whose topics come up together, for posts with two tags and passing mentions.
RELATED = {
    "cooking": ("gardening", "health", "travel"),
    "football": ("health", "economy", "travel"),
    "gardening": ("cooking", "health", "astronomy"),
    "astronomy": ("computing", "cinema", "travel"),
    "cinema": ("music", "travel", "astronomy"),
    "travel": ("cooking", "football", "music"),
    "music": ("cinema", "computing", "health"),
    "health": ("cooking", "football", "economy"),
    "economy": ("computing", "health", "football"),
    "computing": ("economy", "astronomy", "music"),
}

# The words every topic shares. Slots: {do} {did} {doing} {thing} {remark} {other} are
# topical, the others are filled from SHARED.
PLAIN_TEMPLATES = (
    "{opener}I {did} {time}, {comment}",
    "{opener}{person} {did} {time} and {remark}",
    "how do you {do} without {worry}?",
    "does anyone here still {do}, or {alternative}?",
    "{opener}I needed {span} to {do}, and now {remark}",
    "{person} asked me about {thing} {time}, {comment}",
    "{opener}{remark}, so I {did} {time}",
    "{doing} {time} was {opinion}, {comment}",
    "three years on and I still find {thing} {opinion}",
    "{opener}what {person} told me about {thing} was {opinion}",
    "{remark}, and {person} only wanted to talk about {thing}",
    "today's plan: {do}, then read up on {thing}",
    "could someone explain {thing} to me? {comment}",
)
AMBIGUOUS_TEMPLATES = (
    "{opener}{person} keeps talking about {thing}, {comment}",
    "{opener}I had high hopes for {thing} {time}, but {complaint}",
    "what do you all think of {thing}? {comment}",
    "nobody warned me about {thing} {time}, {comment}",
    "{opener}I found {thing} {opinion} {time}, {comment}",
    "{opener}I tried to {do} {time}, but {complaint}",
    "{person} {did} {time} because of {thing}",
    "{doing} takes {span} and I blame {thing}",
    "am I the only one who finds {thing} {opinion} this year?",
    "{opener}after {span} I finally understand {thing}",
)
PASSING_TEMPLATES = (
    "I came for {other} and ended up reading about {thing} for {span}",
    "forget {other}, I just want to {do} {time}",
    "{person} prefers {other}, but I would rather {do}",
    "{opener}I {did} {time}, which has nothing to do with {other}",
    "people compare {thing} with {other}, but I find that {opinion}",
    "between {other} and {thing} there was no time left {time}",
)
TWO_TAG_TEMPLATES = (
    "{opener}I {did} {time} and then {did_too}",
    "{person} says {thing} and {thing_too} belong together, {comment}",
    "is there a link between {thing} and {thing_too}? {comment}",
    "{doing} is easier if you know a little about {thing_too}",
    "{opener}{remark}, and later {remark_too}",
    "{person} {did} while I was {doing_too} {time}",
)
VAGUE_TEMPLATES = (
    "{opener}{person} was late again {time}, {comment}",
    "{opener}it took {span} and it was {opinion}, {comment}",
    "would you do it again? {comment}, but {complaint}",
    "{opener}that was {opinion}, and {complaint}",
)
SHARED = {
    "opener": (
        *("",) * 8,
        "well, ",
        "good news: ",
        "so ",
        "honestly, ",
        "update: ",
        "small victory: ",
        "for the record, ",
        "as promised, ",
        "not to brag, but ",
        "confession: ",
    ),
    "time": (
        "last night",
        "this morning",
        "on Sunday",
        "yesterday",
        "over the weekend",
        "after work",
        "in the rain",
        "before breakfast",
        "with the kids",
        "for the first time",
        "all day",
        "at my sister's",
    ),
    "person": (
        "my brother",
        "our neighbour",
        "a friend",
        "my aunt",
        "the man next door",
        "my flatmate",
        "everyone at work",
        "my dad",
        "somebody online",
    ),
    "comment": (
        "what a day",
        "never again",
        "ask me anything",
        "photos to follow",
        "I have no regrets",
        "any advice is welcome",
        "wish me luck",
        "I was not ready",
        "more on that soon",
        "you had to be there",
        "best hour of the week",
        "it was not my idea",
    ),
    "worry": (
        "making a mess",
        "spending a fortune",
        "going mad",
        "asking for help",
        "losing a whole weekend",
        "annoying the neighbours",
    ),
    "alternative": (
        "is it just me",
        "am I getting old",
        "has everyone given up",
        "do you pay someone",
        "is there a better way",
    ),
    "span": (
        "two hours",
        "the whole weekend",
        "most of the month",
        "half an hour",
        "ten minutes",
        "three attempts",
        "an entire evening",
    ),
    "opinion": (
        "wonderful",
        "harder than it looks",
        "a waste of time",
        "strangely relaxing",
        "too expensive",
        "wrong",
        "completely overrated",
        "better than expected",
        "confusing",
        "worth the effort",
    ),
    "complaint": (
        "it did not go to plan",
        "the timing could not be worse",
        "nobody seems to care",
        "I expected more",
        "something was missing",
        "we ran out of time",
        "it keeps getting worse",
        "I would not call it a success",
    ),
}
