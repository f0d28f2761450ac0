//! What the demo prints: progress, events as they come, the answer with its sources.

use std::collections::BTreeMap;
use std::time::Instant;

use console::style;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::cli::terminal;

/// The progress of an ingestion: a bar on a terminal, a line per stage otherwise.
pub(crate) struct Progress {
    bar: ProgressBar,
    started: Instant,
}

impl Default for Progress {
    fn default() -> Self {
        let bar = ProgressBar::new(0);
        // A template that does not parse would be a bug of this file; the default style shows progress as well.
        if let Ok(style) = ProgressStyle::with_template("  {msg:10} [{bar:32}] {pos}/{len} pages") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, started: Instant::now() }
    }
}

impl Progress {
    pub(crate) fn ingestion(&self, state: &Value) {
        self.bar.set_length(state["pages_total"].as_u64().unwrap_or(0));
        self.bar.set_position(state["pages_done"].as_u64().unwrap_or(0));
        self.bar.set_message(state["stage"].as_str().unwrap_or_default().to_owned());
    }

    pub(crate) fn done(&self, state: &Value) {
        self.bar.finish_and_clear();
        terminal::line(&format!(
            "  searchable after {:.1} s: {} pages, {} passages",
            self.started.elapsed().as_secs_f64(),
            state["pages_total"],
            state["n_chunks"]
        ));
    }
}

/// Prints the events of a run, one a line; the words of a message run on.
#[derive(Default)]
pub(crate) struct Events {
    is_in_text: bool,
}

impl Events {
    pub(crate) fn event(&mut self, name: &str, data: &Value) {
        if name == "response.output_text.delta" {
            self.is_in_text = true;
            terminal::piece(data["delta"].as_str().unwrap_or_default());
            return;
        }
        if std::mem::take(&mut self.is_in_text) {
            terminal::line("");
        }
        let number = format!("{:>4}", data["sequence_number"].as_u64().unwrap_or(0));
        let detail = detail(name, data);
        terminal::line(&format!("{} {name}{}", style(number).dim(), style(detail).dim()));
    }
}

fn detail(name: &str, data: &Value) -> String {
    let item = &data["item"];
    match (name, item["type"].as_str()) {
        ("response.output_item.added", Some("file_search_call")) => format!("  {}", joined(&item["queries"])),
        ("response.output_item.done", Some("file_search_call")) => {
            format!("  {} passages", item["results"].as_array().map_or(0, Vec::len))
        }
        ("response.output_item.done", Some("code_interpreter_call")) => {
            let logs = item["outputs"].as_array().into_iter().flatten().filter_map(|output| output["logs"].as_str());
            let logs: String = logs.map(|logs| format!("\n{}", indented(logs))).collect();
            format!("  {}{logs}", item["status"].as_str().unwrap_or_default())
        }
        ("response.code_interpreter_call_code.done", _) => {
            format!("\n{}", indented(data["code"].as_str().unwrap_or_default()))
        }
        ("response.output_text.annotation.added", _) => {
            let annotation = &data["annotation"];
            format!(
                "  {} {}",
                annotation["marker"].as_str().unwrap_or_default(),
                annotation["filename"].as_str().unwrap_or_default()
            )
        }
        _ => String::new(),
    }
}

fn joined(list: &Value) -> String {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(" · ")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("       | {line}")).collect::<Vec<_>>().join("\n")
}

/// Prints the answer and what it cites, each source once.
pub(crate) fn answer(response: &Value) {
    terminal::heading("Answer");
    for part in parts(response) {
        terminal::line(part["text"].as_str().unwrap_or_default());
    }
    let mut sources = BTreeMap::new();
    for annotation in annotations(response).filter(|annotation| annotation["type"] == "file_citation") {
        let place = format!(
            "{}, page {}{}",
            annotation["filename"].as_str().unwrap_or_default(),
            annotation["page"],
            match annotation["heading"].as_str() {
                Some(heading) if !heading.is_empty() => format!(", {heading}"),
                _ => String::new(),
            }
        );
        sources.insert(annotation["number"].as_u64().unwrap_or(0), place);
    }
    if !sources.is_empty() {
        terminal::heading("Sources");
        for (number, place) in sources {
            terminal::line(&format!("  [{number}] {place}"));
        }
    }
    let usage = &response["usage"];
    terminal::line(&format!(
        "\n  {} tokens in, {} out, {} steps, {:.1} s, model {}",
        usage["input_tokens"],
        usage["output_tokens"],
        response["septet"]["steps"],
        response["septet"]["duration_ms"].as_f64().unwrap_or(0.0) / 1000.0,
        response["septet"]["model"].as_str().unwrap_or("unknown"),
    ));
}

/// The files that the answer names.
pub(crate) fn files(response: &Value) -> Vec<Value> {
    annotations(response).filter(|annotation| annotation["type"] == "container_file_citation").cloned().collect()
}

fn parts(response: &Value) -> impl Iterator<Item = &Value> {
    let items = response["output"].as_array().into_iter().flatten();
    items.filter(|item| item["type"] == "message").filter_map(|item| item["content"].as_array()).flatten()
}

fn annotations(response: &Value) -> impl Iterator<Item = &Value> {
    parts(response).filter_map(|part| part["annotations"].as_array()).flatten()
}
