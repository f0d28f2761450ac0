//! Prints what the scorer sees of prompts, for the training script: there is one extractor, and it is this one.
//!
//! Standard input: prompts, each ended by a NUL byte. Standard output, little-endian: the number of figures as u32, the number
//! of a word problem's figures as u32, then for every prompt the figures as f32, whether it is a math word problem as u32, its figures
//! as one as f32 (0 if it is none), the number of hashes as u32, and the hashes as u32.

use std::io::{BufWriter, Read, Write};

use septet_difficulty::features::{FIGURES, read};
use septet_difficulty::word_problems::{self, PROBLEM_FIGURES};

fn main() -> anyhow::Result<()> {
    let mut prompts = String::new();
    std::io::stdin().read_to_string(&mut prompts)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    out.write_all(&(FIGURES as u32).to_le_bytes())?;
    out.write_all(&(PROBLEM_FIGURES as u32).to_le_bytes())?;
    let mut hashes = Vec::new();
    for prompt in prompts.split_terminator('\0') {
        hashes.clear();
        let figures = read(prompt, |hash| hashes.push(hash));
        for figure in figures {
            out.write_all(&figure.to_le_bytes())?;
        }
        let problem = word_problems::read(prompt);
        out.write_all(&u32::from(problem.is_some()).to_le_bytes())?;
        for figure in problem.unwrap_or([0.0; PROBLEM_FIGURES]) {
            out.write_all(&figure.to_le_bytes())?;
        }
        out.write_all(&(hashes.len() as u32).to_le_bytes())?;
        for hash in &hashes {
            out.write_all(&hash.to_le_bytes())?;
        }
    }
    out.flush()?;
    Ok(())
}
