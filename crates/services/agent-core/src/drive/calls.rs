//! Runs the calls of one turn: those that share nothing side by side, and their outputs are journaled in call order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use septet_kernel::{Caller, ConversationId, ResponseId, VectorStoreId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::journal::JournalWriter;
use crate::error::Error;
use crate::run::effect::{Effect, Recovery};
use crate::run::event::Event;
use crate::run::output::ToolOutput;
use crate::run::state::{Begun, Call};
use crate::tools::{Called, Invocation, Prepared, Printed, Progress, Resource, Tool, Tools, arguments};

/// How many calls of one turn run at the same time: a model may ask for dozens of searches at once.
const MAX_SIDE_BY_SIDE: usize = 8;

/// How often what calls print is journaled.
const PRINT_EVERY: Duration = Duration::from_millis(150);

/// Whose calls they are.
pub(super) struct Calls<'a> {
    pub(super) tools: &'a Tools,
    /// The names of the tools that the agent has.
    pub(super) granted: &'a [String],
    pub(super) caller: &'a Caller,
    pub(super) run: ResponseId,
    pub(super) conversation: ConversationId,
    /// Where the run searches.
    pub(super) knowledge_bases: Arc<[VectorStoreId]>,
    /// Another process owns the run, or this one shuts down.
    pub(super) leave: &'a CancellationToken,
}

/// A call that is to be made beside others.
struct Planned {
    id: String,
    plan: Plan,
}

enum Plan {
    /// It cannot be made.
    Refused(ToolOutput),
    Made(Arc<Made>),
}

struct Made {
    tool: Arc<dyn Tool>,
    invocation: Invocation,
    effect: Effect,
    /// What to do about its having been begun before.
    recovery: Option<Recovery>,
}

type Running = BoxFuture<'static, (usize, Called)>;

impl Calls<'_> {
    /// Makes the first of these calls, with those behind it that may run beside it. Ends early, with calls left without an
    /// output, once `halted` ends or the run is to be left.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(super) async fn run(
        &self,
        ids: &[String],
        journal: &mut JournalWriter,
        halted: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let mut halted = std::pin::pin!(halted);
        let (to, printed) = mpsc::unbounded_channel();
        let planned = tokio::select! {
            planned = self.plan(ids, journal, &to) => planned?,
            () = &mut halted => return Ok(()),
            () = self.leave.cancelled() => return Ok(()),
        };
        let started = planned.iter().filter_map(Planned::started).collect::<Vec<Event>>();
        if !started.is_empty() {
            journal.write(started).await?;
        }
        let mut wave = Wave::new(planned, to, printed);
        match wave.run(journal, halted, self.leave).await? {
            Ended::Done | Ended::Left => Ok(()),
            Ended::Halted => wave.stop(journal).await,
        }
    }

    /// The calls that run side by side now, from the first: up to one that holds what another holds, or that runs alone.
    async fn plan(
        &self,
        ids: &[String],
        journal: &JournalWriter,
        to: &mpsc::UnboundedSender<(usize, Printed)>,
    ) -> Result<Vec<Planned>, Error> {
        let step = journal.state().steps.last();
        let open = |id: &String| step?.calls.iter().find(|call| call.request.id == *id && call.output.is_none());
        let mut planned: Vec<Planned> = Vec::new();
        let mut held: Vec<Resource> = Vec::new();
        for call in ids.iter().filter_map(open).take(MAX_SIDE_BY_SIDE) {
            let holds = self.tool(call).and_then(|tool| tool.holds());
            if holds.is_some_and(|resource| held.contains(&resource)) {
                break;
            }
            held.extend(holds);
            let plan = self.plan_one(call, Progress::new(to, planned.len())).await?;
            let runs_alone = matches!(&plan, Plan::Made(made) if made.effect.runs_alone());
            if runs_alone && !planned.is_empty() {
                break;
            }
            planned.push(Planned { id: call.request.id.clone(), plan });
            if runs_alone {
                break;
            }
        }
        Ok(planned)
    }

    /// The tool of a call, if there is one and the agent has it.
    fn tool(&self, call: &Call) -> Option<&Arc<dyn Tool>> {
        self.tools.named(&call.request.name).filter(|_| self.granted.contains(&call.request.name))
    }

    async fn plan_one(&self, call: &Call, progress: Progress) -> Result<Plan, Error> {
        let request = &call.request;
        let Some(tool) = self.tool(call) else {
            let message = format!("there is no tool {:?} here; there are {}", request.name, self.granted.join(", "));
            return Ok(Plan::Refused(ToolOutput::failed("unknown_tool", message)));
        };
        let arguments = match arguments::read(&request.arguments) {
            Ok(arguments) => arguments,
            Err(problem) => return Ok(Plan::Refused(arguments::refused(tool.as_ref(), &problem))),
        };
        let mut invocation = Invocation {
            caller: self.caller.clone(),
            conversation: self.conversation,
            knowledge_bases: Arc::clone(&self.knowledge_bases),
            arguments,
            key: format!("{}:{}", self.run, request.id),
            container: None,
            progress,
        };
        let tool = Arc::clone(tool);
        if let Some(Begun { key, container, effect }) = &call.begun {
            key.clone_into(&mut invocation.key);
            invocation.container = *container;
            let (effect, recovery) = (*effect, Some(effect.recovery()));
            return Ok(Plan::Made(Arc::new(Made { tool, invocation, effect, recovery })));
        }
        Ok(match tool.prepare(&invocation).await? {
            Prepared::Ready { container, effect } => {
                invocation.container = container;
                Plan::Made(Arc::new(Made { tool, invocation, effect, recovery: None }))
            }
            Prepared::Refused(output) => Plan::Refused(output),
        })
    }
}

impl Planned {
    /// The event that it begins; nothing when it has begun already, or cannot.
    fn started(&self) -> Option<Event> {
        match &self.plan {
            Plan::Made(made) if made.recovery.is_none() => Some(made.started(&self.id)),
            Plan::Made(_) | Plan::Refused(_) => None,
        }
    }
}

impl Made {
    fn started(&self, id: &str) -> Event {
        let Invocation { key, container, .. } = &self.invocation;
        Event::ToolStarted {
            call_id: id.to_owned(),
            key: key.clone(),
            container: *container,
            effect: Some(self.effect),
        }
    }

    /// The same call under another key, when it was broken off and may be made again.
    fn again(&self) -> Option<Self> {
        (self.recovery == Some(Recovery::Again)).then(|| Self {
            tool: Arc::clone(&self.tool),
            invocation: self.invocation.under(format!("{}:again", self.invocation.key)),
            effect: self.effect,
            recovery: None,
        })
    }

    async fn call(&self) -> Called {
        let Self { tool, invocation, recovery, .. } = self;
        match recovery {
            None | Some(Recovery::Again) => tool.call(invocation).await,
            Some(Recovery::AskThenAgain) => match tool.outcome(invocation).await {
                Some(output) => Called::Output(output),
                None => tool.call(invocation).await,
            },
            Some(Recovery::AskThenTell) => {
                Called::Output(tool.outcome(invocation).await.unwrap_or_else(how_far_nobody_knows))
            }
        }
    }
}

/// What the model is told of a call that may have happened.
fn how_far_nobody_knows() -> ToolOutput {
    ToolOutput::failed(
        "interrupted",
        "this call was broken off in its middle, and nobody knows how far it came. It was not made again, since what it does outside \
         would happen twice. Look at how things stand before you go on, or tell the user",
    )
}

/// Calls that run side by side.
struct Wave {
    planned: Vec<Planned>,
    /// Outputs that are not journaled yet, by number.
    outputs: BTreeMap<usize, ToolOutput>,
    n_journaled: usize,
    running: FuturesUnordered<Running>,
    printed: mpsc::UnboundedReceiver<(usize, Printed)>,
    /// Keeps the channel open, so that an empty one only means silence.
    _to: mpsc::UnboundedSender<(usize, Printed)>,
    /// What was printed and is not journaled yet, by number.
    waiting: BTreeMap<usize, Printed>,
}

/// How the driving of a wave ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// All calls have their outputs.
    Done,
    /// The run is to do nothing more.
    Halted,
    /// The next owner goes on with the calls.
    Left,
}

impl Wave {
    fn new(
        planned: Vec<Planned>,
        to: mpsc::UnboundedSender<(usize, Printed)>,
        printed: mpsc::UnboundedReceiver<(usize, Printed)>,
    ) -> Self {
        let mut outputs = BTreeMap::new();
        let running = FuturesUnordered::new();
        for (number, planned) in planned.iter().enumerate() {
            match &planned.plan {
                Plan::Refused(output) => drop(outputs.insert(number, output.clone())),
                Plan::Made(made) => running.push(start(number, made)),
            }
        }
        Self { planned, outputs, n_journaled: 0, running, printed, _to: to, waiting: BTreeMap::new() }
    }

    /// An append is never broken off: the stops are looked at between them.
    async fn run(
        &mut self,
        journal: &mut JournalWriter,
        mut halted: std::pin::Pin<&mut impl Future<Output = ()>>,
        leave: &CancellationToken,
    ) -> Result<Ended, Error> {
        let mut tick = tokio::time::interval(PRINT_EVERY);
        tick.tick().await;
        loop {
            self.journal_outputs(journal).await?;
            tokio::select! {
                ended = self.running.next() => match ended {
                    Some((number, called)) => self.ended(number, called, journal).await?,
                    None => return Ok(Ended::Done),
                },
                Some((number, printed)) = self.printed.recv() => {
                    let waiting = self.waiting.entry(number).or_default();
                    waiting.stdout.push_str(&printed.stdout);
                    waiting.stderr.push_str(&printed.stderr);
                }
                _ = tick.tick() => self.journal_printed(journal).await?,
                () = &mut halted => return Ok(Ended::Halted),
                () = leave.cancelled() => return Ok(Ended::Left),
            }
        }
    }

    async fn ended(&mut self, number: usize, called: Called, journal: &mut JournalWriter) -> Result<(), Error> {
        let output = match called {
            Called::Output(output) => output,
            Called::BrokenOff(output) => {
                let Planned { id, plan } = &mut self.planned[number];
                if let Plan::Made(made) = plan
                    && let Some(again) = made.again()
                {
                    journal.write(vec![again.started(id)]).await?;
                    let again = Arc::new(again);
                    self.running.push(start(number, &again));
                    *plan = Plan::Made(again);
                    return Ok(());
                }
                match plan {
                    Plan::Made(made) if made.effect == Effect::Once => how_far_nobody_knows(),
                    Plan::Made(_) | Plan::Refused(_) => output,
                }
            }
        };
        self.outputs.insert(number, output);
        Ok(())
    }

    /// Journals the outputs whose turn it is.
    async fn journal_outputs(&mut self, journal: &mut JournalWriter) -> Result<(), Error> {
        while let Some(mut output) = self.outputs.remove(&self.n_journaled) {
            journal.state().number(&mut output);
            // What it printed last is in the output.
            self.waiting.remove(&self.n_journaled);
            journal.finish_call(&self.planned[self.n_journaled].id, output).await?;
            self.n_journaled += 1;
        }
        Ok(())
    }

    async fn journal_printed(&mut self, journal: &mut JournalWriter) -> Result<(), Error> {
        let events: Vec<Event> = std::mem::take(&mut self.waiting)
            .into_iter()
            .filter(|(number, _)| *number >= self.n_journaled)
            .map(|(number, Printed { stdout, stderr })| Event::ToolProgress {
                call_id: self.planned[number].id.clone(),
                stdout,
                stderr,
            })
            .collect();
        if events.is_empty() { Ok(()) } else { journal.write(events).await }
    }

    /// Nobody waits for the calls any more: what has ended is kept, and what would run on by itself is ended.
    async fn stop(mut self, journal: &mut JournalWriter) -> Result<(), Error> {
        while let Some(Some((number, called))) = self.running.next().now_or_never() {
            let (Called::Output(output) | Called::BrokenOff(output)) = called;
            self.outputs.insert(number, output);
        }
        drop(self.running);
        let ended: Vec<usize> = self.outputs.keys().copied().collect();
        for (number, mut output) in self.outputs {
            journal.state().number(&mut output);
            journal.finish_call(&self.planned[number].id, output).await?;
        }
        for (number, planned) in self.planned.iter().enumerate().skip(self.n_journaled) {
            if let Plan::Made(made) = &planned.plan
                && !ended.contains(&number)
            {
                made.tool.stop(&made.invocation).await;
            }
        }
        Ok(())
    }
}

fn start(number: usize, made: &Arc<Made>) -> Running {
    let made = Arc::clone(made);
    Box::pin(async move { (number, made.call().await) })
}
