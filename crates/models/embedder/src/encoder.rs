//! The encoder of BERT and its like: embeddings, then layers of attention and feed-forward.
//!
//! Texts go through it one behind the other in one matrix, a row for each token, and only attention looks at them one
//! by one. So there is no padding, nothing to mask, and nothing computed in vain.

use std::path::Path;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis, concatenate, s};

use crate::Error;
use crate::config::{Config, Positions};
use crate::math::{Activation, add_and_norm, softmax};
use crate::weights::Weights;

// Every matrix that is written to is made here, row by row.
const IN_ONE_PIECE: &str = "a row of a fresh matrix lies in one piece";

pub(crate) struct Encoder {
    words: Array2<f32>,
    places: Array2<f32>,
    // The embedding of segment type 0, which all tokens of a single text have.
    kind: Array1<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    n_heads: usize,
    positions: Positions,
    activation: Activation,
}

struct Layer {
    // Query, key and value side by side, so that one multiplication gives all three.
    attention: Linear,
    attended: Linear,
    attended_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
}

struct Linear {
    // A row for each input, the other way round than in the file: so the multiplication reads it straight through.
    weight: Array2<f32>,
    bias: Array1<f32>,
}

struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    epsilon: f32,
}

impl Encoder {
    pub(crate) fn read(folder: &Path, config: &Config) -> Result<Self, Error> {
        let weights = Weights::open(folder.join("model.safetensors"))?;
        let hidden = config.hidden;
        let kinds = weights.matrix("embeddings.token_type_embeddings.weight", config.n_types, hidden)?;
        let kind = kinds.outer_iter().next().map_or_else(|| Array1::zeros(hidden), |row| row.to_owned());
        let mut layers = Vec::new();
        for layer_idx in 0..config.n_layers {
            layers.push(Layer::read(&weights, &format!("encoder.layer.{layer_idx}"), config)?);
        }
        Ok(Self {
            words: weights.matrix("embeddings.word_embeddings.weight", config.n_words, hidden)?,
            places: weights.matrix("embeddings.position_embeddings.weight", config.n_positions, hidden)?,
            kind,
            norm: Norm::read(&weights, "embeddings", config)?,
            layers,
            n_heads: config.n_heads,
            positions: config.positions,
            activation: config.activation,
        })
    }

    /// The last states of all tokens, text behind text. Every token is below the number of words, and every text
    /// shorter than the number of places.
    pub(crate) fn forward(&self, texts: &[&[u32]]) -> Array2<f32> {
        let mut states = self.embeddings(texts);
        let (n_tokens, hidden) = states.dim();
        let n_wide = self.layers.first().map_or(0, |layer| layer.wide.bias.len());
        let mut three = Array2::zeros((n_tokens, 3 * hidden));
        let mut mixed = Array2::zeros((n_tokens, hidden));
        let mut added = Array2::zeros((n_tokens, hidden));
        let mut wide = Array2::zeros((n_tokens, n_wide));
        for layer in &self.layers {
            layer.attention.apply(states.view(), &mut three);
            let mut start = 0;
            for text in texts {
                let rows = start..start + text.len();
                start = rows.end;
                attend(three.slice(s![rows.clone(), ..]), self.n_heads, mixed.slice_mut(s![rows, ..]));
            }
            layer.attended.apply(mixed.view(), &mut added);
            layer.attended_norm.add(&mut states, &added);
            layer.wide.apply(states.view(), &mut wide);
            for mut row in wide.outer_iter_mut() {
                self.activation.apply(row.as_slice_mut().expect(IN_ONE_PIECE));
            }
            layer.narrow.apply(wide.view(), &mut added);
            layer.norm.add(&mut states, &added);
        }
        states
    }

    fn embeddings(&self, texts: &[&[u32]]) -> Array2<f32> {
        let n_tokens = texts.iter().map(|text| text.len()).sum();
        let mut sums = Array2::zeros((n_tokens, self.kind.len()));
        let mut words = Array2::zeros((n_tokens, self.kind.len()));
        let tokens = texts.iter().flat_map(|text| text.iter().copied().zip(self.places(text)));
        for (row_idx, (word, place)) in tokens.enumerate() {
            words.row_mut(row_idx).assign(&self.words.row(word as usize));
            let mut sum = sums.row_mut(row_idx);
            sum.assign(&self.places.row(place));
            sum += &self.kind;
        }
        self.norm.add(&mut sums, &words);
        sums
    }

    fn places(&self, text: &[u32]) -> Vec<usize> {
        match self.positions {
            Positions::FromZero => (0..text.len()).collect(),
            Positions::AfterPadding(padding) => {
                let mut place = padding as usize;
                let mut next = |token: &u32| {
                    if *token == padding {
                        return padding as usize;
                    }
                    place += 1;
                    place
                };
                text.iter().map(&mut next).collect()
            }
        }
    }
}

/// Self-attention over the tokens of one text. `three` has queries, keys and values side by side.
fn attend(three: ArrayView2<'_, f32>, n_heads: usize, mut mixed: ArrayViewMut2<'_, f32>) {
    let (n_tokens, hidden) = mixed.dim();
    let width = hidden / n_heads;
    let scale = 1.0 / (width as f32).sqrt();
    let mut scores = Array2::zeros((n_tokens, n_tokens));
    for head in 0..n_heads {
        let columns = |part: usize| part * hidden + head * width..part * hidden + (head + 1) * width;
        let queries = three.slice(s![.., columns(0)]);
        let keys = three.slice(s![.., columns(1)]);
        let values = three.slice(s![.., columns(2)]);
        general_mat_mul(scale, &queries, &keys.t(), 0.0, &mut scores);
        for mut row in scores.outer_iter_mut() {
            softmax(row.as_slice_mut().expect(IN_ONE_PIECE));
        }
        general_mat_mul(1.0, &scores, &values, 0.0, &mut mixed.slice_mut(s![.., columns(0)]));
    }
}

impl Layer {
    fn read(weights: &Weights, at: &str, config: &Config) -> Result<Self, Error> {
        let (hidden, wide) = (config.hidden, config.intermediate);
        let part = |name: &str| Linear::read(weights, &format!("{at}.attention.self.{name}"), hidden, hidden);
        let parts = [part("query")?, part("key")?, part("value")?];
        let joined = "three parts of one shape";
        let columns = parts.each_ref().map(|part| part.weight.view());
        let biases = parts.each_ref().map(|part| part.bias.view());
        let attention = Linear {
            weight: concatenate(Axis(1), &columns).expect(joined).as_standard_layout().into_owned(),
            bias: concatenate(Axis(0), &biases).expect(joined),
        };
        Ok(Self {
            attention,
            attended: Linear::read(weights, &format!("{at}.attention.output.dense"), hidden, hidden)?,
            attended_norm: Norm::read(weights, &format!("{at}.attention.output"), config)?,
            wide: Linear::read(weights, &format!("{at}.intermediate.dense"), wide, hidden)?,
            narrow: Linear::read(weights, &format!("{at}.output.dense"), hidden, wide)?,
            norm: Norm::read(weights, &format!("{at}.output"), config)?,
        })
    }
}

impl Linear {
    fn read(weights: &Weights, at: &str, n_out: usize, n_in: usize) -> Result<Self, Error> {
        let weight = weights.matrix(&format!("{at}.weight"), n_out, n_in)?.t().as_standard_layout().into_owned();
        Ok(Self { weight, bias: weights.vector(&format!("{at}.bias"), n_out)? })
    }

    fn apply(&self, input: ArrayView2<'_, f32>, output: &mut Array2<f32>) {
        output.assign(&self.bias);
        general_mat_mul(1.0, &input, &self.weight, 1.0, output);
    }
}

impl Norm {
    fn read(weights: &Weights, at: &str, config: &Config) -> Result<Self, Error> {
        let (length, epsilon) = (config.hidden, config.epsilon);
        let part = |name: &str, older: &str| {
            weights.either_vector(&format!("{at}.LayerNorm.{name}"), &format!("{at}.LayerNorm.{older}"), length)
        };
        Ok(Self { scale: part("weight", "gamma")?.to_vec(), shift: part("bias", "beta")?.to_vec(), epsilon })
    }

    fn add(&self, states: &mut Array2<f32>, values: &Array2<f32>) {
        for (mut row, values) in states.outer_iter_mut().zip(values.outer_iter()) {
            let (row, values) = (row.as_slice_mut().expect(IN_ONE_PIECE), values.to_slice().expect(IN_ONE_PIECE));
            add_and_norm(row, values, &self.scale, &self.shift, self.epsilon);
        }
    }
}
