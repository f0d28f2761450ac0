//! The names of the seven services.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the seven services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceName {
    /// The only public surface.
    ApiGateway,
    /// One interface over every model provider.
    ModelGateway,
    /// The loop of the agent.
    AgentCore,
    /// Parsing, indexing, retrieval.
    KnowledgeEngine,
    /// Isolated code.
    SandboxRunner,
    /// Long tasks.
    AsyncWorker,
    /// The control plane.
    Management,
}

impl ServiceName {
    /// All seven, in the order of the architecture.
    pub const ALL: [Self; 7] = [
        Self::ApiGateway,
        Self::ModelGateway,
        Self::AgentCore,
        Self::KnowledgeEngine,
        Self::SandboxRunner,
        Self::AsyncWorker,
        Self::Management,
    ];

    /// The name as written on the command line and in the settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiGateway => "api-gateway",
            Self::ModelGateway => "model-gateway",
            Self::AgentCore => "agent-core",
            Self::KnowledgeEngine => "knowledge-engine",
            Self::SandboxRunner => "sandbox-runner",
            Self::AsyncWorker => "async-worker",
            Self::Management => "management",
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no service of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no service {0:?}; the seven are api-gateway, model-gateway, agent-core, knowledge-engine, sandbox-runner, async-worker, management"
)]
pub struct UnknownService(String);

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownService(text.to_owned()))
    }
}
