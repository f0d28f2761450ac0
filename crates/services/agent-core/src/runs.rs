//! The verbs of Agent Core: start, show, follow, cancel, delete a run; and conversations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use septet_contracts::agents::{ConversationQuery, CreateConversation, ToolSummary};
use septet_contracts::responses::{
    CreateResponse, RequestTool, ResponseEvent, ResponseInput, ResponseItem, ResponseObject,
};
use septet_kernel::{BlobId, Caller, ConversationId, ItemId, Kind, ResponseId, VectorStoreId};
use serde_json::{Value, json};

use crate::context::input_text;
use crate::drive::journal::load_spilled;
use crate::drive::ports::Ports;
use crate::drive::scheduler::Scheduler;
use crate::error::Error;
use crate::run::event::{Event, RunCreated};
use crate::store::{ConversationRow, NewRun, RunRow};
use crate::wire::responses::project::Projector;

/// When nothing wakes a follower, for the run lives in another process, it looks by itself this often.
const LOOK_EVERY: Duration = Duration::from_millis(300);

const MAX_TITLE_CHARS: usize = 60;

/// The verbs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Runs {
    scheduler: Arc<Scheduler>,
    ports: Arc<Ports>,
}

impl Runs {
    pub(crate) fn new(scheduler: Arc<Scheduler>) -> Self {
        Self { ports: Arc::clone(&scheduler.ports), scheduler }
    }

    /// Starts a run; it goes on whatever happens to the caller.
    pub(crate) async fn start(&self, caller: &Caller, request: CreateResponse) -> Result<ResponseId, Error> {
        let ports = &self.ports;
        self.scheduler.may_wait(caller.tenant).await?;
        let past = self.past(caller, &request).await?;
        let before = match past.and_then(|(_, previous)| previous) {
            Some(previous) => self.created(previous).await?,
            None => None,
        };
        let model = model_of(&request, before.as_ref());
        let name = model.strip_prefix("agent:").ok_or_else(|| Error::NoAgentName(model.clone()))?;
        let input = input_items(request.input, ports)?;
        let asked = knowledge_bases(&request.tools)?;
        for base in asked.iter().flatten() {
            ports.management.knowledge_base(caller, *base).await?;
        }
        // What is gone since stays named: without any the search would be everywhere.
        let narrowed = asked.or_else(|| before.filter(|before| before.narrowed).map(|before| before.knowledge_bases));
        let agent = ports.management.resolve_agent(caller, name).await?;
        // The account is asked again before every step. Here only a run that could not take its first one is refused;
        // whatever else is wrong with the model, the run itself will say.
        if let Err(refused) = ports.models.affords(caller, &agent.model).await
            && refused.kind == Kind::PaymentRequired
        {
            return Err(refused.into());
        }
        let (conversation, previous) = match past {
            Some(past) => past,
            None => (self.add_conversation(caller, &CreateConversation::default()).await?.id, None),
        };
        let definition = serde_json::to_vec(&agent).map_err(|source| Error::Garbled { what: "agent", source })?;
        let definition = ports.blobs.put(definition).await?.id;
        let run: ResponseId = ports.ids.next();
        let title = input.last().map(|item| title_of(&input_text(item))).unwrap_or_default();
        let created = RunCreated {
            run,
            agent: agent.name,
            definition,
            conversation,
            previous,
            input,
            instructions: request.instructions,
            narrowed: narrowed.is_some(),
            knowledge_bases: narrowed.unwrap_or(agent.knowledge_bases),
            metadata: request.metadata.unwrap_or_default(),
        };
        let new = NewRun {
            id: run,
            conversation,
            previous,
            caller,
            first: Event::RunCreated(Box::new(created)),
            title: &title,
            at_ms: ports.clock.now_ms(),
        };
        ports.store.add_run(new).await?;
        let row = ports.store.run(caller.tenant, run).await?;
        self.scheduler.take_up(row).await?;
        Ok(run)
    }

    /// How a run began; nothing for one that was deleted.
    async fn created(&self, run: ResponseId) -> Result<Option<RunCreated>, Error> {
        Ok(match self.ports.store.first_event(run).await? {
            Some(Event::RunCreated(created)) => Some(*created),
            Some(_) | None => None,
        })
    }

    /// Which conversation a new run belongs to and which run it goes on from, when it goes on from something.
    async fn past(
        &self,
        caller: &Caller,
        request: &CreateResponse,
    ) -> Result<Option<(ConversationId, Option<ResponseId>)>, Error> {
        let store = &self.ports.store;
        match (&request.conversation, request.previous_response_id) {
            (Some(_), Some(_)) => Err(Error::TwoPasts),
            (Some(conversation), None) => {
                let row = store.conversation(caller, conversation.id()).await?;
                Ok(Some((row.id, row.last_run)))
            }
            (None, Some(previous)) => {
                let row = store.run(caller.tenant, previous).await?;
                // Whoever may not see the conversation may not go on with it either.
                store.conversation(caller, row.conversation).await.map_err(|_hidden| Error::NoRun(previous))?;
                Ok(Some((row.conversation, Some(previous))))
            }
            (None, None) => Ok(None),
        }
    }

    /// A run of the caller.
    async fn row(&self, caller: &Caller, id: ResponseId) -> Result<RunRow, Error> {
        let row = self.ports.store.run(caller.tenant, id).await?;
        self.ports.store.conversation(caller, row.conversation).await.map_err(|_hidden| Error::NoRun(id))?;
        Ok(row)
    }

    /// A run as a Response object.
    pub(crate) async fn show(&self, caller: &Caller, id: ResponseId) -> Result<ResponseObject, Error> {
        self.row(caller, id).await?;
        self.project(id).await?.response().ok_or(Error::NoRun(id))
    }

    /// A run as a Response object, once it has ended.
    pub(crate) async fn finished(&self, id: ResponseId) -> Result<ResponseObject, Error> {
        let mut grown = self.ports.feed.follow(id);
        let mut projector = Projector::default();
        let mut spilled = BTreeMap::new();
        loop {
            // Only what is new: what the user said may be megabytes, and a run has hundreds of events.
            let journal = self.ports.store.journal(id, projector.state().next_seq).await?;
            load_spilled(&self.ports.blobs, &journal, &mut spilled).await?;
            for recorded in &journal {
                projector.push(recorded, &spilled);
            }
            drop(journal);
            projector.forget_input();
            if projector.state().finished.is_some() {
                return projector.response().ok_or(Error::NoRun(id));
            }
            // Either way the journal is read again.
            let _woken_or_not = tokio::time::timeout(LOOK_EVERY, grown.changed()).await;
        }
    }

    async fn project(&self, id: ResponseId) -> Result<Projector, Error> {
        let journal = self.ports.store.journal(id, 0).await?;
        let mut spilled = BTreeMap::new();
        load_spilled(&self.ports.blobs, &journal, &mut spilled).await?;
        let mut projector = Projector::default();
        for recorded in &journal {
            projector.push(recorded, &spilled);
        }
        Ok(projector)
    }

    /// The events of a run after `starting_after`, as they are journaled, to the terminal one. The stream ends without
    /// one when this process shuts down; the client asks again.
    pub(crate) async fn follow(
        &self,
        caller: &Caller,
        id: ResponseId,
        starting_after: Option<u64>,
    ) -> Result<impl Stream<Item = Result<ResponseEvent, Error>> + Send + use<>, Error> {
        self.row(caller, id).await?;
        let ports = Arc::clone(&self.ports);
        let first_wanted = starting_after.map_or(0, |number| number.saturating_add(1));
        let stopping = self.scheduler.stopping();
        Ok(async_stream::try_stream! {
            let mut grown = ports.feed.follow(id);
            let mut projector = Projector::default();
            let mut spilled = BTreeMap::new();
            loop {
                let journal = ports.store.journal(id, projector.state().next_seq).await?;
                load_spilled(&ports.blobs, &journal, &mut spilled).await?;
                for recorded in &journal {
                    for event in projector.push(recorded, &spilled) {
                        let is_terminal = event.is_terminal();
                        if event.sequence_number() >= first_wanted {
                            yield event;
                        }
                        if is_terminal {
                            return;
                        }
                    }
                }
                drop(journal);
                projector.forget_input();
                tokio::select! {
                    _ = tokio::time::timeout(LOOK_EVERY, grown.changed()) => {}
                    () = stopping.cancelled() => return,
                }
            }
        })
    }

    /// Asks a run to stop, waits a moment for it to do so, and shows it.
    pub(crate) async fn cancel(&self, caller: &Caller, id: ResponseId) -> Result<ResponseObject, Error> {
        let row = self.row(caller, id).await?;
        if row.status == "in_progress" {
            self.ports.store.request_cancel(id).await?;
            self.scheduler.signal_cancel(id);
        }
        match tokio::time::timeout(Duration::from_secs(5), self.finished(id)).await {
            Ok(response) => response,
            Err(_still_stopping) => self.show(caller, id).await,
        }
    }

    /// Deletes a run that has ended.
    pub(crate) async fn delete(&self, caller: &Caller, id: ResponseId) -> Result<(), Error> {
        let row = self.row(caller, id).await?;
        // With the last one nothing shows what was made for it any more.
        if self.ports.store.delete_run(id, row.conversation).await? {
            self.scheduler.let_go(caller, row.conversation).await;
        }
        Ok(())
    }

    /// The tools that agents can have.
    pub(crate) fn tools(&self) -> Vec<ToolSummary> {
        let definitions = self.ports.tools.all().map(|tool| tool.definition());
        definitions.map(|told| ToolSummary { name: told.name, description: told.description }).collect()
    }

    /// Those of `blobs` that a run still names.
    pub(crate) async fn held_blobs(&self, blobs: &[BlobId]) -> Result<Vec<BlobId>, Error> {
        self.ports.store.held_blobs(blobs).await
    }

    /// What the user said in a run.
    pub(crate) async fn input_items(&self, caller: &Caller, id: ResponseId) -> Result<Vec<ResponseItem>, Error> {
        self.row(caller, id).await?;
        let created = self.created(id).await?.ok_or(Error::NoRun(id))?;
        Ok(created.input.into_iter().map(said).collect())
    }

    pub(crate) async fn add_conversation(
        &self,
        caller: &Caller,
        request: &CreateConversation,
    ) -> Result<ConversationRow, Error> {
        let id: ConversationId = self.ports.ids.next();
        let metadata = request.metadata.clone().unwrap_or_default();
        self.ports.store.add_conversation(caller, id, &metadata, self.ports.clock.now_ms()).await?;
        self.ports.store.conversation(caller, id).await
    }

    pub(crate) async fn conversation(&self, caller: &Caller, id: ConversationId) -> Result<ConversationRow, Error> {
        self.ports.store.conversation(caller, id).await
    }

    /// The agent and the knowledge bases that a conversation goes on with when nothing else is said.
    pub(crate) async fn kept(&self, row: &ConversationRow) -> Result<(Option<String>, Vec<VectorStoreId>), Error> {
        let Some(last) = row.last_run else { return Ok((None, Vec::new())) };
        Ok(match self.created(last).await? {
            Some(last) if last.narrowed => (Some(format!("agent:{}", last.agent)), last.knowledge_bases),
            Some(last) => (Some(format!("agent:{}", last.agent)), Vec::new()),
            None => (None, Vec::new()),
        })
    }

    pub(crate) async fn conversations(
        &self,
        caller: &Caller,
        wanted: &ConversationQuery,
    ) -> Result<Vec<ConversationRow>, Error> {
        self.ports.store.conversations(caller, wanted).await
    }

    /// Everything said in a conversation, oldest first.
    pub(crate) async fn conversation_items(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Vec<ResponseItem>, Error> {
        self.ports.store.conversation(caller, id).await?;
        let mut items = Vec::new();
        for run in self.ports.store.runs_of(id).await? {
            let projector = self.project(run).await?;
            let Some(response) = projector.response() else { continue };
            let input = projector.state().created.as_ref().map_or_else(Vec::new, |created| created.input.clone());
            for mut item in input.into_iter().map(said).chain(response.output) {
                item.set_fact("response_id", json!(run));
                item.set_fact("response_status", json!(response.status));
                item.set_fact("response_error", json!(response.error));
                items.push(item);
            }
        }
        Ok(items)
    }

    pub(crate) async fn delete_conversation(&self, caller: &Caller, id: ConversationId) -> Result<(), Error> {
        self.ports.store.conversation(caller, id).await?;
        self.ports.store.delete_conversation(id).await?;
        self.scheduler.let_go(caller, id).await;
        Ok(())
    }
}

/// The model that is asked for: the named one, that of the conversation so far, or what a new one begins with.
fn model_of(request: &CreateResponse, before: Option<&RunCreated>) -> String {
    match before {
        _ if !request.model.is_empty() => request.model.clone(),
        Some(before) => format!("agent:{}", before.agent),
        None => request.default_model.clone().unwrap_or_default(),
    }
}

/// The beginning of a question, on one line.
fn title_of(question: &str) -> String {
    // A word has a character at least, so more words are never needed.
    let words: Vec<&str> = question.split_whitespace().take(MAX_TITLE_CHARS).collect();
    words.join(" ").chars().take(MAX_TITLE_CHARS).collect()
}

/// The input as items of the Responses API, each with an id.
fn input_items(input: ResponseInput, ports: &Ports) -> Result<Vec<Value>, Error> {
    let items = match input {
        ResponseInput::Text(text) if text.trim().is_empty() => return Err(Error::EmptyInput),
        ResponseInput::Text(text) => return Ok(vec![input_item("user", text, ports)]),
        ResponseInput::Items(items) => items,
    };
    let mut kept = Vec::with_capacity(items.len());
    let mut is_empty = true;
    for (index, item) in items.into_iter().enumerate() {
        let bad = |problem: &str| Error::BadInput { index, problem: problem.to_owned() };
        if !matches!(item["type"].as_str(), None | Some("message")) {
            return Err(bad("agents take messages only; tools run on the server"));
        }
        let role = item["role"].as_str().unwrap_or("user");
        if !matches!(role, "user" | "system" | "developer" | "assistant") {
            return Err(bad("role must be user, assistant, system or developer"));
        }
        let has_other_parts = item["content"].as_array().into_iter().flatten().any(|part| part["text"].is_null());
        if has_other_parts {
            return Err(bad(
                "only text parts are taken; add a file to a vector store and name it in tools[].vector_store_ids instead",
            ));
        }
        let text = input_text(&item);
        is_empty &= text.trim().is_empty();
        kept.push(input_item(role, text.into_owned(), ports));
    }
    if is_empty {
        return Err(Error::EmptyInput);
    }
    Ok(kept)
}

/// An item as it is kept. `json!` would copy the text, which may be megabytes.
fn input_item(role: &str, text: String, ports: &Ports) -> Value {
    let part = if role == "assistant" { "output_text" } else { "input_text" };
    let id: ItemId = ports.ids.next();
    let mut item = json!({
        "id": id, "type": "message", "role": role, "status": "completed", "content": [{"type": part, "text": ""}],
    });
    item["content"][0]["text"] = Value::String(text);
    item
}

/// The knowledge bases that the request narrows the search to, if it does.
fn knowledge_bases(tools: &[RequestTool]) -> Result<Option<Vec<VectorStoreId>>, Error> {
    let mut ids = None;
    for (index, tool) in tools.iter().enumerate() {
        match tool {
            RequestTool::FileSearch { vector_store_ids, .. } => {
                ids.get_or_insert_with(Vec::new).extend(vector_store_ids);
            }
            // The agent has it already.
            RequestTool::CodeInterpreter { .. } => {}
            RequestTool::Other(tool) => return Err(Error::BadTool { index, problem: refusal(tool) }),
        }
    }
    // An empty list names nothing, and so narrows nothing.
    Ok(ids.filter(|ids: &Vec<VectorStoreId>| !ids.is_empty()))
}

/// Why a tool of a request is not taken.
fn refusal(tool: &Value) -> String {
    let kind = tool["type"].as_str().unwrap_or_default();
    if kind == "file_search" {
        let read = serde_json::from_value::<Vec<VectorStoreId>>(tool["vector_store_ids"].clone());
        return read.map_or_else(|error| format!("vector_store_ids: {error}"), |_good| "is not understood".to_owned());
    }
    format!("type {kind:?} is not taken; agents bring their own tools, and file_search narrows where they search")
}

/// What somebody said, as it is kept.
fn said(item: Value) -> ResponseItem {
    serde_json::from_value(item.clone()).unwrap_or(ResponseItem::Other(item))
}
