//! The score of one prompt.

use std::sync::LazyLock;

use crate::features::{self, FIGURES, HAS_OPTIONS};
use crate::weights::{Malformed, Tree, Weights};
use crate::word_problems::{self, PROBLEM_FIGURES};
use crate::{Calibration, Probability};

static SHIPPED: LazyLock<Scorer> = LazyLock::new(|| {
    Scorer::from_bytes(include_bytes!("../data/weights.bin"))
        .expect("the weights in the repository are checked by a test")
});

/// Scores prompts.
#[derive(Debug)]
pub struct Scorer {
    weights: Weights,
}

impl Scorer {
    /// The scorer with the weights of this crate; read at the first call, then free.
    #[must_use]
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// A scorer with weights that `bench/routing/train.py` wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are another format or version, cut short or altered.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { weights: Weights::parse(bytes)? })
    }

    /// How likely `prompt` needs the strong model. An empty prompt has a score too, a low one.
    ///
    /// Of a prompt above 8 KiB the first 6 KiB and the last 2 KiB are read.
    #[must_use]
    pub fn score(&self, prompt: &str) -> Probability {
        let weights = &self.weights;
        let (mut sum, mut problem_sum, mut n_grams) = (0_i32, 0_i32, 0_u32);
        let figures = features::read(prompt, |hash| {
            let place = (hash >> weights.shift) as usize;
            sum += i32::from(weights.table[place]);
            problem_sum += i32::from(weights.word_problems.table[place]);
            n_grams += 1;
        });
        let root = (n_grams.max(1) as f32).sqrt();
        let words = weights.table_scale * sum as f32 / root;
        let logit = words + self.form(&figures) + trees(&weights.trees, &figures);
        let added = if figures[HAS_OPTIONS] == 0.0 {
            self.added_for_word_problem(prompt, &figures, problem_sum as f32 / root)
        } else {
            None
        };
        Probability::logistic(match added {
            Some(added) => weights.word_problems.slope * (logit + added) + weights.word_problems.offset,
            None => weights.slope * logit + weights.offset,
        })
    }

    /// What is added if the prompt is a math word problem.
    fn added_for_word_problem(&self, prompt: &str, figures: &[f32; FIGURES], words: f32) -> Option<f32> {
        let word_problems = word_problems::read(prompt)?;
        let weights = &self.weights.word_problems;
        let mut both = [0.0; FIGURES + PROBLEM_FIGURES];
        both[..FIGURES].copy_from_slice(figures);
        both[FIGURES..].copy_from_slice(&word_problems);
        let form = linear(&word_problems, &weights.means, &weights.scales, &weights.slopes);
        Some(weights.bias + weights.table_scale * words + form + trees(&weights.trees, &both))
    }

    /// How the shipped scores are spread, for thresholds.
    pub(crate) fn calibration(&self) -> Calibration {
        Calibration::identity(&self.weights.quantiles)
    }

    /// The linear part. Exam questions with lettered options follow other rules than free text, so there are two sets.
    fn form(&self, figures: &[f32; FIGURES]) -> f32 {
        let weights = &self.weights;
        let is_free = figures[HAS_OPTIONS] == 0.0;
        let (bias, slopes) =
            if is_free { (weights.bias_free, &weights.free) } else { (weights.bias_options, &weights.options) };
        bias + linear(figures, &weights.means, &weights.scales, slopes)
    }
}

fn linear(figures: &[f32], means: &[f32], scales: &[f32], slopes: &[f32]) -> f32 {
    let parts = figures.iter().zip(means).zip(scales).zip(slopes);
    parts.map(|(((figure, mean), scale), slope)| ((figure - mean) * scale).clamp(-4.0, 4.0) * slope).sum()
}

fn trees(trees: &[Tree], figures: &[f32]) -> f32 {
    trees.iter().map(|tree| tree.value(figures)).sum()
}
