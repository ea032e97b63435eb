"""What a report says, in English and in Chinese.

A page has both: its elements show the English, and have the Chinese in attributes beside it, which
the page's script puts in its place. Names of metrics, keys, labels and texts are in neither.
"""

from collections.abc import Iterable

CHINESE = {
    # The page, and the one that is watched.
    "TextZoo: {title}": "TextZoo：{title}",
    "{model} on its own data": "{model}（自带数据）",
    "{model} on {data}": "{data} 上的 {model}",
    "{count} runs of {subject}": "{subject}：{count} 次训练",
    "{count} runs: {subjects}": "{count} 次训练：{subjects}",
    "run": "训练",
    "steps": "步数",
    "epochs": "轮数",
    "{done} of {all}": "{done} / {all}",
    "{done} of {all}, ended by patience": "{done} / {all}，因 patience 提前结束",
    "training rows": "训练行",
    "time": "用时",
    "{metric} (validation)": "{metric}（验证）",
    "{metric} (test)": "{metric}（测试）",
    "Sections": "各部分",
    "Waiting for a run": "等待训练开始",
    "Waiting": "等待中",
    "Log": "日志",
    "This page follows the training": "此页面随训练更新",
    "Last change at {time}": "最近更新于 {time}",
    "The report is no longer served: this is how it was last": "报告服务已结束：这是最后的内容",
    "Show": "显示",
    "Show {count} more": "再显示 {count} 个",
    "{folder}: is no folder of a run: expected train.log, {metrics} and checkpoints, as a run "
    "leaves them in its runner.model_save_path; found {found}": (
        "{folder}：不是训练目录：应有 train.log、{metrics} 和检查点，即训练在 "
        "runner.model_save_path 中留下的内容；实际为{found}"
    ),
    "no such folder": "没有这个目录",
    "a file": "一个文件",
    "a folder without them": "不含这些内容的目录",
    "a folder without them. There are runs in it: {runs}": (
        "不含这些内容的目录。其中有这些训练：{runs}"
    ),
    # What is not there.
    "Not in this report": "此报告中没有的内容",
    "{sentence} ({runs})": "{sentence}（{runs}）",
    "Confusions and examples: {report} with one run.": "混淆与示例：对单次训练使用 {report}。",
    "Settings: {trainer} saves them with the first checkpoint.": (
        "设置：{trainer} 随第一个检查点保存。"
    ),
    "Curve of the loss: {trainer} tells it every runner.print_interval steps.": (
        "损失曲线：{trainer} 每 runner.print_interval 步记录一次。"
    ),
    "Time and training rows: {trainer} notes them; earlier versions did not.": (
        "用时和训练行：由 {trainer} 记录，早期版本没有。"
    ),
    "Validation metrics: {trainer} -o runner.valid_fraction=0.1 runner.resume=none.": (
        "验证指标：{trainer} -o runner.valid_fraction=0.1 runner.resume=none。"
    ),
    "Metrics of the test rows, curves and examples: {infer}.": (
        "测试行的指标、曲线和示例：{infer}。"
    ),
    "Words behind the surest mistakes: {infer} --explain-mistakes.": (
        "最有把握的错误背后的词：{infer} --explain-mistakes。"
    ),
    "Recall of an index: {recall}.": "索引的召回率：{recall}。",
    # Metrics.
    "Metrics": "指标",
    "metric": "指标",
    "validation": "验证",
    "test": "测试",
    "rows": "行数",
    "Test rows": "测试行",
    "Validation rows, at each run's best": "验证行，各次训练最好时",
    "Validation: {about}.": "验证：{about}。",
    "Test: {about}.": "测试：{about}。",
    "{count:,} rows": "{count:,} 行",
    "step {steps}": "第 {steps} 步",
    "threshold {value}": "阈值 {value}",
    "a threshold for each label": "每个标签各有阈值",
    "runner.infer_ensemble, {count} checkpoints, not of this run alone": (
        "runner.infer_ensemble（{count} 个检查点，不只属于这次训练）"
    ),
    "Test rows of {run}: those of {ensemble}.": "{run} 的测试行：属于 {ensemble}。",
    "The test rows and all that is told of them are those of {ensemble}.": (
        "测试行及其全部结果属于 {ensemble}。"
    ),
    "The checkpoint {checkpoint} has changed since the test rows were evaluated: run {infer} "
    "again.": "评估测试行之后，检查点 {checkpoint} 已改变：请再次运行 {infer}。",
    "✓ the best of a column.": "✓ 为该列中最好的。",
    "The runs have different test rows.": "各次训练的测试行不同。",
    "Click a heading to sort.": "点击表头可排序。",
    # Seeds and folds.
    "Spread": "离散程度",
    "Test rows of all runs": "所有训练的测试行",
    "Validation rows of all runs, at the best of each": "所有训练的验证行，各自最好时",
    "Rows of the fold that was left out": "留出的那一折的行",
    "mean": "均值",
    "std": "标准差",
    "min": "最小",
    "max": "最大",
    "all rows, out of fold": "所有行，折外",
    "std: standard deviation of a sample.": "标准差为样本标准差。",
    # The search.
    "Search": "搜索",
    "{count} trials: {states}. This report is of the best one, trial {number}: {metric} "
    "{value:.4f} on the {rows}{before}.": (
        "共 {count} 次试验：{states}。此报告属于最好的一次，即试验 {number}：{rows}上的 "
        "{metric} 为 {value:.4f}{before}。"
    ),
    "; that of the config as it was (trial 0) {value:.4f}": "；原配置（试验 0）为 {value:.4f}",
    "validation rows": "验证行",
    "rows left out": "留出的行",
    "{count} {state}": "{state} {count} 次",
    "complete": "完成",
    "pruned": "提前终止",
    "failed": "失败",
    "{state}: {note}": "{state}：{note}",
    "{metric} by trial": "各次试验的 {metric}",
    "{metric} by {key}": "{metric} 与 {key}",
    "trial": "试验",
    "best {value}": "最好 {value}",
    "All trials": "全部试验",
    "state": "状态",
    "seconds": "秒数",
    # Training.
    "Training": "训练",
    "loss": "损失",
    "learning rate": "学习率",
    "rows per second": "每秒行数",
    "step": "步数",
    "{curve} by step": "按步：{curve}",
    "{count} more curves are left out.": "另有 {count} 条曲线略去。",
    "Metrics are of the validation rows; ● is the best value of each.": (
        "指标取自验证行；● 为各指标的最好值。"
    ),
    "Trained for {time}, from {start}{resumed}; time includes validation and checkpoints.": (
        "训练用时 {time}，始于 {start}{resumed}；用时包括验证和检查点。"
    ),
    ", resumed once": "，恢复 1 次",
    ", resumed {count} times": "，恢复 {count} 次",
    "Time": "用时",
    "model": "模型",
    "resumed": "恢复次数",
    # Labels.
    "Labels": "标签",
    "label": "标签",
    "{metric} of {run}": "{run} 的 {metric}",
    "filter labels": "筛选标签",
    "A text's best labels count as predicted: as many as it has.": (
        "一条文本有几个标签，就取得分最高的几个作为预测。"
    ),
    "These are the {shown:,} commonest of {count:,} labels.": (
        "这是 {count:,} 个标签中最常见的 {shown:,} 个。"
    ),
    # Precision and recall.
    "Precision and recall": "精确率与召回率",
    "precision": "精确率",
    "recall": "召回率",
    "threshold": "阈值",
    "cosine": "余弦",
    "score": "得分",
    "by {what}": "随{what}的变化",
    "precision by recall": "精确率与召回率",
    "F1 by {what}": "F1 随{what}的变化",
    "precision, recall and F1 by {what}": "精确率、召回率和 F1 随{what}的变化",
    "A query is answered by its nearest text if that is at least so near.": (
        "最相近的文本至少达到这一相近程度时，才作为查询的回答。"
    ),
    "F1 is highest, {f1:.4f}, at {what} {value:.4f}.": (
        "{what}为 {value:.4f} 时 F1 最高，为 {f1:.4f}。"
    ),
    "The dotted rule is the threshold that was used.": "虚线为所用的阈值。",
    "Shaded, up to {border:.4f}: texts may have further labels that predictions.jsonl does not "
    "list; {infer} -o runner.top_k=N lists more.": (
        "阴影部分，到 {border:.4f} 为止：文本可能还有 predictions.jsonl 没有列出的标签；{infer}"
        " -o runner.top_k=N 会列出更多。"
    ),
    # Probabilities.
    "Probabilities": "概率",
    "share right by probability": "各概率下正确的比例",
    "probability": "概率",
    "labels": "标签数",
    "mean probability": "平均概率",
    "share right": "正确的比例",
    "{low:.2f} to {high:.2f}": "{low:.2f} 至 {high:.2f}",
    "Of the labels that predictions.jsonl lists; on the dotted rule, probabilities are right. "
    "In the mean, they are off by (expected calibration error): {errors}.": (
        "统计 predictions.jsonl 列出的标签；在虚线上，概率是准确的。平均偏差（期望校准误差）："
        "{errors}。"
    ),
    # Confusions.
    "Confusions": "混淆",
    "no label": "无标签",
    "true label": "真实标签",
    "predicted": "预测",
    "texts": "文本数",
    "share": "占比",
    "Pairs": "标签对",
    "Commonest pairs": "最常见的标签对",
    "Most confused labels": "最易混淆的标签",
    "Levels of all labels together": "所有标签的等级合计",
    "true ↓ predicted →": "真实 ↓ 预测 →",
    "{true} → {predicted}": "{true} → {predicted}",
    "A pair counts once for each text that was given the one label for the other; shares are "
    "of the texts that have the true label.": (
        "每有一条文本的一个标签被预测成另一个，这对标签就计一次；占比以具有真实标签的文本为准。"
    ),
    "These are the {shown} commonest of {count:,} pairs.": (
        "这是 {count:,} 对中最常见的 {shown} 对。"
    ),
    # Examples.
    "Surest mistakes": "最有把握的错误",
    "true: ": "真实：",
    "wanted: ": "应找到：",
    "Wrong predictions with the highest scores. Some may be mistakes of the data.": (
        "得分最高的错误预测。其中有些可能是数据的错误。"
    ),
    "Blue words speak for the wrong label, orange ones against it.": (
        "蓝色的词支持错误的标签，橙色的词反对它。"
    ),
    "Nearest texts": "最相近的文本",
    "Some queries and the scores of what is nearest. ✓ is what was to be found.": (
        "一些查询，以及最相近的文本的得分。✓ 为应找到的。"
    ),
    # What recall.py found.
    "Recall of the index": "索引的召回率",
    "{path} is large: {evaluate} tells what was recalled.": (
        "{path} 很大：召回情况请用 {evaluate} 查看。"
    ),
    "What recall found is damaged: {problem}": "召回结果已损坏：{problem}",
    "What recall found for the {count:,} different queries of the test rows; one with several "
    "titles is to find all of them.": (
        "对测试行的 {count:,} 个不同查询的召回结果；一个查询有多个标题时，应全部找到。"
    ),
    # The linear part.
    "Strongest n-grams": "最强的 n-gram",
    "n-grams": "n-gram",
    "Of the linear part, with the weight of each; ␣ is a space at an end.": (
        "线性部分的 n-gram 及其权重；␣ 为首尾的空格。"
    ),
    "These are the first {shown} of {count:,} labels: the commonest, unless the order of "
    "labels was given.": (
        "这是 {count:,} 个标签中的前 {shown} 个：除非标签的顺序是给定的，即最常见的。"
    ),
    # Settings.
    "Settings": "设置",
    "Settings that differ": "不同的设置",
    "key": "键",
    "value": "值",
    "{count} keys that are set": "设置了的 {count} 个键",
    "Versions: {versions}.": "版本：{versions}。",
    "All runs have the same settings.": "所有训练的设置相同。",
    "{count} other keys are the same.": "其余 {count} 个键相同。",
}


class Said(str):
    """An English text that has its Chinese with it.

    Attributes:
        chinese: the same in Chinese.
    """

    chinese: str

    def __new__(cls, english: str, chinese: str) -> "Said":
        """Take a text in both languages."""
        made = super().__new__(cls, english)
        made.chinese = chinese
        return made


def say(sentence: str, /, **values: object) -> Said:
    """Tell a sentence of the report in both languages.

    Args:
        sentence: a key of `CHINESE`.
        values: what stands in its places; what was said is put in in both languages.
    """
    chinese = {name: in_chinese(value) for name, value in values.items()}
    return Said(sentence.format(**values), CHINESE[sentence].format(**chinese))


def joined(parts: Iterable[str], between: str = " ", chinese: str = "") -> Said:
    """Join texts, said or not; what stands between them differs by language."""
    parts = list(parts)
    return Said(between.join(parts), chinese.join(str(in_chinese(part)) for part in parts))


def in_chinese(value: object) -> object:
    """Give the Chinese of what was said, and anything else as it is."""
    return value.chinese if isinstance(value, Said) else value
