//! Turns texts into vectors on this machine's processor, with a model that the operator put into a folder.
//!
//! It reads models of the BERT family as they are published: `config.json`, `tokenizer.json` and `model.safetensors`,
//! and the notes of sentence-transformers (`modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json`) where
//! they are there. It downloads nothing, and a model that it would compute wrongly is refused when it is loaded, with
//! the file and the setting that stand in the way.
//!
//! It adds no prefix: what a model wants to read before a query or a passage is the caller's to write.

mod config;
mod encoder;
mod error;
mod math;
mod tokens;
mod weights;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ndarray::{ArrayView1, ArrayView2, Axis};

pub use error::Error;

use config::{Config, Pooling};
use encoder::Encoder;
use tokens::Tokens;

/// So many tokens go through the layers together: enough to keep the multiplications busy, little enough for the caches.
const BATCH_TOKENS: usize = 512;

/// A model, loaded. It takes about as much memory as its weights in `f32`; many threads may use it at once.
pub struct Model {
    name: String,
    config: Config,
    encoder: Encoder,
    tokens: Tokens,
}

impl Model {
    /// Loads the model in a folder. Takes seconds for a large one, and blocks.
    ///
    /// # Errors
    /// [`Error::Read`] when a file is missing, [`Error::File`] when one cannot be used; both name it.
    pub fn load(folder: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = folder.as_ref();
        let whole = folder.canonicalize().map_err(|source| Error::Read { file: folder.to_owned(), source })?;
        let name = whole.file_name().map_or_else(|| "local".to_owned(), |name| name.to_string_lossy().into_owned());
        let config = Config::read(folder)?;
        let tokens = Tokens::read(folder, &config)?;
        let encoder = Encoder::read(folder, &config)?;
        Ok(Self { name, config, encoder, tokens })
    }

    /// The name of the folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many numbers a vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.config.hidden
    }

    /// How many tokens of a text are read, those that mark its ends included; the rest is cut off.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.config.max_tokens
    }

    /// How many tokens a text has, those that mark its ends included, before anything is cut off.
    ///
    /// # Errors
    /// [`Error::Tokens`].
    pub fn n_tokens(&self, text: &str) -> Result<usize, Error> {
        self.tokens.count(text)
    }

    /// Whether vectors of so many numbers can be had. These models were not trained to be shortened, so only their own
    /// size is right.
    ///
    /// # Errors
    /// [`Error::Dimensions`].
    pub fn check_dimensions(&self, asked: usize) -> Result<(), Error> {
        let has = self.dimensions();
        if asked == has { Ok(()) } else { Err(Error::Dimensions { asked, has }) }
    }

    /// One vector of length 1 for each text, in the order of the texts. Uses at most `n_threads` threads, the calling
    /// one among them, and blocks until all is done: milliseconds for a sentence.
    ///
    /// # Errors
    /// [`Error::Tokens`], [`Error::Unembeddable`].
    pub fn embed(&self, texts: &[String], n_threads: usize) -> Result<Vec<Vec<f32>>, Error> {
        let read = texts.iter().enumerate().map(|(idx, text)| self.tokens.read_text(idx, text));
        let tokens = read.collect::<Result<Vec<_>, _>>()?;
        // Texts of like length go together, so that no thread is left with all the long ones at the end.
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|idx| std::cmp::Reverse(tokens[*idx].len()));
        let n_tokens = tokens.iter().map(Vec::len).sum::<usize>();
        let batches = batches(&order, &tokens, n_tokens.div_ceil(n_threads.max(1)).min(BATCH_TOKENS));

        let vectors = Mutex::new(vec![Vec::new(); texts.len()]);
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let done = self.embed_batch(batch, &tokens);
                let mut vectors = vectors.lock().unwrap_or_else(PoisonError::into_inner);
                for (idx, vector) in batch.iter().zip(done) {
                    vectors[*idx] = vector;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..n_threads.min(batches.len()) {
                scope.spawn(work);
            }
            work();
        });
        let vectors = vectors.into_inner().unwrap_or_else(PoisonError::into_inner);
        match vectors.iter().position(Vec::is_empty) {
            Some(idx) => Err(Error::Unembeddable { idx }),
            None => Ok(vectors),
        }
    }

    /// The vectors of the texts of a batch; an empty one where no vector comes out.
    fn embed_batch(&self, batch: &[usize], tokens: &[Vec<u32>]) -> Vec<Vec<f32>> {
        let texts: Vec<&[u32]> = batch.iter().map(|idx| tokens[*idx].as_slice()).collect();
        let states = self.encoder.forward(&texts);
        let mut start = 0;
        let mut vectors = Vec::with_capacity(texts.len());
        for text in texts {
            let rows = states.slice(ndarray::s![start..start + text.len(), ..]);
            start += text.len();
            vectors.push(normalised(self.pooled(rows)));
        }
        vectors
    }

    fn pooled(&self, rows: ArrayView2<'_, f32>) -> Vec<f32> {
        match self.config.pooling {
            Pooling::First => rows.outer_iter().next().map(|row| row.to_vec()),
            Pooling::Mean => rows.mean_axis(Axis(0)).map(|mean| mean.to_vec()),
        }
        .unwrap_or_default()
    }
}

/// Divides texts, longest first, into batches of at most about `most` tokens; a longer text is a batch of its own.
fn batches(order: &[usize], tokens: &[Vec<u32>], most: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut n_tokens = 0;
    for idx in order {
        n_tokens += tokens[*idx].len();
        match batches.last_mut() {
            Some(batch) if n_tokens <= most => batch.push(*idx),
            _ => {
                batches.push(vec![*idx]);
                n_tokens = tokens[*idx].len();
            }
        }
    }
    batches
}

/// The vector with length 1; empty when it has none, as of damaged weights.
fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let view = ArrayView1::from(vector.as_slice());
    let length = view.dot(&view).sqrt();
    if !length.is_normal() {
        return Vec::new();
    }
    for value in &mut vector {
        *value /= length;
    }
    vector
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}
