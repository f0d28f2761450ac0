//! Scores prompts, and says how long it took: `score [WEIGHTS]`, the shipped weights if none are given.
//!
//! Standard input: prompts, each ended by a NUL byte. Standard output: one score a line. Standard error: microseconds
//! per prompt, the median of five rounds after one that warms up.

use std::io::{BufWriter, Read, Write};
use std::time::Instant;

use anyhow::Context;
use septet_difficulty::Scorer;

#[expect(clippy::print_stderr, reason = "a command for people")]
fn main() -> anyhow::Result<()> {
    let own;
    let scorer = match std::env::args().nth(1) {
        Some(path) => {
            own = Scorer::from_bytes(&std::fs::read(&path).with_context(|| format!("cannot read {path}"))?)?;
            &own
        }
        None => Scorer::shipped(),
    };
    let mut prompts = String::new();
    std::io::stdin().read_to_string(&mut prompts)?;
    let prompts: Vec<&str> = prompts.split_terminator('\0').collect();
    let mut out = BufWriter::new(std::io::stdout().lock());
    for prompt in &prompts {
        writeln!(out, "{}", scorer.score(prompt).value())?;
    }
    out.flush()?;
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            for prompt in &prompts {
                std::hint::black_box(scorer.score(std::hint::black_box(prompt)));
            }
            start.elapsed().as_secs_f64() * 1e6 / prompts.len().max(1) as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    eprintln!("{:.3}", rounds[2]);
    Ok(())
}
