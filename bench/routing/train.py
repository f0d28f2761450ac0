"""Trains the difficulty scorer and says how well it does on prompts that it never saw.

    python train.py LABELS [--sums FILE] [--write] [--scores FILE] [--seed N]
    python train.py LABELS --prompts

LABELS is the unpacked folder of RouteLLM's responses (holds routellm/evals/...). How sums are built is learned from the
worked solutions of GSM8K's train.jsonl, which shares no question with the labels: its figures are in shapes.npz, which
--sums, the path of that file, makes anew; it has to when the extractor has changed. Always: ten models, each trained without
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
import re
import struct
import subprocess
import sys
import tempfile

import numpy as np
from scipy import sparse
from scipy.optimize import minimize
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeCV
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

# What is added for sums told in English: the spread of each of its two halves, about that of the three other parts together.
SUM_SCALE = 2.0
SUM_TREES = dict(max_iter=40, learning_rate=0.12, max_leaf_nodes=12, min_samples_leaf=30, l2_regularization=5,
                 max_features=0.5, early_stopping=False, random_state=0)
SUM_TREES_ADDED = SUM_TREES | dict(max_iter=100, learning_rate=0.08)
SUM_RIDGE = (30, 100, 300, 1000, 3000)

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
    """Figures (n x figures), hashed words (sparse, n x 2^BITS, divided by the root of their number), which prompts are sums
    told in words, and figures as a sum (0 if it is none)."""
    out, _ = example("features", prompts)
    (n_figures, n_sums), at = struct.unpack_from("<2I", out), 8
    figures, hashes, is_sum, sums = [], [], [], []
    for _ in prompts:
        figures.append(np.frombuffer(out, "<f4", n_figures, at))
        at += 4 * n_figures
        is_sum.append(struct.unpack_from("<I", out, at)[0] == 1)
        sums.append(np.frombuffer(out, "<f4", n_sums, at + 4))
        at += 4 + 4 * n_sums
        (n,) = struct.unpack_from("<I", out, at)
        hashes.append(np.frombuffer(out, "<u4", n, at + 4))
        at += 4 + 4 * n
    starts = np.r_[0, np.cumsum([len(row) for row in hashes])]
    values = np.concatenate([np.full(len(row), 1 / np.sqrt(max(len(row), 1))) for row in hashes])
    places = (np.concatenate(hashes) >> (32 - BITS)).astype(np.int64)
    words = sparse.csr_matrix((values, places, starts), shape=(len(prompts), 1 << BITS))
    words.sum_duplicates()
    return np.array(figures, dtype=np.float64), words, np.array(is_sum), np.array(sums, dtype=np.float64)


KEPT = pathlib.Path(__file__).with_name("shapes.npz")
NUMBER_WORDS = dict(zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13)), dozen=12,
                    half=0.5, twice=2, double=2, triple=3, quarter=0.25, third=3, hundred=100)


def numbers(text):
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def shape(question, answer):
    """How a solution of GSM8K is built: its marked sums ("<<48/2=24>>") say what is computed from what."""
    body, final = answer.split("####")
    steps = re.findall(r"<<(.+?)=(.+?)>>", body)
    given = numbers(question) + [NUMBER_WORDS[word] for word in re.findall("[a-z]+", question.lower()) if word in NUMBER_WORDS]
    depths, used, hidden, reused, deepest = {}, set(), 0, 0, 0
    for left, right in steps:
        depth = 0
        for number in numbers(left):
            if round(number, 3) in depths:
                depth, reused = max(depth, depths[round(number, 3)]), reused + 1
            elif any(abs(number - other) < 1e-3 for other in given):
                used.add(round(number, 3))
            else:
                hidden += 1
        for number in numbers(right)[:1]:
            depths[round(number, 3)] = depth + 1
        deepest = max(deepest, depth + 1)
    sums = " ".join(left for left, _ in steps)
    counts = [len(steps), body.strip().count("\n") + 1, *(sums.count(sign) for sign in "+-*/"),
              len(re.sub("<<.+?>>", "", body).split()), hidden, len({round(number, 3) for number in given} - used), deepest,
              reused, max((len(re.findall("[-+*/]", left)) for left, _ in steps), default=0),
              max(numbers(final), default=0), max(numbers(sums), default=0)]
    flags = ["." in sums, bool(re.search(r"\b[xyXY]\b", body)), sum(sign in sums for sign in "+-*/")]
    return [*np.log1p(counts), *map(float, flags)]


class Shapes:
    """Guesses the shape of the solution from the question alone: half by trees over both kinds of figures, half by words.
    Learned from questions that are in no set of labels, so once for all folds."""

    def __init__(self):
        kept = np.load(KEPT)
        self.both, shapes = kept["both"].astype(np.float64), kept["shapes"].astype(np.float64)
        places, starts = kept["places"].astype(np.int64), np.concatenate([[0], np.cumsum(kept["n_places"], dtype=np.int64)])
        values = 1 / np.sqrt(np.repeat(kept["n_words"], kept["n_places"])) * kept["times"]
        words = sparse.csr_matrix((values, places, starts), shape=(len(shapes), 1 << BITS))
        self.means, self.shapes = shapes.mean(0), shapes
        self.trees = [HistGradientBoostingRegressor(**SUM_TREES).fit(self.both, column) for column in shapes.T]
        self.words = Ridge(alpha=1.0, solver="sparse_cg", fit_intercept=False).fit(words, shapes - self.means).coef_

    @staticmethod
    def keep(path, labelled):
        """Reads the questions and keeps their figures: no text, so that training needs no other file."""
        plain = lambda text: " ".join(re.findall("[a-z0-9]+", text.lower()))
        taken = {plain(prompt) for prompt in labelled}
        rows = [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf8").splitlines()]
        rows = [row for row in rows if plain(row["question"]) not in taken]
        figures, words, is_sum, sums = features([row["question"] for row in rows])
        shapes = np.array([shape(row["question"], row["answer"]) for row in rows])[is_sum]
        words, both = words[is_sum], np.hstack([figures, sums])[is_sum]
        # A word weighs as often as it occurs, divided by the root of the number of words: a row adds up to that root.
        n_words = np.round(np.asarray(words.sum(1)).ravel() ** 2)
        n_places = np.diff(words.indptr)
        times = np.round(words.data * np.sqrt(np.repeat(n_words, n_places)))
        np.savez_compressed(KEPT, both=both.astype(np.float32), shapes=shapes.astype(np.float32), times=times.astype(np.uint8),
                            places=words.indices.astype(np.uint16), n_places=n_places.astype(np.uint16),
                            n_words=n_words.astype(np.uint16))

    def guess(self, figures, words, sums):
        both = np.hstack([figures, sums])
        trees = np.array([tree.predict(both) for tree in self.trees]).T
        return (trees + words @ self.words.T + self.means) / 2


def fit_sums(shapes, guesses, sums, targets):
    """What is added for a sum: half by the guessed shape of its solution, half by its figures. Both are linear in what was
    learned before, so the file needs one table and one list of trees."""
    y = sum(share * targets[name] for name, share in TARGETS)
    def ridge(x):
        means, scales = x.mean(0), 1 / np.maximum(x.std(0), 1e-3)
        z = np.clip((x - means) * scales, -4, 4)
        slopes = RidgeCV(alphas=SUM_RIDGE).fit(z, y).coef_
        return means, scales, slopes * SUM_SCALE / (z @ slopes).std()
    means, scales, slopes = ridge(sums)
    guess_means, guess_scales, by_shape = ridge(guesses)
    by_shape = by_shape * guess_scales
    # One list of trees guesses the weighted sum of the shapes at once: a seventeenth of the steps.
    trees = HistGradientBoostingRegressor(**SUM_TREES_ADDED).fit(shapes.both, shapes.shapes @ by_shape)
    start = float(trees._baseline_prediction[0, 0]) / 2
    return dict(sum_means=means, sum_scales=scales, sums=slopes, sum_trees=[(tree.nodes, 0.5) for (tree,) in trees._predictors],
                sum_table=by_shape @ shapes.words / 2, sum_bias=start + by_shape @ (shapes.means / 2 - guess_means))


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


def pack(model, calibration=(1.0, 0.0), of_sums=(1.0, 0.0), quantiles=None):
    """The bytes of the weights file; its form is told in crates/models/difficulty/src/weights.rs."""
    n = len(model["means"])
    step, sum_step = (max(np.abs(model[table]).max() / 127, 1e-12) for table in ("table", "sum_table"))
    out = b"SEPTDIFF" + struct.pack("<6I", 2, n, BITS, len(model["trees"]), len(model["sums"]), len(model["sum_trees"]))
    for name in ("means", "scales", "free", "options"):
        out += model[name].astype("<f4").tobytes()
    out += struct.pack("<5f", model["bias_free"], model["bias_options"], step, *calibration)
    out += np.asarray(np.linspace(0, 1, 101) if quantiles is None else quantiles, "<f4").tobytes()
    out += np.round(model["table"] / step).astype(np.int8).tobytes()
    for name in ("sum_means", "sum_scales", "sums"):
        out += model[name].astype("<f4").tobytes()
    out += struct.pack("<4f", model["sum_bias"], sum_step, *of_sums)
    out += np.round(model["sum_table"] / sum_step).astype(np.int8).tobytes()
    parts = [out]
    for nodes, share in model["trees"] + model["sum_trees"]:
        out = b""
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
        parts.append(out)
    out = b"".join(parts)
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


def folds(subjects, seed):
    """For every prompt the fold that must not train on it: GSM8K by prompts, MMLU by whole subjects."""
    fold = np.zeros(len(subjects), int)
    gsm8k = np.flatnonzero(subjects == "gsm8k")
    for k, (_, held) in enumerate(KFold(FOLDS, shuffle=True, random_state=seed).split(gsm8k)):
        fold[gsm8k[held]] = k
    names = sorted(set(subjects) - {"gsm8k"})
    np.random.RandomState(seed).shuffle(names)
    for place, name in enumerate(names):
        fold[subjects == name] = place % FOLDS
    return fold


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels")
    parser.add_argument("--sums", help="GSM8K's train.jsonl, to make shapes.npz anew")
    parser.add_argument("--seed", type=int, default=SEED, help="of the split into folds")
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
    figures, words, is_sum, sums = features(prompts)
    # Only these teach what is added for sums; it is added for no prompt with options.
    is_sum &= is_gsm8k
    if arguments.sums:
        Shapes.keep(arguments.sums, prompts)
    shapes = Shapes()
    if shapes.both.shape[1] != figures.shape[1] + sums.shape[1]:
        raise SystemExit(f"{KEPT} is of another extractor: run with --sums and GSM8K's train.jsonl (README.md)")
    guesses = shapes.guess(figures, words, sums)

    def train_on(which):
        model = fit(figures[which], words[which], {name: y[which] for name, y in targets.items()}, weight[which])
        told = which & is_sum
        return model | fit_sums(shapes, guesses[told], sums[told], {name: y[told] for name, y in targets.items()})

    # A prompt that stands in the data twice is never trained on when its twin is held out.
    first = {}
    twin = np.array([first.setdefault(prompt, at) for at, prompt in enumerate(prompts)])
    fold, held = folds(subjects, arguments.seed), np.zeros(len(rows))
    for k in range(FOLDS):
        test = fold == k
        train = ~test & ~np.isin(twin, twin[test])
        held[test] = score(pack(train_on(train)), [prompt for prompt, out in zip(prompts, test) if out])
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
        # The logits of sums are spread further.
        calibrations, calibrated = [], np.zeros(len(rows))
        for which in (~is_sum, is_sum):
            platt = LogisticRegression(C=1e6).fit(logits[which, None], targets["need"][which])
            calibrations.append((float(platt.coef_[0, 0]), float(platt.intercept_[0])))
            calibrated[which] = platt.predict_proba(logits[which, None])[:, 1]
        packed = pack(train_on(np.ones(len(rows), bool)), *calibrations, np.quantile(calibrated, np.linspace(0, 1, 101)))
        WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
        WEIGHTS.write_bytes(packed)
        print(f"wrote {os.path.relpath(WEIGHTS, ROOT)}: {len(packed)} bytes, trained on all {len(rows)} prompts, "
              f"checksum {packed[-8:][::-1].hex()}, calibrations (slope, offset) {np.round(calibrations, 4).tolist()}")


if __name__ == "__main__":
    main()
