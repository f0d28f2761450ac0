//! A second sandbox that begins where another one is: its files, and the variables of its kept interpreter.
//!
//! After that they are independent. The variables travel as a file that is written and read inside the walls; nothing here looks into it.

use septet_contracts::sandbox::Limits;
use septet_kernel::{ContainerId, TenantId, UserId};

use crate::Error;
use crate::container::{Container, File};
use crate::driver::{Cause, Ended, STATE, Session, Shown, Signals};
use crate::sandbox::Sandbox;

/// The new container, and the names of variables that could not be copied.
pub(crate) struct Forked {
    pub(crate) container: Container,
    pub(crate) left_behind: Vec<String>,
}

impl Sandbox {
    /// Waits while code runs in the container.
    pub(crate) async fn fork(&self, tenant: TenantId, owner: Option<UserId>, id: ContainerId) -> Result<Forked, Error> {
        let (active, open) = self.activate(tenant, id).await?;
        let original = self.usable(tenant, id).await?;
        let now_ms = self.clock.now_ms();
        let container = Container { id: self.ids.next(), created_at_ms: now_ms, last_active_at_ms: now_ms, ..original };
        self.store.add_container(&container, owner).await?;
        self.egress.copy(id, container.id);
        let copy = async {
            let files = self.store.all_files(id).await?.into_iter();
            let copies: Vec<File> =
                files.map(|file| File { id: self.ids.next(), container: container.id, ..file }).collect();
            self.store.change_files(self.quota(tenant), container.id, &[], &copies).await?;
            match open.as_deref() {
                Some(session) if session.has_kept() => self.copy_variables(tenant, session, &container).await,
                Some(_) | None => Ok(Vec::new()),
            }
        };
        let left_behind = copy.await;
        drop((active, open));
        match left_behind {
            Ok(left_behind) => Ok(Forked { container, left_behind }),
            Err(error) => {
                // An incomplete copy must not be taken for a complete one.
                self.delete(tenant, container.id).await?;
                Err(error)
            }
        }
    }

    async fn copy_variables(&self, tenant: TenantId, from: &dyn Session, to: &Container) -> Result<Vec<String>, Error> {
        let saved = self.run_in(from, "save").await?;
        let content = from.get(STATE).await.map_err(Error::Folder)?;
        let (_active, open) = self.activate(tenant, to.id).await?;
        let session = open.as_deref().ok_or(Error::NoContainer(to.id))?;
        session.put(STATE, content).await.map_err(|error| self.folder_error(error))?;
        from.remove(STATE).await.map_err(Error::Folder)?;
        self.run_in(session, "load").await?;
        let left =
            saved.and_then(|shown| shown.json).and_then(|mut json| json.get_mut("left").map(serde_json::Value::take));
        Ok(left.and_then(|left| serde_json::from_value(left).ok()).unwrap_or_default())
    }

    async fn run_in(&self, session: &dyn Session, language: &str) -> Result<Option<Shown>, Error> {
        let spec = self.run_spec(language, String::new(), None, &Limits::default());
        let ended: Ended = session.enter(true).await?.run(&spec, &Signals::default(), &mut |_said| {}).await?;
        match ended.cause {
            Cause::Itself if ended.status == 0 => Ok(ended.result),
            _ => {
                let raised = ended.error.unwrap_or_default();
                let why = if raised.name.is_empty() {
                    "the interpreter ended".to_owned()
                } else {
                    format!("{}: {}", raised.name, raised.message)
                };
                Err(Error::NoCopy(why))
            }
        }
    }
}
