"""label_next.py from start to end."""

import json

from harness.workspace import predictions

from textzoo.commands.label_next import main


def call(export, *options):
    return main(["-m", str(export.config), *map(str, options), "-o", *export.settings])


def test_the_least_sure_of_texts_are_written_each_once(exported, tmp_path, capfd):
    export = exported("tagspace")
    rows = predictions(export.run / "infer")
    texts, output = tmp_path / "texts", tmp_path / "next.jsonl"
    texts.write_text("".join(f"{row['text']}\n" for row in rows * 2) + "\n", encoding="utf-8")
    assert call(export, "--texts", texts, "-n", 20, "--output", output) == 0
    n = 2 * len(rows)
    assert f"20 of {n} texts: {output}" in capfd.readouterr().out
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len({row["text"] for row in found}) == 20
    # Among the 200 smallest margins, as the scores of infer.py give them.
    known = {row["text"]: row["top"] for row in rows}
    for row in found:
        first, second = known[row["text"]][:2]
        kind = "probability" if "probability" in first else "score"
        assert abs(row["margin"] - (first[kind] - second[kind])) < 1e-4
        assert [best["tag"] for best in row["top"]][:1] == [first["tag"]]
    kind = "probability" if "probability" in rows[0]["top"][0] else "score"
    margins = sorted(top[0][kind] - top[1][kind] for top in known.values())
    assert max(row["margin"] for row in found) <= margins[:200][-1] + 1e-4
    written = output.read_bytes()
    assert call(export, "--texts", texts, "-n", 20, "--output", output) == 0
    assert output.read_bytes() == written
    assert call(export, "--texts", texts) == 0  # 100 of them
    found = (export.run / "infer" / "label_next.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(found) == 100
    (export.run / "infer" / "label_next.jsonl").unlink()


def test_labels_near_their_threshold_and_levels_are_told(exported, tmp_path):
    for name in ("multilabel", "levels"):
        output = tmp_path / f"{name}.jsonl"
        texts = tmp_path / "texts"
        texts.write_text("停车\n路灯坏了\n\n", encoding="utf-8")
        assert call(exported(name), "--texts", texts, "--output", output) == 0
        found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert {row["text"] for row in found} == {"停车", "路灯坏了"}
        assert all({"margin", "predicted", "top"} <= row.keys() for row in found)


def test_what_does_not_go_together_is_refused(exported, tmp_path, capfd):
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    for name, options, complaint in (
        ("batchneg", ("--texts", "x"), "gives embeddings, expected a model that scores labels"),
        ("tagspace", (), "--texts: missing"),
        ("tagspace", ("--texts", "nowhere"), "--texts: no such file: nowhere"),
        ("tagspace", ("--texts", tmp_path / "empty"), "received no text"),
        ("tagspace", ("--texts", "-", "-n", "0"), "received 0, expected a whole number from 1"),
    ):
        try:
            status = call(exported(name), *options)
        except SystemExit as stop:  # of argparse
            status = stop.code
        assert status == 2 and complaint in capfd.readouterr().err
