//! The tools that agents have.
//!
//! A tool is a file of its own and a line in [`Tools::new`]. Nothing else knows it by name: how its calls look is journaled
//! with them, and what follows from a crash is read from their effect.

pub(crate) mod arguments;
mod current_time;
mod knowledge_search;
mod run_code;

use std::sync::Arc;

use async_trait::async_trait;
use septet_contracts::models::ToolDefinition;
use septet_kernel::{Caller, ContainerId, ConversationId, VectorStoreId};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use self::current_time::CurrentTime;
use self::knowledge_search::KnowledgeSearch;
pub(crate) use self::run_code::Containers;
use self::run_code::RunCode;
use crate::error::Error;
use crate::run::effect::Effect;
use crate::run::output::ToolOutput;
use crate::run::shape::Shape;

/// A tool of the platform.
#[async_trait]
pub(crate) trait Tool: Send + Sync {
    /// What the model is told of it.
    fn definition(&self) -> Definition;

    /// How its calls look on the wire.
    fn shape(&self) -> Shape {
        Shape::own()
    }

    /// What its calls change.
    fn effect(&self) -> Effect;

    /// What its calls hold while they run, if that is held by one at a time. Others of the same turn run beside them.
    fn holds(&self) -> Option<Resource> {
        None
    }

    /// Looks at the arguments and makes ready what a call runs in. Nothing that lasts happens yet.
    ///
    /// # Errors
    /// When the platform's own database fails: the run is taken up again later.
    async fn prepare(&self, _call: &Invocation) -> Result<Prepared, Error> {
        Ok(Prepared::Ready { container: None, effect: self.effect() })
    }

    /// Makes the call, or goes on with one that was begun under its key. What goes wrong is an output as well.
    async fn call(&self, call: &Invocation) -> Called;

    /// What came of a call that was begun under its key and may not be made again; nothing when it has not happened, or,
    /// for [`Effect::Once`], when nobody knows.
    async fn outcome(&self, _call: &Invocation) -> Option<ToolOutput> {
        None
    }

    /// Ends a call that runs on by itself when nobody waits for it any more.
    async fn stop(&self, _call: &Invocation) {}
}

/// What a model is told of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// Letters, digits and `_`, unique among the tools of an agent.
    pub(crate) name: String,
    /// What it does and when to call it.
    pub(crate) description: String,
    /// The JSON Schema of its arguments, which are an object.
    pub(crate) arguments: Value,
}

impl Definition {
    pub(crate) fn new(name: &str, description: &str, arguments: Value) -> Self {
        Self { name: name.to_owned(), description: description.to_owned(), arguments }
    }
}

/// What one call at a time can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// The sandbox of the conversation, whose files and variables the next call sees.
    Sandbox,
}

/// What is known of a call before it is made.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// It can be made.
    Ready {
        /// The sandbox it runs in.
        container: Option<ContainerId>,
        /// What it changes.
        effect: Effect,
    },
    /// It cannot; this is its output.
    Refused(ToolOutput),
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Called {
    /// With this output.
    Output(ToolOutput),
    /// Whoever did it broke off in the middle; this says so.
    BrokenOff(ToolOutput),
}

/// A call as a tool sees it.
pub(crate) struct Invocation {
    pub(crate) caller: Caller,
    pub(crate) conversation: ConversationId,
    /// Where the run searches; empty means everywhere.
    pub(crate) knowledge_bases: Arc<[VectorStoreId]>,
    pub(crate) arguments: Map<String, Value>,
    /// The idempotency key of the effect.
    pub(crate) key: String,
    /// The sandbox it runs in, once it was prepared.
    pub(crate) container: Option<ContainerId>,
    pub(crate) progress: Progress,
}

impl Invocation {
    /// The same under another key.
    pub(crate) fn under(&self, key: String) -> Self {
        let Self { caller, conversation, knowledge_bases, arguments, container, progress, .. } = self;
        Self {
            caller: caller.clone(),
            conversation: *conversation,
            knowledge_bases: Arc::clone(knowledge_bases),
            arguments: arguments.clone(),
            key,
            container: *container,
            progress: progress.clone(),
        }
    }

    /// The arguments as the tool wants them.
    ///
    /// # Errors
    /// The output of a call whose arguments do not fit.
    pub(crate) fn read<T: DeserializeOwned>(&self, tool: &dyn Tool) -> Result<T, ToolOutput> {
        serde_json::from_value(self.arguments.clone().into())
            .map_err(|error| arguments::refused(tool, &format!("the arguments do not fit ({error})")))
    }
}

/// What a call prints while it runs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Where a call prints. Bounded by what the tool itself may print.
#[derive(Clone)]
pub(crate) struct Progress(mpsc::UnboundedSender<(usize, Printed)>, usize);

impl Progress {
    /// For the call with this number among those that run side by side.
    pub(crate) fn new(to: &mpsc::UnboundedSender<(usize, Printed)>, number: usize) -> Self {
        Self(to.clone(), number)
    }

    pub(crate) fn print(&self, printed: Printed) {
        // Nobody listens once the run is left.
        self.0.send((self.1, printed)).ok();
    }
}

/// All tools of the platform, in the order in which they are offered.
pub(crate) struct Tools(Vec<(String, Arc<dyn Tool>)>);

/// What tools are made of.
pub(crate) struct Parts {
    pub(crate) clock: septet_kernel::Clock,
    pub(crate) knowledge: septet_contracts::knowledge::Knowledge,
    pub(crate) containers: Containers,
}

impl Tools {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { clock, knowledge, containers } = parts;
        let tools: [Arc<dyn Tool>; 4] = [
            Arc::new(KnowledgeSearch::new(knowledge)),
            Arc::new(RunCode::python(containers.clone())),
            Arc::new(RunCode::sql(containers)),
            Arc::new(CurrentTime::new(clock)),
        ];
        Self(tools.into_iter().map(|tool| (tool.definition().name, tool)).collect())
    }

    /// The tool of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, tool)| tool)
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<dyn Tool>> {
        self.0.iter().map(|(_, tool)| tool)
    }

    /// What the model is told of those with these names that there are.
    pub(crate) fn definitions(&self, names: &[String]) -> Vec<ToolDefinition> {
        let definitions = names.iter().filter_map(|name| self.named(name)).map(|tool| tool.definition());
        definitions.map(|told| ToolDefinition::function(told.name, told.description, told.arguments)).collect()
    }

    /// How calls of this name look on the wire, also when there is no such tool.
    pub(crate) fn shape(&self, name: &str) -> Shape {
        self.named(name).map_or_else(Shape::own, |tool| tool.shape())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use septet_kernel::Ids;

    use super::*;

    /// A call with these arguments that nobody listens to.
    pub(crate) fn invocation(arguments: &Value) -> Invocation {
        let ids = Ids::new(septet_kernel::Clock::manual(0));
        Invocation {
            caller: Caller::background(ids.next(), ids.next()),
            conversation: ids.next(),
            knowledge_bases: Arc::from([]),
            arguments: arguments.as_object().unwrap().clone(),
            key: "key".to_owned(),
            container: None,
            progress: Progress::new(&mpsc::unbounded_channel().0, 0),
        }
    }
}
