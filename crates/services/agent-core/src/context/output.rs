//! What the model reads of the output of a tool.

use crate::run::output::{Part, Passage, ToolOutput};

/// The texts and the passages, in order.
pub(super) fn read(output: &ToolOutput) -> String {
    let mut text = String::new();
    for part in &output.parts {
        match part {
            Part::Text { text: said } => text.push_str(said),
            Part::Passages { passages } => passages.iter().for_each(|passage| text.push_str(&block(passage))),
            Part::Files { .. } | Part::Logs { .. } | Part::Error(_) => {}
        }
    }
    text
}

fn block(passage: &Passage) -> String {
    let Passage { number, filename, page, heading, text, .. } = passage;
    // Quotes in a name would end the attribute early and let a document pose as another.
    let (filename, heading) = (filename.replace('"', "'"), heading.replace('"', "'"));
    format!("[{number}] file=\"{filename}\" page={page} heading=\"{heading}\"\n{text}\n\n")
}
