//! The file of weights. All numbers little-endian:
//!
//! | what | type |
//! |---|---|
//! | `SEPTDIFF` | 8 bytes |
//! | version of the format, number of figures, bits of a table, number of trees, of a word problem's figures, of its trees | 6 x u32 |
//! | means, scales (1 / spread), slopes without options, slopes with options | 4 x figures x f32 |
//! | bias without options, bias with options, scale of the table, slope and offset of the calibration | 5 x f32 |
//! | quantiles 0 %, 1 %, .. 100 % of the scores of prompts that were not trained on | 101 x f32 |
//! | table of words and word pairs | 2^bits x i8 |
//! | of word problems: means, scales, slopes | 3 x a word problem's figures x f32 |
//! | of word problems: bias, scale of the table, slope and offset of the calibration | 4 x f32 |
//! | of word problems: table of words and word pairs | 2^bits x i8 |
//! | trees, then the trees of word problems: number of nodes, then nodes (figure u16, left u16, right u16, unused u16, threshold or value f32) | u32, 12 bytes each |
//! | checksum: FNV-1a over all bytes before | u64 |
//!
//! A node whose left is 0 is a leaf. A figure at or below the threshold goes left. The trees of word problems know the
//! figures and, numbered on from there, those of a word problem.

use crate::features::FIGURES;
use crate::word_problems::PROBLEM_FIGURES;

const MAGIC: &[u8; 8] = b"SEPTDIFF";
const VERSION: u32 = 2;
pub(crate) const QUANTILES: usize = 101;

/// The bytes are no weights that this scorer can use.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not written by the training script.
    #[error("the weights do not begin with SEPTDIFF")]
    Magic,
    /// Written for another form of file or another set of features.
    #[error("the weights have version {version} and {figures} figures; this scorer reads version 2 with {FIGURES}")]
    Version {
        /// What the file says.
        version: u32,
        /// What the file says.
        figures: u32,
    },
    /// Cut short, or a number in it points nowhere.
    #[error("the weights are cut short or inconsistent at {0}")]
    Inconsistent(&'static str),
    /// Altered after they were written.
    #[error("the checksum of the weights is wrong")]
    Checksum,
}

/// One decision tree.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    figure: u16,
    left: u16,
    right: u16,
    /// The threshold, of a leaf the value.
    number: f32,
}

impl Tree {
    pub(crate) fn value(&self, figures: &[f32]) -> f32 {
        let mut node = self.nodes[0];
        while node.left != 0 {
            let next = if figures[usize::from(node.figure)] <= node.number { node.left } else { node.right };
            node = self.nodes[usize::from(next)];
        }
        node.number
    }
}

#[derive(Debug)]
pub(crate) struct Weights {
    pub(crate) means: Vec<f32>,
    pub(crate) scales: Vec<f32>,
    pub(crate) free: Vec<f32>,
    pub(crate) options: Vec<f32>,
    pub(crate) bias_free: f32,
    pub(crate) bias_options: f32,
    pub(crate) table_scale: f32,
    pub(crate) slope: f32,
    pub(crate) offset: f32,
    pub(crate) quantiles: Vec<f32>,
    /// How far a hash is shifted to the right to be a place in the table.
    pub(crate) shift: u32,
    pub(crate) table: Vec<i8>,
    pub(crate) trees: Vec<Tree>,
    pub(crate) word_problems: ProblemWeights,
}

/// What is added for a math word problem.
#[derive(Debug)]
pub(crate) struct ProblemWeights {
    pub(crate) slope: f32,
    pub(crate) offset: f32,
    pub(crate) means: Vec<f32>,
    pub(crate) scales: Vec<f32>,
    pub(crate) slopes: Vec<f32>,
    pub(crate) bias: f32,
    pub(crate) table_scale: f32,
    pub(crate) table: Vec<i8>,
    pub(crate) trees: Vec<Tree>,
}

impl Weights {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let (body, checksum) = bytes.split_last_chunk::<8>().ok_or(Malformed::Magic)?;
        let mut rest = Bytes(body);
        if rest.take(MAGIC.len()) != Some(MAGIC) {
            return Err(Malformed::Magic);
        }
        if fnv(body) != u64::from_le_bytes(*checksum) {
            return Err(Malformed::Checksum);
        }
        let [version, figures, bits, n_trees, n_problem_figures, n_problem_trees] =
            rest.u32s().ok_or(Malformed::Inconsistent("its head"))?;
        if version != VERSION || figures as usize != FIGURES || n_problem_figures as usize != PROBLEM_FIGURES {
            return Err(Malformed::Version { version, figures });
        }
        if !(1..=24).contains(&bits) {
            return Err(Malformed::Inconsistent("the size of its table"));
        }
        let linear = Malformed::Inconsistent("its linear part");
        let Some([means, scales, free, options]) = rest.floats_4(FIGURES) else { return Err(linear) };
        let Some(numbers) = rest.floats(5) else { return Err(linear) };
        let quantiles = rest.floats(QUANTILES).ok_or(Malformed::Inconsistent("its quantiles"))?;
        let table = rest.take(1 << bits).ok_or(Malformed::Inconsistent("its table"))?;
        let inconsistent = || Malformed::Inconsistent("its part for word problems");
        let mut problem_floats = |n| rest.floats(n).ok_or_else(inconsistent);
        let (problem_means, problem_scales, problem_slopes) =
            (problem_floats(PROBLEM_FIGURES)?, problem_floats(PROBLEM_FIGURES)?, problem_floats(PROBLEM_FIGURES)?);
        let problem_numbers = problem_floats(4)?;
        let problem_table = rest.take(1 << bits).ok_or_else(inconsistent)?;
        let mut read_trees = |n: u32, n_figures: usize| {
            (0..n)
                .map(|_| tree(&mut rest, n_figures).ok_or(Malformed::Inconsistent("a tree")))
                .collect::<Result<Vec<_>, _>>()
        };
        let trees = read_trees(n_trees, FIGURES)?;
        let problem_trees = read_trees(n_problem_trees, FIGURES + PROBLEM_FIGURES)?;
        if !rest.0.is_empty() {
            return Err(Malformed::Inconsistent("its end"));
        }
        Ok(Self {
            means,
            scales,
            free,
            options,
            bias_free: numbers[0],
            bias_options: numbers[1],
            table_scale: numbers[2],
            slope: numbers[3],
            offset: numbers[4],
            quantiles,
            shift: 32 - bits,
            table: signed(table),
            trees,
            word_problems: ProblemWeights {
                slope: problem_numbers[2],
                offset: problem_numbers[3],
                means: problem_means,
                scales: problem_scales,
                slopes: problem_slopes,
                bias: problem_numbers[0],
                table_scale: problem_numbers[1],
                table: signed(problem_table),
                trees: problem_trees,
            },
        })
    }
}

fn signed(table: &[u8]) -> Vec<i8> {
    table.iter().map(|byte| i8::from_le_bytes([*byte])).collect()
}

/// A tree whose every step leads further down, so that walking it ends.
fn tree(rest: &mut Bytes<'_>, n_figures: usize) -> Option<Tree> {
    let [n_nodes] = rest.u32s()?;
    let mut nodes = Vec::new();
    for idx in 0..n_nodes {
        let [figure, left, right, _] = rest.u16s()?;
        let number = rest.floats(1)?[0];
        let goes_down = |to: u16| u32::from(to) > idx && u32::from(to) < n_nodes;
        let is_leaf = left == 0;
        if usize::from(figure) >= n_figures || !(is_leaf || (goes_down(left) && goes_down(right))) {
            return None;
        }
        nodes.push(Node { figure, left, right, number });
    }
    (!nodes.is_empty()).then_some(Tree { nodes })
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u32s<const N: usize>(&mut self) -> Option<[u32; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = u32::from_le_bytes(self.chunk()?);
        }
        Some(numbers)
    }

    fn u16s<const N: usize>(&mut self) -> Option<[u16; N]> {
        let mut numbers = [0; N];
        for number in &mut numbers {
            *number = u16::from_le_bytes(self.chunk()?);
        }
        Some(numbers)
    }

    /// `None` also for a number that is not finite.
    fn floats(&mut self, n: usize) -> Option<Vec<f32>> {
        (0..n).map(|_| self.chunk().map(f32::from_le_bytes).filter(|number| number.is_finite())).collect()
    }

    fn floats_4(&mut self, n: usize) -> Option<[Vec<f32>; 4]> {
        Some([self.floats(n)?, self.floats(n)?, self.floats(n)?, self.floats(n)?])
    }
}
