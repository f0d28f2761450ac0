//! The sandbox as tools for any client of the Model Context Protocol, over streamable HTTP at `/mcp`.
//!
//! A session of the protocol has one container, made when it is first needed: variables and files last between calls.
//! Revisions without sessions are therefore not supported; clients fall back. Every answer names its container and every
//! tool takes one, so that a later session can go on in it.
//! Whose it is decides the key that comes with each request, never the session.

mod answer;
mod arguments;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::request::Parts;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, Implementation, ProtocolVersion, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::{LocalSessionManager, SessionConfig};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, tool, tool_handler, tool_router};
use septet_contracts::page::PageQuery;
use septet_contracts::sandbox::{ExecutionReport, ExpiresAfter, Language, NewContainer, NewExecution, NewFile};
use septet_kernel::{Caller, ContainerId, TenantId};

use crate::container::File;
use crate::sandbox::Sandbox;
use crate::{Error, wire};
use arguments::{Inside, ReadFile, RunPython, RunSql, UploadFile};

/// How long a container lasts after its last use.
const EXPIRY_MINUTES: u32 = 60;
const LISTED_MAX: u32 = 100;
/// Room for a file of `upload_file`, which comes as JSON.
const REQUEST_BYTES_MAX: usize = 32 << 20;
const NO_FILE: &str = "there is no such file; list_files says what there is";

const INSTRUCTIONS: &str = "Runs Python and SQL in a sandbox without network. Variables and files last between calls of \
    one session. Files are below /session, the working folder. Open figures are saved and shown by themselves. SQL is \
    DuckDB's and reads files by their names: SELECT * FROM 'report.csv'.";

/// The service behind the route.
pub(crate) fn service(sandbox: Arc<Sandbox>) -> StreamableHttpService<McpSession, LocalSessionManager> {
    let idle = Duration::from_secs(u64::from(sandbox.config.session_idle_minutes.max(1)) * 60);
    let mut sessions = SessionConfig::default();
    sessions.keep_alive = Some(idle.max(Duration::from_millis(sandbox.config.timeout_max_ms) * 2));
    let mut manager = LocalSessionManager::default();
    manager.session_config = sessions;
    let config = StreamableHttpServerConfig::default()
        // Every request has to show a key, which a page that reaches us by DNS rebinding does not have.
        .disable_allowed_hosts()
        .with_max_request_body_bytes(REQUEST_BYTES_MAX)
        .with_cancellation_token(sandbox.lifecycle.stopping());
    StreamableHttpService::new(move || Ok(McpSession::new(Arc::clone(&sandbox))), Arc::new(manager), config)
}

/// One session.
#[derive(Clone)]
pub(crate) struct McpSession {
    sandbox: Arc<Sandbox>,
    /// The session's container, once it has one.
    container: Arc<Mutex<Option<ContainerId>>>,
    tool_router: ToolRouter<Self>,
}

#[tool_router]
impl McpSession {
    fn new(sandbox: Arc<Sandbox>) -> Self {
        Self { sandbox, container: Arc::default(), tool_router: Self::tool_router() }
    }

    #[tool(
        description = "Runs Python 3 with numpy, pandas, matplotlib, duckdb and openpyxl. Gives what it prints, the \
                       value of a last line that is an expression, its charts as images, and the files that it wrote."
    )]
    async fn run_python(
        &self,
        Parameters(RunPython { code, timeout_ms, container }): Parameters<RunPython>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let new =
            NewExecution { language: Language::Python, code, timeout_ms, stateful: true, ..NewExecution::default() };
        self.run(new, container, context).await
    }

    #[tool(description = "Runs DuckDB's SQL over the files of the session: SELECT * FROM 'report.csv'. CSV, Parquet, \
                          JSON and Excel files are read by their names. Gives the rows of the last query.")]
    async fn run_sql(
        &self,
        Parameters(RunSql { query, timeout_ms, container }): Parameters<RunSql>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let new = NewExecution {
            language: Language::Sql,
            code: query,
            timeout_ms,
            stateful: true,
            ..NewExecution::default()
        };
        self.run(new, container, context).await
    }

    #[tool(description = "Stops the code that runs in the session. Its variables stay.")]
    async fn interrupt(
        &self,
        Parameters(Inside { container }): Parameters<Inside>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tenant = tenant(&context)?;
        let interrupt = async {
            let container = self.container(tenant, container).await?;
            self.sandbox.interrupt(tenant, container).await?;
            Ok(container)
        };
        Ok(answer::of(interrupt.await, |container| answer::done(container, "interrupted")))
    }

    #[tool(
        description = "Makes a second container with the files and variables of this one. Both go on apart; name the \
                          new one in the argument container to use it."
    )]
    async fn fork_session(
        &self,
        Parameters(Inside { container }): Parameters<Inside>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tenant = tenant(&context)?;
        let fork = async {
            let container = self.container(tenant, container).await?;
            self.sandbox.fork(tenant, None, container).await
        };
        Ok(answer::of(fork.await, |forked| answer::forked(forked.container.id, &forked.left_behind)))
    }

    #[tool(description = "Writes a file into the session, from text or from base64.")]
    async fn upload_file(
        &self,
        Parameters(UploadFile { path, text, base64, container }): Parameters<UploadFile>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let bytes = match (text, base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => match STANDARD.decode(base64.trim()) {
                Ok(bytes) => bytes,
                Err(error) => return Ok(answer::refused(&format!("base64 is not understood: {error}"))),
            },
            _ => return Ok(answer::refused("give the content as either text or base64")),
        };
        let tenant = tenant(&context)?;
        let put = async {
            let container = self.container(tenant, container).await?;
            let blob = self.sandbox.blobs.put(bytes).await?.id;
            self.sandbox.add_file(tenant, container, NewFile { blob, path }).await
        };
        Ok(answer::of(put.await, |file| answer::listed(file.container, &[wire::file(&file)])))
    }

    #[tool(description = "Lists the files of the session.", annotations(read_only_hint = true))]
    async fn list_files(
        &self,
        Parameters(Inside { container }): Parameters<Inside>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tenant = tenant(&context)?;
        let list = async {
            let container = self.container(tenant, container).await?;
            let page = PageQuery { limit: Some(LISTED_MAX), ..PageQuery::default() };
            Ok((container, self.sandbox.files(tenant, container, &page).await?.0))
        };
        Ok(answer::of(list.await, |(container, files)| {
            answer::listed(container, &files.iter().map(wire::file).collect::<Vec<_>>())
        }))
    }

    #[tool(
        description = "Reads a file of the session: text as text, a picture as an image, anything else as base64.",
        annotations(read_only_hint = true)
    )]
    async fn read_file(
        &self,
        Parameters(ReadFile { path, container }): Parameters<ReadFile>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tenant = tenant(&context)?;
        let read = async {
            let container = self.container(tenant, container).await?;
            let Some(file) = self.find(container, &path).await? else { return Ok(None) };
            if file.bytes > answer::READ_BYTES_MAX {
                return Ok(Some((file, None)));
            }
            let bytes = self.sandbox.blobs.read(&file.blob).await?;
            Ok(Some((file, Some(bytes))))
        };
        Ok(answer::of(read.await, |found| match found {
            None => answer::refused(NO_FILE),
            Some((file, None)) => answer::too_large(&wire::file(&file)),
            Some((file, Some(bytes))) => answer::content(&wire::file(&file), &bytes),
        }))
    }
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for McpSession {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("septet-sandbox", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(INSTRUCTIONS.to_owned());
        info
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::LATEST_WITH_INITIALIZE))
    }
}

impl McpSession {
    async fn run(
        &self,
        new: NewExecution,
        container: Option<String>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tenant = tenant(&context)?;
        let run = async {
            let container = self.container(tenant, container).await?;
            let mut report = ExecutionReport::new(container);
            let mut events = self.sandbox.execute(tenant, container, new, None).await?;
            loop {
                // A call that is cancelled drops the events, and with them the code.
                tokio::select! {
                    event = events.next() => match event {
                        Some(event) => report.add(event),
                        None => break,
                    },
                    () = context.ct.cancelled() => break,
                }
            }
            Ok(report)
        };
        Ok(match run.await {
            Ok(report) => answer::report(&report, &self.sandbox.blobs).await,
            Err(error) => answer::failed(&error),
        })
    }

    /// The container that is named, else the session's. One that has expired is replaced: its variables are gone
    /// anyway, and a conversation that was left alone for an hour should go on.
    async fn container(&self, tenant: TenantId, named: Option<String>) -> Result<ContainerId, Error> {
        if let Some(named) = named {
            return Ok(self.sandbox.usable(tenant, named.parse()?).await?.id);
        }
        let known = *self.container.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known {
            match self.sandbox.usable(tenant, known).await {
                Ok(container) => return Ok(container.id),
                Err(Error::Expired(_) | Error::NoContainer(_)) => {}
                Err(other) => return Err(other),
            }
        }
        let expires_after = ExpiresAfter { anchor: "last_active_at".to_owned(), minutes: EXPIRY_MINUTES };
        let new =
            NewContainer { name: "mcp".to_owned(), expires_after: Some(expires_after), ..NewContainer::default() };
        let made = self.sandbox.create(tenant, None, new).await?.id;
        *self.container.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        Ok(made)
    }

    async fn find(&self, container: ContainerId, path: &str) -> Result<Option<File>, Error> {
        let path = crate::process::inside(path).ok_or_else(|| Error::BadPath(path.chars().take(200).collect()))?;
        Ok(self.sandbox.store.all_files(container).await?.into_iter().find(|file| file.path == path))
    }
}

/// The tenant of the request, which the authentication has put there.
fn tenant(context: &RequestContext<RoleServer>) -> Result<TenantId, ErrorData> {
    let caller = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>());
    caller.map(|caller| caller.tenant).ok_or_else(|| ErrorData::invalid_request("the request carries no key", None))
}
