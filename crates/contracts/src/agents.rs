//! Agent Core: runs of agents in the shape of OpenAI's Responses, and conversations.
//!
//! The shapes of runs are in [`responses`](crate::responses). The gateway passes runs through; agent-core alone decides their content. A
//! `response.in_progress` after the first tells that a run waits (`septet.waiting: {code, message, until_ms, seconds}`) or
//! that it was taken up again after its process was lost (`septet.recoveries`, a count). A run that reaches a limit ends
//! as `incomplete` with `incomplete_details: {reason, message}`, where the reason is one of OpenAI's (`max_output_tokens`,
//! `content_filter`) or of ours (`max_steps`, `max_tool_calls`, `time_limit`, `cancelled`).

use std::collections::BTreeMap;

use futures::Stream;
use septet_kernel::{Caller, ConversationId, ResponseId, ServiceName, Transport, VectorStoreId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::{CallError, Client, query, segment};
use crate::page::Page;
use crate::responses::{CreateResponse, ResponseItem, ResponseObject};
use crate::sse;

/// A conversation.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// Always `conversation`.
    pub object: String,
    /// Seconds since 1970.
    pub created_at: i64,
    /// The caller's own words about it.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The first question, shortened; empty before there is one.
    #[serde(default)]
    pub title: String,
    /// Seconds since 1970 of the last run's start.
    #[serde(default)]
    pub updated_at: i64,
    /// The last run.
    #[serde(default)]
    pub last_response: Option<ResponseId>,
    /// `agent:<name>` of the last run: what goes on when no model is named. Only when one conversation is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The knowledge bases that the search was narrowed to, and still is when none are named. Only when one conversation
    /// is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vector_store_ids: Vec<VectorStoreId>,
    /// Who began it.
    #[serde(default)]
    pub source: Source,
}

/// Where a conversation began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// By somebody who signed in.
    #[default]
    Console,
    /// By a program with an API key.
    Api,
}

impl Source {
    /// The word on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Api => "api",
        }
    }
}

/// Which conversations are wanted, from the query string.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct ConversationQuery {
    /// How many at most, 1 to 100. Default 20.
    #[serde(deserialize_with = "crate::page::limit")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// Start after the conversation with this id.
    pub after: Option<String>,
    /// Only those that began there: `console` or `api`. Default both.
    pub source: Option<Source>,
    /// Only those with these words in their title, whatever the case; at most 200 characters count.
    pub search: Option<String>,
}

impl ConversationQuery {
    /// The limit within its bounds.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(20).clamp(1, 100)
    }
}

/// Which items of a run or a conversation are wanted, from the query string.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct ItemQuery {
    /// How many at most, 1 to 100. Default all.
    #[serde(deserialize_with = "crate::page::limit")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// Start after the item with this id. Nothing follows one that is not there.
    pub after: Option<String>,
    /// `asc` or `desc` by time. Default `asc`.
    #[serde(deserialize_with = "crate::page::order")]
    #[param(pattern = "^(asc|desc)$")]
    pub order: Option<String>,
}

impl ItemQuery {
    /// The page of `items`, which come oldest first.
    #[must_use]
    pub fn page(&self, mut items: Vec<ResponseItem>) -> Page<ResponseItem> {
        if self.order.as_deref() == Some("desc") {
            items.reverse();
        }
        if let Some(after) = &self.after {
            let n_before = items.iter().position(|item| item.id() == after).map_or(items.len(), |at| at + 1);
            items.drain(..n_before);
        }
        let limit = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let has_more = items.len() > limit;
        items.truncate(limit);
        Page::new(items, has_more, |item| item.id().to_owned())
    }
}

/// Makes a conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct CreateConversation {
    /// The caller's own words about it.
    pub metadata: Option<BTreeMap<String, String>>,
    /// Parameters that are not used yet.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Says that something was deleted.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Deleted {
    /// What was deleted.
    pub id: String,
    /// `response.deleted` or `conversation.deleted`.
    pub object: String,
    /// Always true.
    pub deleted: bool,
}

/// A tool that agents can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ToolSummary {
    /// What it is called by.
    pub name: String,
    /// What the model is told of it.
    pub description: String,
}

/// Talks to Agent Core.
#[derive(Clone)]
pub struct Agents {
    client: Client,
}

impl Agents {
    /// A client over `transport`.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::AgentCore, transport) }
    }

    /// Starts a run and waits for its end, unless `background` is set.
    ///
    /// # Errors
    /// `NotFound` for an unknown agent, conversation or run; `Conflict` while the conversation has a run in progress.
    pub async fn create(&self, caller: &Caller, request: &CreateResponse) -> Result<ResponseObject, CallError> {
        self.client.post(caller, "/v1/responses", request).answer().await
    }

    /// Starts a run and gives its events as they are journaled. The run goes on when the stream is dropped.
    ///
    /// # Errors
    /// As [`Agents::create`].
    pub async fn create_stream(
        &self,
        caller: &Caller,
        request: &CreateResponse,
    ) -> Result<impl Stream<Item = Result<sse::Event, CallError>> + Send + use<>, CallError> {
        let request = CreateResponse { stream: true, ..request.clone() };
        Ok(events(self.client.post(caller, "/v1/responses", &request).stream().await?))
    }

    /// A run as it stands.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, caller: &Caller, id: ResponseId) -> Result<ResponseObject, CallError> {
        self.client.get(caller, &format!("/v1/responses/{}", segment(id))).answer().await
    }

    /// The events of a run after `starting_after`, those to come included.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn events(
        &self,
        caller: &Caller,
        id: ResponseId,
        starting_after: Option<u64>,
    ) -> Result<impl Stream<Item = Result<sse::Event, CallError>> + Send + use<>, CallError> {
        let after = query(&[
            ("stream", Some("true".to_owned())),
            ("starting_after", starting_after.map(|number| number.to_string())),
        ]);
        Ok(events(self.client.get(caller, &format!("/v1/responses/{}{after}", segment(id))).stream().await?))
    }

    /// Asks a run to stop; the answer is the run as it stands then. A run that has ended stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn cancel(&self, caller: &Caller, id: ResponseId) -> Result<ResponseObject, CallError> {
        let nothing = Map::new();
        self.client.post(caller, &format!("/v1/responses/{}/cancel", segment(id)), &nothing).answer().await
    }

    /// Deletes a run that has ended.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it runs.
    pub async fn delete(&self, caller: &Caller, id: ResponseId) -> Result<Deleted, CallError> {
        self.client.delete(caller, &format!("/v1/responses/{}", segment(id))).answer().await
    }

    /// What the user said in a run.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn input_items(&self, caller: &Caller, id: ResponseId) -> Result<Page<ResponseItem>, CallError> {
        self.client.get(caller, &format!("/v1/responses/{}/input_items", segment(id))).answer().await
    }

    /// The tools that agents can have, in the order in which they are offered.
    ///
    /// # Errors
    /// When the service is down.
    pub async fn tools(&self, caller: &Caller) -> Result<Vec<ToolSummary>, CallError> {
        self.client.get(caller, "/internal/tools").answer().await
    }

    /// Makes a conversation.
    ///
    /// # Errors
    /// When the service is down.
    pub async fn create_conversation(
        &self,
        caller: &Caller,
        request: &CreateConversation,
    ) -> Result<Conversation, CallError> {
        self.client.post(caller, "/v1/conversations", request).answer().await
    }

    /// A conversation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn conversation(&self, caller: &Caller, id: ConversationId) -> Result<Conversation, CallError> {
        self.client.get(caller, &format!("/v1/conversations/{}", segment(id))).answer().await
    }

    /// The caller's conversations, the one used last first.
    ///
    /// # Errors
    /// When the service is down.
    pub async fn conversations(
        &self,
        caller: &Caller,
        wanted: &ConversationQuery,
    ) -> Result<Page<Conversation>, CallError> {
        let query = query(&[
            ("limit", wanted.limit.map(|limit| limit.to_string())),
            ("after", wanted.after.clone()),
            ("source", wanted.source.map(|source| source.as_str().to_owned())),
            ("search", wanted.search.clone()),
        ]);
        self.client.get(caller, &format!("/api/conversations{query}")).answer().await
    }

    /// Everything said in a conversation, oldest first: the input items and the output items of its runs. Each output
    /// item names its run in `septet.response_id`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn conversation_items(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Page<ResponseItem>, CallError> {
        self.client.get(caller, &format!("/v1/conversations/{}/items", segment(id))).answer().await
    }

    /// Deletes a conversation with its runs.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while one of its runs is in progress.
    pub async fn delete_conversation(&self, caller: &Caller, id: ConversationId) -> Result<Deleted, CallError> {
        self.client.delete(caller, &format!("/v1/conversations/{}", segment(id))).answer().await
    }
}

fn events(
    chunks: impl Stream<Item = Result<bytes::Bytes, CallError>> + Send,
) -> impl Stream<Item = Result<sse::Event, CallError>> + Send {
    sse::events(chunks, |error| CallError::garbled(ServiceName::AgentCore, &error))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn items_are_paged_in_both_orders_to_their_end() {
        let items: Vec<ResponseItem> = ["a", "b", "c"].map(|id| ResponseItem::Other(json!({"id": id}))).into();
        let page = |order: &str, after: Option<&str>, limit: Option<u32>| {
            let wanted = ItemQuery { limit, after: after.map(str::to_owned), order: Some(order.to_owned()) };
            let page = wanted.page(items.clone());
            let ids: Vec<String> = page.data.iter().map(|item| item.id().to_owned()).collect();
            (ids.concat(), page.has_more)
        };

        assert_eq!(page("asc", None, None), ("abc".to_owned(), false));
        assert_eq!(page("asc", None, Some(2)), ("ab".to_owned(), true));
        assert_eq!(page("asc", Some("b"), Some(2)), ("c".to_owned(), false));
        assert_eq!(page("desc", Some("c"), Some(1)), ("b".to_owned(), true));
        assert_eq!(page("asc", Some("gone"), None), (String::new(), false));
    }
}
