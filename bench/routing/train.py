"""Trains the difficulty scorer and says how well it does on prompts that it never saw.

    python train.py LABELS [--write] [--scores FILE]
    python train.py LABELS --prompts

LABELS is the unpacked folder of RouteLLM's responses (holds routellm/evals/...). Always: ten models, each trained without
a tenth of the GSM8K prompts and a tenth of the MMLU subjects, score what they did not see; the scores come from the
Rust scorer that reads the same weights files as the shipped one. With --write: a model on all prompts goes to
crates/models/difficulty/data/weights.bin. With --scores: the held-out scores as JSON lines, for compare.py. With
--prompts: nothing but the prompts, each ended by a NUL byte, as the examples of the crate read them.

Features come from `cargo run -p septet-difficulty --example features`: there is one extractor.
"""

import argparse
import csv
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
ROOT = pathlib.Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "crates/models/difficulty/data/weights.bin"

# One setting for both sets of prompts and for all folds.
SEED = 1
FOLDS = 10
BITS = 16
GSM8K_WEIGHT = 3.0  # it is a tenth of the prompts, and the only one in free text
C_FORM, C_WORDS = 0.003, 1.0
TREES_COUNT = 2.0  # against 1 for each of the other two parts
FORM_SCALE = 0.3
TREES = dict(max_iter=120, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, l2_regularization=10,
             max_features=0.25, early_stopping=False, random_state=SEED)
# Beside "weak wrong, strong right" the parts learn "weak wrong" (more positives), and against "weak right, strong wrong":
# there the strong model costs more and answers worse.
TARGETS = (("need", 1.0), ("wrong", 0.25), ("worse", -0.25))

# Where the linear part starts from for free text, in logits per spread of the figure: the labels hold no greeting, no
# translation, no request for an analysis, so what these ask for is set by hand. Evidence moves it, as every weight.
FORM, CLASSES = 38, 17
CUES = "proof analysis steps simple relation rate negation condition quantity backwards fact reason fraction code pronoun unit norm".split()
PRIOR = {"proof": 0.25, "analysis": 0.25, "code": 0.15, "steps": 0.1, "simple": -0.25}


def load(folder):
    """(set or subject, prompt, weak right, strong right), in the order of the file names."""
    csv.field_size_limit(10**9)
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("*.csv")):
        with open(path, encoding="utf8", newline="") as file:
            for row in csv.DictReader(file):
                subject = "gsm8k" if "gsm8k" in path.name else path.stem.removeprefix("mmlu_")
                rows.append((subject, row["prompt"], row[WEAK] == "True", row[STRONG] == "True"))
    if not rows:
        sys.exit(f"{folder} holds no responses of RouteLLM")
    return rows


def example(name, prompts, *arguments):
    """Runs an example of the crate over the prompts; gives what it printed."""
    command = ["cargo", "run", "--locked", "-q", "-p", "septet-difficulty", "--example", name, "--", *map(str, arguments)]
    text = "".join(prompt.replace("\0", " ") + "\0" for prompt in prompts)
    run = subprocess.run(command, input=text.encode(), capture_output=True, cwd=ROOT)
    if run.returncode:
        sys.exit(run.stderr.decode())
    return run.stdout, run.stderr.decode()


def features(prompts):
    """Figures (n x figures) and hashed words (sparse, n x 2^BITS, divided by the root of their number)."""
    out, _ = example("features", prompts)
    (n_figures,), at = struct.unpack_from("<I", out), 4
    figures, hashes = [], []
    for _ in prompts:
        figures.append(np.frombuffer(out, "<f4", n_figures, at))
        at += 4 * n_figures
        (n,) = struct.unpack_from("<I", out, at)
        hashes.append(np.frombuffer(out, "<u4", n, at + 4))
        at += 4 + 4 * n
    starts = np.r_[0, np.cumsum([len(row) for row in hashes])]
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(max(len(row), 1))) for row in hashes])
    places = (np.concatenate(hashes) >> (32 - BITS)).astype(np.int64)
    words = sparse.csr_matrix((values, places, starts), shape=(len(prompts), 1 << BITS))
    words.sum_duplicates()
    return np.array(figures, dtype=np.float64), words


def logistic(x, y, weight, c, start):
    """Logistic regression whose ridge pulls towards `start`; gives slopes and bias."""
    def loss(beta):
        logit = x @ beta[:-1] + beta[-1]
        pull = beta[:-1] - start
        miss = weight * (1 / (1 + np.exp(-logit)) - y)
        value = c * np.sum(weight * (np.logaddexp(0, logit) - y * logit)) + 0.5 * pull @ pull
        return value, np.r_[c * (x.T @ miss) + pull, c * miss.sum()]
    return minimize(loss, np.r_[start, 0.0], jac=True, method="L-BFGS-B", options={"maxiter": 500}).x


def fit(figures, words, targets, weight):
    """The three parts, as a dict of arrays."""
    means, spreads = figures.mean(0), figures.std(0)
    scales = 1 / np.maximum(spreads, 1e-3)
    n = figures.shape[1]
    z = np.clip((figures - means) * scales, -4, 4) * FORM_SCALE
    free = (figures[:, 28] == 0).astype(float)[:, None]
    gated = np.hstack([z, z * free, free])
    prior = np.zeros(2 * n + 1)
    for cue, value in PRIOR.items():
        prior[n + FORM + CUES.index(cue)] = value / FORM_SCALE
    slopes, bias, table, trees = np.zeros(2 * n + 1), 0.0, np.zeros(words.shape[1]), []
    for name, share in TARGETS:
        y = targets[name]
        beta = logistic(gated, y, weight, C_FORM, prior)
        slopes += share * beta[:-1]
        bias += share * beta[-1]
        by_words = LogisticRegression(C=C_WORDS, max_iter=300).fit(words, y, sample_weight=weight)
        table += share * by_words.coef_[0]
        bias += share * by_words.intercept_[0]
        boosted = HistGradientBoostingClassifier(**TREES).fit(figures, y, sample_weight=weight)
        bias += TREES_COUNT * share * float(boosted._baseline_prediction[0, 0])
        for (tree,) in boosted._predictors:
            trees.append((tree.nodes, TREES_COUNT * share))
    options, plain = slopes[:n] * FORM_SCALE, (slopes[:n] + slopes[n:2 * n]) * FORM_SCALE
    return dict(means=means, scales=scales, free=plain, options=options, bias_free=bias + slopes[2 * n], bias_options=bias,
                table=table, trees=trees)


def pack(model, slope=1.0, offset=0.0, quantiles=None):
    """The bytes of the weights file; its form is told in crates/models/difficulty/src/weights.rs."""
    n = len(model["means"])
    step = max(np.abs(model["table"]).max() / 127, 1e-12)
    out = b"SEPTDIFF" + struct.pack("<4I", 1, n, BITS, len(model["trees"]))
    for name in ("means", "scales", "free", "options"):
        out += model[name].astype("<f4").tobytes()
    out += struct.pack("<5f", model["bias_free"], model["bias_options"], step, slope, offset)
    out += np.asarray(np.linspace(0, 1, 101) if quantiles is None else quantiles, "<f4").tobytes()
    out += np.round(model["table"] / step).astype(np.int8).tobytes()
    for nodes, share in model["trees"]:
        out += struct.pack("<I", len(nodes))
        for node in nodes:
            if node["is_leaf"]:
                out += struct.pack("<4Hf", 0, 0, 0, 0, node["value"] * share)
            else:
                # Rounded down, so that the figure just above the threshold stays above it.
                threshold = np.float32(node["num_threshold"])
                if threshold > node["num_threshold"]:
                    threshold = np.nextafter(threshold, np.float32(-np.inf))
                out += struct.pack("<4Hf", node["feature_idx"], node["left"], node["right"], 0, threshold)
    checksum = 0xCBF29CE484222325
    for byte in out:
        checksum = (checksum ^ byte) * 0x100000001B3 % 2**64
    return out + struct.pack("<Q", checksum)


def score(packed, prompts):
    """What the Rust scorer gives with these weights."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(packed)
        file.flush()
        out, _ = example("score", prompts, file.name)
    return np.array(out.split(), dtype=float)


def folds(subjects):
    """For every prompt the fold that must not train on it: GSM8K by prompts, MMLU by whole subjects."""
    fold = np.zeros(len(subjects), int)
    gsm8k = np.flatnonzero(subjects == "gsm8k")
    for k, (_, held) in enumerate(KFold(FOLDS, shuffle=True, random_state=SEED).split(gsm8k)):
        fold[gsm8k[held]] = k
    names = sorted(set(subjects) - {"gsm8k"})
    np.random.RandomState(SEED).shuffle(names)
    for place, name in enumerate(names):
        fold[subjects == name] = place % FOLDS
    return fold


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--scores")
    parser.add_argument("--prompts", action="store_true")
    arguments = parser.parse_args()
    rows = load(arguments.labels)
    prompts = [row[1] for row in rows]
    if arguments.prompts:
        sys.stdout.write("".join(prompt.replace("\0", " ") + "\0" for prompt in prompts))
        return
    subjects = np.array([row[0] for row in rows])
    weak, strong = (np.array([row[at] for row in rows]) for at in (2, 3))
    targets = {"need": (~weak & strong).astype(float), "wrong": (~weak).astype(float), "worse": (weak & ~strong).astype(float)}
    is_gsm8k = subjects == "gsm8k"
    weight = np.where(is_gsm8k, GSM8K_WEIGHT, 1.0)
    weight /= weight.mean()
    figures, words = features(prompts)
    # A prompt that stands in the data twice is never trained on when its twin is held out.
    first = {}
    twin = np.array([first.setdefault(prompt, at) for at, prompt in enumerate(prompts)])
    fold, held = folds(subjects), np.zeros(len(rows))
    for k in range(FOLDS):
        test = fold == k
        train = ~test & ~np.isin(twin, twin[test])
        model = fit(figures[train], words[train], {name: y[train] for name, y in targets.items()}, weight[train])
        held[test] = score(pack(model), [prompt for prompt, out in zip(prompts, test) if out])
    for name, which in (("gsm8k", is_gsm8k), ("mmlu", ~is_gsm8k)):
        by_fold = [roc_auc_score(targets["need"][which & (fold == k)], held[which & (fold == k)]) for k in range(FOLDS)]
        print(f"{name:6} held out: AUROC need-strong {roc_auc_score(targets['need'][which], held[which]):.4f}, "
              f"weak-wrong {roc_auc_score(targets['wrong'][which], held[which]):.4f}; need-strong by fold "
              f"{np.mean(by_fold):.4f} +- {np.std(by_fold):.4f}")
    if arguments.scores:
        with open(arguments.scores, "w", encoding="utf8") as file:
            for row, value in zip(rows, held):
                file.write(json.dumps(dict(subject=row[0], score=float(value), weak=row[2], strong=row[3])) + "\n")
    if arguments.write:
        logits = np.log(np.clip(held, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(held, 1e-6, 1 - 1e-6))
        platt = LogisticRegression(C=1e6).fit(logits[:, None], targets["need"])
        slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
        quantiles = np.quantile(1 / (1 + np.exp(-(slope * logits + offset))), np.linspace(0, 1, 101))
        packed = pack(fit(figures, words, targets, weight), slope, offset, quantiles)
        WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
        WEIGHTS.write_bytes(packed)
        print(f"wrote {os.path.relpath(WEIGHTS, ROOT)}: {len(packed)} bytes, trained on all {len(rows)} prompts, "
              f"checksum {packed[-8:][::-1].hex()}, calibration slope {slope:.4f} offset {offset:.4f}")


if __name__ == "__main__":
    main()
