//! Agents, prompts and knowledge bases: what a person configures.

use std::collections::BTreeMap;

use septet_kernel::{AgentId, PromptId, UserId, VectorStoreId};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// How far one run of an agent may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentLimits {
    /// Calls to the model, 1 to 200.
    pub max_steps: u32,
    /// Tool calls, 0 to 1000.
    pub max_tool_calls: u32,
    /// Seconds from the first event to the last, 1 to 86 400.
    pub max_wall_s: u32,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self { max_steps: 16, max_tool_calls: 32, max_wall_s: 600 }
    }
}

/// An agent: a prompt, tools and limits under a name. It is called as model `agent:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// Unique in the tenant: 1 to 64 characters of `a-z 0-9 - _`.
    pub name: String,
    /// What people see.
    pub title: String,
    /// What it is good for.
    #[serde(default)]
    pub description: String,
    /// The model it talks to; empty = the default route.
    #[serde(default)]
    pub model: String,
    /// Its prompt.
    pub prompt_id: PromptId,
    /// The version it is pinned to; the live one when absent.
    #[serde(default)]
    pub prompt_version: Option<u32>,
    /// What it may use, such as `knowledge_search` and `run_python`.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Where it searches; everything of the tenant when empty.
    #[serde(default)]
    pub knowledge_bases: Vec<VectorStoreId>,
    /// How far one run may go.
    #[serde(default)]
    pub limits: AgentLimits,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// Asks for an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAgent {
    /// Unique in the tenant: 1 to 64 characters of `a-z 0-9 - _`, beginning with a letter or digit.
    pub name: String,
    /// What people see; the name unless told.
    #[serde(default)]
    pub title: String,
    /// What it is good for, at most 2000 characters.
    #[serde(default)]
    pub description: String,
    /// The model it talks to; empty = the default route.
    #[serde(default)]
    pub model: String,
    /// Its prompt.
    pub prompt_id: PromptId,
    /// Pins a version; the live one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_version: Option<u32>,
    /// What it may use, such as `knowledge_search` and `run_python`.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Where it searches; everything of the tenant when empty.
    #[serde(default)]
    pub knowledge_bases: Vec<VectorStoreId>,
    /// How far one run may go.
    #[serde(default)]
    pub limits: AgentLimits,
}

/// Changes of an agent; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Another prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_id: Option<PromptId>,
    /// Pins a version; `null` goes back to the live one.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub prompt_version: Option<Option<u32>>,
    /// Other tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// Other knowledge bases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub knowledge_bases: Option<Vec<VectorStoreId>>,
    /// Other limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<AgentLimits>,
}

/// Tells `null` from absent: this runs only when the field is there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::<u32>::deserialize(deserializer).map(Some)
}

/// An agent with the prompt text it runs on, as agent-core loads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResolvedAgent {
    /// The id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// What people see.
    #[serde(default)]
    pub title: String,
    /// What it is good for.
    #[serde(default)]
    pub description: String,
    /// The model it talks to; empty = the default route.
    #[serde(default)]
    pub model: String,
    /// The prompt and which version of it.
    pub prompt: ResolvedPrompt,
    /// What it may use.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Where it searches; everything of the tenant when empty.
    #[serde(default)]
    pub knowledge_bases: Vec<VectorStoreId>,
    /// How far one run may go.
    #[serde(default)]
    pub limits: AgentLimits,
}

/// One version of a prompt, as it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResolvedPrompt {
    /// The prompt.
    pub id: PromptId,
    /// The version.
    pub version: u32,
    /// The text.
    pub text: String,
}

/// A prompt: a name over immutable versions, one of which is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Prompt {
    /// The id.
    pub id: PromptId,
    /// Unique in the tenant.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The version that agents use when they pin none.
    pub live_version: u32,
    /// The newest version.
    pub latest_version: u32,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// One version of a prompt. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromptVersion {
    /// The prompt.
    pub prompt_id: PromptId,
    /// Counted from 1.
    pub version: u32,
    /// The text.
    pub text: String,
    /// Why it was made.
    #[serde(default)]
    pub note: String,
    /// Whether agents that pin no version use this one.
    #[serde(default)]
    pub live: bool,
    /// Who made it; nobody for what came with the installation.
    #[serde(default)]
    pub created_by: Option<UserId>,
    /// Unix seconds.
    pub created_at: i64,
}

/// Asks for a prompt with its first version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrompt {
    /// Unique in the tenant, 1 to 100 characters.
    pub name: String,
    /// What it is for, at most 2000 characters.
    #[serde(default)]
    pub description: String,
    /// The text of version 1, 1 to 100 000 characters.
    pub text: String,
}

/// Changes of a prompt; what is absent stays. The text is changed by a new version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Makes this version the live one; an older one rolls back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_version: Option<u32>,
}

/// Asks for a new version of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromptVersion {
    /// The text, 1 to 100 000 characters.
    pub text: String,
    /// Why, at most 500 characters.
    #[serde(default)]
    pub note: String,
    /// Makes it the live one at once; so unless told.
    #[serde(default = "yes")]
    pub make_live: bool,
}

fn yes() -> bool {
    true
}

/// A knowledge base: the row that the knowledge engine hangs its documents on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KnowledgeBase {
    /// The id; "vector store" on the OpenAI surface.
    pub id: VectorStoreId,
    /// Not unique, may be empty: the OpenAI surface allows both.
    #[serde(default)]
    pub name: String,
    /// What is in it.
    #[serde(default)]
    pub description: String,
    /// At most 16 pairs; keys up to 64 characters, values up to 512.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Who made it.
    #[serde(default)]
    pub created_by: Option<UserId>,
    /// Nobody but who made it sees it, and it is searched only where it is named: what was given to one conversation.
    #[serde(default)]
    pub private: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds, to the minute.
    pub last_active_at: i64,
}

/// Asks for a knowledge base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKnowledgeBase {
    /// At most 256 characters.
    #[serde(default)]
    pub name: String,
    /// At most 2000 characters.
    #[serde(default)]
    pub description: String,
    /// At most 16 pairs; keys up to 64 characters, values up to 512.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// For who makes it alone, and searched only where it is named.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}

/// Changes of a knowledge base; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KnowledgeBaseChange {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Replaces all pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, String>>,
    /// Marks it as used now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub touch: bool,
}
