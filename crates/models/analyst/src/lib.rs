//! `offline-analyst`: the rule-based stand-in that is there when no language model is.
//!
//! It speaks the same tool protocol as a model: it searches, reads numbers out of the tables that come back, asks for
//! Python to compare and draw them, and answers with citations. It is a pure function of the messages: the same
//! conversation gives the same reply, and nothing is remembered elsewhere. It knows nothing but what the passages say,
//! and says so.
//!
//! ```text
//!  question ── queries ──► knowledge_search ──► passages ── table ── figures ──► study
//!                                ▲   (once more for what is missing)               │
//!                                └───────────────────────────────────────◄─────────┤
//!                               run_python ◄── code ◄───────────────────────────────┤
//!                                    └──────────────────────────────► answer ◄──────┘
//! ```

mod answer;
mod code;
mod display;
mod figures;
mod history;
mod keywords;
mod label;
mod metrics;
mod number;
mod passages;
mod period;
mod prose;
mod queries;
mod question;
mod quotes;
mod ratios;
mod segments;
mod study;
mod table;
mod talk;
mod unit;
mod words;

use septet_contracts::models::{ChatRequest, FunctionCall, ToolCall};
use serde_json::{Value, json};

use history::History;
use question::{Question, Wish};

/// The name of the model.
pub const MODEL: &str = "offline-analyst";

/// The most often that it speaks to one question; the last of these is always the answer.
const MAX_STEPS: usize = 6;

/// How many passages a search should give.
const N_PASSAGES: u64 = 16;

/// What the analyst says next.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The answer, as Markdown.
    Text(String),
    /// Tools to call first.
    Calls(Vec<ToolCall>),
}

/// Decides what to say next in a conversation. Never fails: what cannot be understood is answered in words.
#[must_use]
pub fn decide(request: &ChatRequest) -> Reply {
    let history = history::read(&request.messages);
    let question = question::understand(&history.asked);
    let language = question.language;
    let tools = Tools { request, history: &history };
    match &question.wish {
        Wish::Greeting => Reply::Text(talk::greeting(language)),
        Wish::Thanks => Reply::Text(talk::thanks(language)),
        Wish::Abilities => Reply::Text(talk::abilities(language)),
        Wish::Code { tool, code } => match &history.code {
            Some(outcome) => Reply::Text(talk::code_ran(language, outcome)),
            None => {
                tools.call(tool, &json!({ "code": code })).unwrap_or_else(|| Reply::Text(talk::no_sandbox(language)))
            }
        },
        Wish::Overview | Wish::Figures | Wish::Lookup => look_up(&question, &tools),
    }
}

fn look_up(question: &Question, tools: &Tools<'_>) -> Reply {
    let history = tools.history;
    if history.n_searches == 0 {
        let search = tools.search(queries::first(question));
        return search.unwrap_or_else(|| Reply::Text(talk::no_search(question.language)));
    }
    if history.passages.is_empty() {
        return Reply::Text(talk::no_passages(question, history));
    }
    let findings = study::study(question, &history.passages);
    if history.n_searches == 1 {
        let missing = study::worth_searching(question, &findings);
        let again =
            if missing.is_empty() { None } else { tools.search(queries::second(&missing, findings.is_chinese)) };
        if let Some(again) = again {
            return again;
        }
    }
    if history.code.is_none() && code::is_worth_running(&findings) {
        let program = code::write(question, &findings, &history.passages);
        if let Some(run) = tools.call("run_python", &json!({ "code": program })) {
            return run;
        }
    }
    let has_answer = !findings.figures.is_empty() || findings.segments.is_some() || !findings.quotes.is_empty();
    Reply::Text(if has_answer {
        answer::write(question, &findings, history)
    } else {
        talk::nothing_fits(question, history)
    })
}

/// The tools on offer, as far as the limits allow another call.
struct Tools<'a> {
    request: &'a ChatRequest,
    history: &'a History,
}

impl Tools<'_> {
    /// The schema of a tool's arguments, if it may be called now.
    fn tool(&self, name: &str) -> Option<Value> {
        let is_forbidden = self.request.tool_choice.as_ref().and_then(Value::as_str) == Some("none");
        if is_forbidden || self.history.n_steps + 1 >= MAX_STEPS {
            return None;
        }
        let function = self
            .request
            .tools
            .iter()
            .filter_map(|tool| tool.function.as_ref())
            .find(|function| function.name == name)?;
        Some(function.parameters.clone().unwrap_or_default())
    }

    fn search(&self, queries: Vec<String>) -> Option<Reply> {
        let schema = self.tool("knowledge_search")?;
        let mut arguments = json!({ "queries": queries });
        // Only a tool that takes a limit is given one, and never a larger one than it takes.
        if let Some(limit) = schema.pointer("/properties/limit") {
            let largest = limit.get("maximum").and_then(Value::as_u64).unwrap_or(N_PASSAGES);
            arguments["limit"] = json!(N_PASSAGES.min(largest));
        }
        self.call("knowledge_search", &arguments)
    }

    fn call(&self, name: &str, arguments: &Value) -> Option<Reply> {
        self.tool(name)?;
        // The number of messages makes the id differ from every other one in the conversation.
        let id = format!("call_offline_{}", self.request.messages.len());
        let function = FunctionCall { name: name.to_owned(), arguments: arguments.to_string() };
        Some(Reply::Calls(vec![ToolCall { id, kind: "function".to_owned(), function, ..ToolCall::default() }]))
    }
}
