"""Write the sample data of batchneg and hardestneg: questions asked in several ways.

Each intent below is a few ways to ask for one thing about a subject, in English or Chinese, all
written for this project. Two ways to ask the same about the same subject make a pair. The corpus
holds every way to ask everything, so that a query has many near misses: the same words about
another subject, the same subject with another wish.

The output depends on the seed alone: the same bytes on every system and Python 3.9+.

    python models/batchneg/data/make_sample.py
"""

# ruff: noqa: E501 (a Chinese character counts for two)
import argparse
import random
from itertools import combinations
from pathlib import Path

TEST_SHARE = 0.2
PAIRS_PER_QUESTION = 5  # how many of the pairs of one question are kept

# Subjects with another name each, and the intents that suit all of them.
ENGLISH = (
    (
        (
            ("washing machine", "washer"), ("fridge", "refrigerator"), ("vacuum cleaner", "hoover"),
            ("coffee maker", "coffee machine"), ("oven", "cooker"), ("printer", "laser printer"),
            ("electric kettle", "kettle"), ("heating", "radiator"), ("air conditioner", "cooling unit"),
            ("hair dryer", "blow dryer"), ("toaster", "bread toaster"), ("lawn mower", "grass cutter"),
            ("sewing machine", "stitching machine"), ("garage door", "garage gate"),
            ("doorbell", "front door bell"), ("dishwasher", "dish washing machine"),
        ),
        (
            ("my {} does not start any more", "why won't the {} switch on", "{} is dead, what now?",
             "the {} stays off when i press the button", "cannot turn on the {}"),
            ("the {} makes a loud noise", "why is my {} so noisy", "strange sound from the {}",
             "my {} rattles, is that normal?", "how do i stop the {} from humming"),
            ("how do i clean the {}", "best way to wash a {}", "what removes dirt from my {}",
             "{} cleaning instructions please", "getting grime off the {}"),
            ("how long is the guarantee on a {}", "is my {} still under warranty",
             "who pays if the {} breaks in the first year", "warranty period of the {}",
             "does the guarantee cover the {}"),
            ("where can i get spare parts for the {}", "i need to replace a part of my {}",
             "shop that sells {} components", "ordering replacement pieces for a {}",
             "who stocks parts for an old {}"),
            ("how much power does a {} use", "is the {} expensive to run",
             "electricity consumption of the {}", "what does my {} cost per month in energy",
             "running costs of a {}"),
        ),
    ),
    (
        (
            ("Lisbon", "the portuguese capital"), ("Vienna", "the austrian capital"),
            ("Oslo", "norway's capital"), ("Cairo", "the egyptian capital"), ("Lima", "peru's capital"),
            ("Kyoto", "the old japanese capital"), ("Prague", "the czech capital"),
            ("Dublin", "ireland's capital"), ("Athens", "the greek capital"),
            ("Havana", "cuba's capital"), ("Nairobi", "the kenyan capital"),
            ("Helsinki", "finland's capital"), ("Warsaw", "the polish capital"),
            ("Hanoi", "vietnam's capital"), ("Quito", "ecuador's capital"), ("Riga", "latvia's capital"),
        ),
        (
            ("when is the best season to visit {}", "which month should i go to {}",
             "is spring a good time for {}", "what time of year suits a trip to {}",
             "planning {}: which season?"),
            ("cheap hotels in {}", "where can i sleep in {} for little money",
             "affordable places to stay in {}", "budget accommodation {}",
             "a bed in {} that does not cost much"),
            ("how do i get from the airport to {}", "airport transfer to {}",
             "is there a train between {} and its airport", "reaching the centre of {} after landing",
             "bus or taxi from the airport into {}"),
            ("typical dishes of {}", "what do people eat in {}", "which food should i try in {}",
             "local specialities served in {}", "i want to taste the cooking of {}"),
            ("do i need a visa for {}", "entry requirements for {}",
             "can i travel to {} with only a passport", "which papers are needed to enter {}",
             "documents to take along to {}"),
            ("what to see in {} in one day", "top sights of {}", "a short walk through {}",
             "must see places in {}", "i have only a few hours in {}"),
        ),
    ),
)  # fmt: skip
CHINESE = (
    (
        (
            ("会员卡", "贵宾卡"), ("电影票", "影票"), ("快递", "包裹"), ("外卖", "订餐"), ("话费", "手机费"),
            ("火车票", "高铁票"), ("酒店", "宾馆"), ("机票", "飞机票"), ("水电费", "水费电费"),
            ("课程", "网课"), ("保险", "保单"), ("门票", "入园券"), ("健身卡", "健身会籍"),
            ("停车费", "泊车费"), ("鲜花", "花束"), ("体检", "健康检查"),
        ),
        (
            ("{}怎么退款", "我想把{}退掉", "{}不要了钱能退回来吗", "买错了{}如何申请退钱", "{}退费的办法"),
            ("{}多少钱", "{}的价格是多少", "买{}要花多少", "{}贵不贵", "请问{}怎么收费"),
            ("{}可以改时间吗", "如何更改{}的日期", "{}想换一天行不行", "能不能推迟{}", "{}改期怎么办理"),
            ("{}有优惠吗", "{}怎么买便宜", "有没有{}的折扣", "哪里能领{}的优惠券", "{}打几折"),
            ("{}付款失败怎么办", "{}支付不成功", "为什么{}的钱付不了", "{}付不了款是什么原因", "支付{}时出错了"),
            ("{}的发票怎么开", "我要{}的发票", "{}能开票吗", "哪里下载{}的电子发票", "买了{}想要报销凭证"),
        ),
    ),
    (
        (
            ("感冒", "着凉"), ("失眠", "睡不着"), ("头疼", "脑袋疼"), ("牙痛", "牙齿疼"), ("过敏", "皮肤起疹"),
            ("咳嗽", "老是咳"), ("胃痛", "胃不舒服"), ("发烧", "体温高"), ("腰疼", "腰酸背痛"),
            ("近视", "看不清远处"), ("脱发", "掉头发"), ("口腔溃疡", "嘴里长泡"), ("鼻塞", "鼻子不通"),
            ("贫血", "血色素低"), ("扭伤", "崴了脚"), ("晕车", "坐车恶心"),
        ),
        (
            ("{}吃什么药", "{}用哪种药好", "治{}的药有哪些", "{}了该买什么药", "药店有没有治{}的药"),
            ("{}是什么原因", "为什么会{}", "{}是怎么引起的", "哪些情况会导致{}", "最近总是{}怎么回事"),
            ("{}看哪个科", "{}去医院挂什么号", "{}应该找哪科医生", "{}挂号选什么科室", "{}要看什么门诊"),
            ("{}不能吃什么", "{}要忌口吗", "{}期间饮食注意什么", "{}的人少吃哪些东西", "{}有什么不宜吃"),
            ("怎样预防{}", "如何避免{}", "平时怎么做才不{}", "有什么办法防止{}", "防{}的小窍门"),
            ("{}多久能好", "{}几天恢复", "{}一般要多长时间好", "{}好得快吗", "{}持续几天正常"),
        ),
    ),
)  # fmt: skip


def questions() -> list[list[str]]:
    """All ways to ask each question: one list for each intent and subject."""
    return [
        [way.format(name) for name in names for way in ways]
        for language in (ENGLISH, CHINESE)
        for subjects, intents in language
        for names in subjects
        for ways in intents
    ]


def pairs_of(ways: list[str], chance: random.Random) -> list[tuple[str, str]]:
    """Some pairs of ways to ask one question, each in a random direction."""
    chosen = chance.sample(list(combinations(ways, 2)), PAIRS_PER_QUESTION)
    return [(a, b) if chance.random() < 0.5 else (b, a) for a, b in chosen]


def write(path: Path, lines: list[str]) -> None:
    """Write lines to a file in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def main() -> None:
    """Write train/train.tsv, test/test.tsv and corpus.txt."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    parser.add_argument("--seed", type=int, default=2026)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    parts: dict[str, list[str]] = {"train": [], "test": []}
    for ways in questions():
        part = "test" if chance.random() < TEST_SHARE else "train"
        parts[part] += ["\t".join(pair) for pair in pairs_of(ways, chance)]
    for name, lines in parts.items():
        chance.shuffle(lines)
        write(arguments.output / name / f"{name}.tsv", lines)
    # Of the ways with the subject's second name, only some: near misses enough.
    texts = {text for lines in parts.values() for line in lines for text in line.split("\t")}
    texts |= {way for ways in questions() for way in ways[:5] + ways[5:][:3]}
    write(arguments.output / "corpus.txt", sorted(texts))


if __name__ == "__main__":
    main()
