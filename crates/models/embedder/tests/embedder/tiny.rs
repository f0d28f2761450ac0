//! Makes models: the folder is like that of a published one, the numbers follow from the names of the tensors.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

/// How the numbers of `model.safetensors` are written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Width {
    F32,
    F16,
    Bf16,
}

/// A model in a folder that goes away with it.
pub(crate) struct Tiny {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) config: Value,
    pub(crate) prefix: &'static str,
    pub(crate) width: Width,
}

impl Tiny {
    pub(crate) fn bert() -> Self {
        let config = json!({
            "model_type": "bert", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 64, "vocab_size": 48, "max_position_embeddings": 24, "type_vocab_size": 2,
            "layer_norm_eps": 1e-12, "hidden_act": "gelu", "pad_token_id": 0
        });
        Self::new(config, include_str!("tiny/wordpiece.json"))
    }

    pub(crate) fn xlm_roberta() -> Self {
        let config = json!({
            "model_type": "xlm-roberta", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 64, "vocab_size": 48, "max_position_embeddings": 26, "type_vocab_size": 1,
            "layer_norm_eps": 1e-5, "hidden_act": "gelu", "pad_token_id": 1
        });
        Self::new(config, include_str!("tiny/unigram.json"))
    }

    pub(crate) fn new(config: Value, tokenizer: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("tokenizer.json"), tokenizer).unwrap();
        Self { folder, config, prefix: "", width: Width::F32 }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes another file of the model.
    pub(crate) fn with(self, name: &str, content: &Value) -> Self {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content.to_string()).unwrap();
        self
    }

    /// Changes a setting of `config.json`.
    pub(crate) fn set(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// Writes `config.json` and weights that fit it.
    pub(crate) fn write(self) -> Self {
        let size = |key: &str| self.config[key].as_u64().unwrap() as usize;
        let (hidden, wide) = (size("hidden_size"), size("intermediate_size"));
        let mut tensors = vec![
            ("embeddings.word_embeddings.weight".to_owned(), vec![size("vocab_size"), hidden]),
            ("embeddings.position_embeddings.weight".to_owned(), vec![size("max_position_embeddings"), hidden]),
            ("embeddings.token_type_embeddings.weight".to_owned(), vec![size("type_vocab_size"), hidden]),
        ];
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        for layer in (0..size("num_hidden_layers")).map(|idx| format!("encoder.layer.{idx}")) {
            let linears = [
                ("attention.self.query", hidden, hidden),
                ("attention.self.key", hidden, hidden),
                ("attention.self.value", hidden, hidden),
                ("attention.output.dense", hidden, hidden),
                ("intermediate.dense", wide, hidden),
                ("output.dense", hidden, wide),
            ];
            for (name, n_out, n_in) in linears {
                tensors.push((format!("{layer}.{name}.weight"), vec![n_out, n_in]));
                tensors.push((format!("{layer}.{name}.bias"), vec![n_out]));
            }
            norms.extend(["attention.output.LayerNorm", "output.LayerNorm"].map(|name| format!("{layer}.{name}")));
        }
        for norm in norms {
            tensors.extend(["weight", "bias"].map(|part| (format!("{norm}.{part}"), vec![hidden])));
        }
        self.write_tensors(&tensors);
        self
    }

    fn write_tensors(&self, tensors: &[(String, Vec<usize>)]) {
        let (dtype, mut head, mut body) = match self.width {
            Width::F32 => ("F32", json!({}), Vec::new()),
            Width::F16 => ("F16", json!({}), Vec::new()),
            Width::Bf16 => ("BF16", json!({}), Vec::new()),
        };
        head["__metadata__"] = json!({ "format": "pt" });
        for (name, shape) in tensors {
            let start = body.len();
            for value in numbers(name, shape.iter().product()) {
                match self.width {
                    Width::F32 => body.extend(value.to_le_bytes()),
                    Width::F16 => body.extend(half(value).to_le_bytes()),
                    Width::Bf16 => body.extend(((value.to_bits() >> 16) as u16).to_le_bytes()),
                }
            }
            let place = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, body.len()] });
            head[format!("{}{name}", self.prefix)] = place;
        }
        let head = head.to_string();
        let file = [&(head.len() as u64).to_le_bytes(), head.as_bytes(), &body].concat();
        fs::write(self.path().join("config.json"), self.config.to_string()).unwrap();
        fs::write(self.path().join("model.safetensors"), file).unwrap();
    }
}

/// The rule of `tiny/reference.py`.
fn numbers(name: &str, n: usize) -> impl Iterator<Item = f32> {
    let shift = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
    let mut state = crc32fast::hash(name.as_bytes());
    (0..n).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5 + shift
    })
}

/// A number between 2^-14 and 2 in 16 bits, cut off; 0 below that.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let exponent = (bits >> 23 & 255) as i32 - 127 + 15;
    let sign = (bits >> 16 & 0x8000) as u16;
    if exponent <= 0 { sign } else { sign | (exponent as u16) << 10 | (bits >> 13 & 1023) as u16 }
}
