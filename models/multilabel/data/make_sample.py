"""Write the sample data of multilabel: messages to a neighbourhood's office, in Chinese.

`train/` and `test/`: what a message is about, 14 labels, often several and sometimes none.
`levels/`: the feelings in a message, each with a level from 0 to 3.

The messages are put together from the phrases below, all written for this project. Many words are
shared by several labels (the lift has no power, the garden's lamp is dark, the dog barks at night),
so that single words do not settle the matter. No text of the test rows is in the training rows.

The output depends on the seed alone: the same bytes on every system and Python 3.9+.

    python models/multilabel/data/make_sample.py
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROWS = {"train": 1600, "test": 400}
LEVEL_ROWS = {"train": 1200, "test": 300}
# How many messages carry a label too few, as those that people label do.
FORGOTTEN_SHARE = 0.06
# How many labels a message has: none, one, two or three.
LABEL_COUNTS = (0, 1, 2, 3)
LABEL_COUNT_WEIGHTS = (12, 46, 30, 12)

PLACES = (
    *("三号楼", "东门", "西区", "地下一层", "小广场", "六单元", "幼儿园旁边", "南侧步道"),
    *("二期", "会所门口", "老楼", "十二栋", "北门岗亭", "菜市场对面", "活动中心", "五楼走廊"),
)
TIMES = (
    *("昨天晚上", "今天早上", "这几天", "从上周开始", "半夜", "周末", "每天下班时", "下雨以后"),
    *("连着两个星期", "刚才", "中午", "一到冬天", "国庆以后", "凌晨三点"),
)
GREETINGS = (
    "",
    "",
    "",
    "您好，",
    "你好，",
    "工作人员你好，",
    "请问一下，",
    "麻烦看一下，",
    "反映个情况，",
)
ENDINGS = (
    "",
    "",
    "。",
    "，请尽快处理。",
    "，谢谢！",
    "，希望有人来看看。",
    "，怎么办？",
    "，辛苦了。",
)

CLAUSES = {
    "停车": (
        "车位又被别人占了",
        "{place}乱停的车把路堵死了",
        "充电桩旁边停满了油车",
        "新的停车费太贵",
    ),
    "噪音": (
        "{place}施工吵得睡不着",
        "楼上拖椅子的声音太大",
        "{place}跳舞的音响开得太响",
        "狗叫个不停，没法休息",
    ),
    "供水": (
        *("家里没有水", "自来水发黄"),
        *("{place}的水管一直在漏", "水压太小，热水器打不着火"),
    ),
    "供电": (
        *("{place}跳闸了", "家里停电两个小时"),
        *("电表走得太快", "电梯厅的插座没有电"),
    ),
    "供暖": (
        *("暖气片一点也不热", "屋里只有十五度"),
        *("交了取暖费还是冷", "{place}的暖气管在漏水"),
    ),
    "垃圾": (
        "{place}的垃圾桶满了没人倒",
        "有人把旧沙发扔在{place}",
        "厨余桶发臭",
        "装修的垃圾堆在车位上",
    ),
    "绿化": (
        *("{place}的草长得比人高", "树枝挡住了窗户"),
        *("新种的树都枯了", "有人在花坛里种菜"),
    ),
    "路灯": (
        *("{place}的灯不亮", "晚上{place}一片漆黑"),
        *("路灯白天也开着", "灯一闪一闪的，晃眼睛"),
    ),
    "电梯": (
        *("{place}的电梯停在半空", "电梯门关不上"),
        *("按了按钮没有反应", "电梯里的灯坏了，有异响"),
    ),
    "网络": (
        *("宽带断了", "{place}手机没有信号"),
        *("看视频总是卡", "光纤的箱子门开着，线被扯断了"),
    ),
    "宠物": (
        *("有人遛狗不牵绳", "{place}到处是狗的粪便"),
        *("流浪猫钻进了车里", "邻居家的狗冲着孩子叫"),
    ),
    "治安": (
        "放在{place}的电动车被偷了",
        "有陌生人挨家敲门",
        "监控坏了没人修",
        "{place}的门禁谁都能进",
    ),
    "漏水": (
        *("楼上的水渗到我家天花板", "外墙一下雨就渗水"),
        *("地下室积水", "厨房的墙泡坏了"),
    ),
    "收费": (
        *("物业费的账单算错了", "多收了我一个月的钱"),
        *("发票一直没有给", "收费标准没有公示"),
    ),
}
NEUTRAL = (
    *("请问办公室几点下班", "谢谢上次来帮忙的师傅", "想问问居住证怎么办理", "祝大家节日快乐"),
    *("活动中心的书法班还能报名吗", "我捡到一串钥匙，放在岗亭了", "什么时候开业主大会"),
    *("想给社区的志愿者点个赞", "请问最近的卫生所在哪里", "我家的快递放在{place}了吗"),
)

FEELINGS = {
    "喜悦": ("有点高兴", "很开心", "高兴得跳了起来"),
    "愤怒": ("有点不满", "很生气", "气得发抖"),
    "悲伤": ("有些失落", "很难过", "哭了一整夜"),
    "恐惧": ("有点担心", "很害怕", "吓得腿都软了"),
    "惊讶": ("有点意外", "很吃惊", "惊得说不出话"),
    "厌恶": ("有点反感", "很讨厌", "恶心得想吐"),
}
EVENTS = (
    *("听说要拆迁", "看到新的通知", "孩子考完试", "门口又在施工", "收到老朋友的信", "看完那部电影"),
    *("半夜有人敲门", "发现钱包不见了", "比赛的结果出来了", "吃到奶奶做的菜", "听完领导讲话"),
)
LINKS = ("，", "，同时", "，又", "，而且")


def message(chance: random.Random) -> tuple[list[str], str]:
    """The labels of a message, and its text."""
    (n_labels,) = chance.choices(LABEL_COUNTS, LABEL_COUNT_WEIGHTS)
    labels = chance.sample(sorted(CLAUSES), n_labels)
    clauses = [chance.choice(CLAUSES[label]) for label in labels] or [chance.choice(NEUTRAL)]
    if labels and chance.random() < 0.15:
        clauses.append(chance.choice(NEUTRAL))
    if chance.random() < FORGOTTEN_SHARE:
        labels = labels[1:]
    chance.shuffle(clauses)
    text = "，".join(clause.format(place=chance.choice(PLACES)) for clause in clauses)
    if chance.random() < 0.6:
        text = chance.choice(TIMES) + text
    return labels, chance.choice(GREETINGS) + text + chance.choice(ENDINGS)


def graded_message(chance: random.Random) -> tuple[list[int], str]:
    """The level of each feeling in a message, and its text."""
    levels = dict.fromkeys(FEELINGS, 0)
    for feeling in chance.sample(sorted(FEELINGS), chance.choice((0, 1, 1, 2, 2, 3))):
        levels[feeling] = chance.randint(1, 3)
    felt = [FEELINGS[feeling][level - 1] for feeling, level in levels.items() if level]
    chance.shuffle(felt)
    text = chance.choice(TIMES) + chance.choice(EVENTS)
    text += "，我" + chance.choice(LINKS).join(felt) if felt else "，没什么特别的感觉"
    return list(levels.values()), text + "。"


def write(
    folder: Path,
    n_rows: dict[str, int],
    make: Callable[[random.Random], tuple[list[Any], str]],
    chance: random.Random,
) -> None:
    """Write so many rows that `make` gives to the file of each split, no text to two of them."""
    written: set[str] = set()
    for split, n in n_rows.items():
        rows: list[tuple[list[Any], str]] = []
        while len(rows) < n:
            labels, text = make(chance)
            if text not in written:
                rows.append((labels, text))
        written.update(text for _, text in rows)
        lines = [f"{','.join(map(str, labels))}\t{text}\n" for labels, text in rows]
        path = folder / split / "sample.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes("".join(lines).encode())


def main() -> None:
    """Write all four files."""
    chance = random.Random(2026)
    write(HERE, ROWS, message, chance)
    write(HERE / "levels", LEVEL_ROWS, graded_message, chance)


if __name__ == "__main__":
    main()
