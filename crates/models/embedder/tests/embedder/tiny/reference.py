"""Computes reference.json: what another implementation makes of the tiny models that the tests build.

Run it once in a virtual environment, in this folder, when the tiny models change:

    pip install numpy "transformers==4.46.3" flax jax
    python reference.py > reference.json

The encoders are those of transformers (Flax), with padded batches and an attention mask. The weights follow from the
names of the tensors, by the same rule as in ../tiny.rs, so no weights are kept in the repository. The two tokenizers are
kept: wordpiece.json and unigram.json.
"""

import json
import math
import sys
import zlib

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict
from transformers import (
    BertConfig,
    FlaxBertModel,
    FlaxXLMRobertaModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
)

TEXTS = [
    "the cat sat on the mat",
    "a dog",
    "the dogs sat on a cat and the cat sat on the dogs and the mat sat on the cat and the end is not read",
    "北京的猫",
    "Unknown wörds, [PAD] or <pad> in the middle!",
    "",
]

SIZES = dict(
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    vocab_size=48,
)


def weights(name, shape):
    """Numbers in -0.5..0.5 from a linear congruential generator, seeded by the name; scaled by the kind of tensor."""
    state = zlib.crc32(name.encode())
    values = []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24 - 0.5)
    values = np.array(values, dtype=np.float32).reshape(shape)
    return values + np.float32(1) if name.endswith("LayerNorm.weight") else values


def filled(params):
    """The parameters of a Flax model with our numbers, by the names that PyTorch gives them."""
    flat = {}
    for path, value in flatten_dict(params).items():
        leaf = "weight" if path[-1] in ("kernel", "embedding", "scale") else path[-1]
        name = ".".join([*path[:-1], leaf])
        if path[-1] == "kernel":
            flat[path] = jnp.array(weights(name, value.shape[::-1]).T)
        else:
            flat[path] = jnp.array(weights(name, value.shape))
    return unflatten_dict(flat)


def vectors(model, tokenizer, max_length, pooling):
    model.params = filled(model.params)
    batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=max_length, return_tensors="np")
    mask = batch["attention_mask"]
    states = np.asarray(
        model(batch["input_ids"], attention_mask=mask, token_type_ids=np.zeros_like(mask)).last_hidden_state
    )
    if pooling == "cls":
        pooled = states[:, 0]
    else:
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    pooled = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    n_tokens = [len(tokenizer(text)["input_ids"]) for text in TEXTS]
    return {"n_tokens": n_tokens, "vectors": [[round(float(x), 6) for x in row] for row in pooled]}


def main():
    wordpiece = PreTrainedTokenizerFast(tokenizer_file="wordpiece.json", pad_token="[PAD]")
    unigram = PreTrainedTokenizerFast(tokenizer_file="unigram.json", pad_token="<pad>")
    bert = BertConfig(**SIZES, max_position_embeddings=24, type_vocab_size=2, pad_token_id=0)
    tanh = BertConfig(**SIZES, max_position_embeddings=24, type_vocab_size=2, pad_token_id=0, hidden_act="gelu_new")
    roberta = XLMRobertaConfig(
        **SIZES, max_position_embeddings=26, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5
    )
    found = {
        "texts": TEXTS,
        "bert_mean": vectors(FlaxBertModel(bert), wordpiece, 24, "mean"),
        "bert_cls": vectors(FlaxBertModel(bert), wordpiece, 24, "cls"),
        "bert_tanh": vectors(FlaxBertModel(tanh), wordpiece, 24, "mean"),
        "xlm_roberta": vectors(FlaxXLMRobertaModel(roberta), unigram, 24, "mean"),
    }
    json.dump(found, sys.stdout, ensure_ascii=False)
    print()


main()
