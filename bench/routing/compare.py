"""Prints the difficulty scorer beside LiteLLM's complexity router and the length of the prompt.

    python compare.py LABELS SCORES MICROSECONDS RESULTS

LABELS is RouteLLM's unpacked folder, SCORES what `train.py --scores` wrote: scores of prompts that the model which gave
them had not seen. MICROSECONDS per prompt were measured in Rust. Appends the figures to RESULTS. Runs where the
`litellm` package is installed.
"""

import csv
import datetime
import json
import os
import pathlib
import random
import sys
import time

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


def load(folder):
    """(set, prompt, weak right, strong right), in the order of train.py."""
    csv.field_size_limit(10**9)
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        with open(path, encoding="utf8", newline="") as file:
            for row in csv.DictReader(file):
                rows.append(("gsm8k" if "gsm8k" in path.name else "mmlu", row["prompt"], row[WEAK] == "True", row[STRONG] == "True"))
    return rows


def auroc(scores, labels):
    """How often a positive scores above a negative; ties count half."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, at = [0.0] * len(scores), 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and scores[order[end + 1]] == scores[order[at]]:
            end += 1
        for place in range(at, end + 1):
            ranks[order[place]] = (at + end) / 2 + 1
        at = end + 1
    positive = sum(labels)
    above = sum(rank for rank, label in zip(ranks, labels) if label) - positive * (positive + 1) / 2
    return above / (positive * (len(labels) - positive))


def recovered(scores, rows):
    """The share of the way from weak to strong accuracy that is gained, over all shares of strong calls; chance: 0.5."""
    rng = random.Random(1)
    gap = sum(row[3] for row in rows) - sum(row[2] for row in rows)
    gained, total = 0, 0.0
    for at in sorted(range(len(rows)), key=lambda at: (-scores[at], rng.random())):
        gained += int(rows[at][3]) - int(rows[at][2])
        total += gained / gap
    return total / len(rows)


def machine():
    with open("/proc/cpuinfo", encoding="utf8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "")
    with open("/proc/loadavg", encoding="utf8") as file:
        load = file.read().split(" ")[0]
    return f"{os.cpu_count()} cores, {model}, load {load}"


def main():
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    labels, scores, microseconds, results = sys.argv[1:]
    rows = load(labels)
    with open(scores, encoding="utf8") as file:
        ours = [json.loads(line)["score"] for line in file]
    if len(ours) != len(rows):
        sys.exit("the scores are not of these labels")
    router = ComplexityRouter("none", None, {"tiers": {"SIMPLE": "a", "MEDIUM": "b", "COMPLEX": "c", "REASONING": "d"}})
    start = time.perf_counter()
    theirs = [router.classify(prompt)[1] for _, prompt, _, _ in rows]
    their_us = (time.perf_counter() - start) / len(rows) * 1e6
    scorers = {"septet, held out": ours, "LiteLLM complexity router": theirs, "length of the prompt": [len(row[1]) for row in rows]}
    found = {}
    print(f"{'':6} {'scorer':26} {'AUROC need-strong':>18} {'weak-wrong':>11} {'gap recovered':>14}")
    for name in ("gsm8k", "mmlu"):
        which = [at for at, row in enumerate(rows) if row[0] == name]
        of_set = [rows[at] for at in which]
        need = [strong and not weak for _, _, weak, strong in of_set]
        for scorer, values in scorers.items():
            values = [values[at] for at in which]
            found[name, scorer] = auroc(values, need)
            wrong = auroc(values, [not row[2] for row in of_set])
            print(f"{name:6} {scorer:26} {found[name, scorer]:18.4f} {wrong:11.4f} {recovered(values, of_set):14.4f}")
    print(f"microseconds per prompt: septet {float(microseconds):.1f}, LiteLLM complexity router {their_us:.0f}")
    lines = [(f"auroc_need_strong_{name}", target, ">=", found[name, "septet, held out"], "", found[name, "LiteLLM complexity router"])
             for name, target in (("gsm8k", 0.65), ("mmlu", 0.62))]
    lines.append(("difficulty_scorer_us", 50, "<=", float(microseconds), "us", their_us))
    date = datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    with open(results, "a", encoding="utf8") as file:
        for metric, target, sign, value, unit, peer in lines:
            met = value >= target if sign == ">=" else value <= target
            print(f"{metric:26} {value:8.3f}  target {sign} {target} {unit} {'met' if met else 'MISSED'}")
            file.write(json.dumps(dict(metric=metric, value=round(value, 3), unit=unit, peer="LiteLLM complexity router",
                                       peer_value=round(peer, 3), machine=machine(), date=date,
                                       command="make bench-routing"), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
