//! A Management of its own for every test: SQLite in a folder, or PostgreSQL when `SEPTET_TEST_POSTGRES` names a
//! server where databases may be made.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use septet_chassis::Platform;
use septet_contracts::agents::ToolSummary;
use septet_contracts::call::CallError;
use septet_contracts::management::{Credentials, Management, NewUser, User};
use septet_database::Database;
use septet_kernel::{Caller, Clock, Kind, Role, ServiceName, TenantId};
use septet_management::{Config, FirstStart, open};

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Bench {
    pub(crate) management: Management,
    pub(crate) platform: Platform,
    pub(crate) database: Database,
    pub(crate) first_start: FirstStart,
    /// The administrator of the home tenant.
    pub(crate) owner: Caller,
    pub(crate) folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = fresh_database(&folder).await;
        let (management, platform, first_start) = start(database.clone()).await;
        let first_start = first_start.expect("an empty installation has a first start");
        let anybody = anybody(&platform);
        let credentials =
            Credentials { email: first_start.email.clone(), password: first_start.password.expose_secret().to_owned() };
        let user = management.verify_credentials(&anybody, &credentials).await.unwrap().user;
        let owner = caller_of(&user, &platform);
        Self { management, platform, database, first_start, owner, folder }
    }

    /// What the gateway calls with before it knows anybody.
    pub(crate) fn anybody(&self) -> Caller {
        anybody(&self.platform)
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.platform.clock
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.platform.clock.advance(Duration::from_secs(seconds));
    }

    /// A user of the home tenant, as a caller.
    pub(crate) async fn person(&self, email: &str, role: Role) -> Caller {
        let user = self.management.create_user(&self.owner, &new_user(email, role)).await.unwrap();
        caller_of(&user, &self.platform)
    }

    /// Another tenant with an owner.
    pub(crate) async fn tenant(&self, name: &str) -> Caller {
        use septet_contracts::management::{NewOwner, NewTenant};
        let email = format!("owner@{name}.example");
        let owner = NewOwner { email: email.clone(), name: String::new(), password: PASSWORD.to_owned() };
        let new = NewTenant { name: name.to_owned(), owner };
        self.management.create_tenant(&self.owner, &new).await.unwrap();
        caller_of(&self.sign_in(&email, PASSWORD).await.unwrap(), &self.platform)
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Result<User, CallError> {
        let credentials = Credentials { email: email.to_owned(), password: password.to_owned() };
        Ok(self.management.verify_credentials(&self.anybody(), &credentials).await?.user)
    }
}

/// Starts Management on a database, as the binary does.
pub(crate) async fn start(database: Database) -> (Management, Platform, Option<FirstStart>) {
    let platform = Platform::new(&SecretString::from("a secret of the tests"), Clock::manual(1_750_000_000_000));
    let (service, first_start) = open(Config::default(), &platform, database).await.unwrap();
    let router = service.into_router(&platform);
    platform.directory.plug_local(ServiceName::Management, router);
    let tools = async || axum::Json(["knowledge_search", "run_python", "run_sql"].map(tool));
    let agents = axum::Router::new().route("/internal/tools", axum::routing::get(tools));
    let agents = septet_chassis::Service::internal(ServiceName::AgentCore, agents);
    platform.directory.plug_local(ServiceName::AgentCore, agents.into_router(&platform));
    (Management::new(platform.directory.transport(ServiceName::Management)), platform, first_start)
}

fn tool(name: &str) -> ToolSummary {
    ToolSummary { name: name.to_owned(), description: String::new() }
}

async fn fresh_database(folder: &tempfile::TempDir) -> Database {
    let Some(server) = postgres_server() else {
        return Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
    };
    use sea_orm::ConnectionTrait;
    let name = format!("septet_mgmt_{}", septet_kernel::Ids::new(Clock::system()).next::<TenantId>().uuid().simple());
    let admin = Database::open(&server).await.unwrap();
    admin.writer().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
    Database::open(&format!("{base}/{name}")).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
fn postgres_server() -> Option<String> {
    std::env::var("SEPTET_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

fn anybody(platform: &Platform) -> Caller {
    Caller { role: Role::Viewer, ..Caller::background(platform.ids.next(), platform.ids.next()) }
}

pub(crate) fn caller_of(user: &User, platform: &Platform) -> Caller {
    Caller { user: Some(user.id), role: user.role, ..Caller::background(user.tenant.id, platform.ids.next()) }
}

pub(crate) fn new_user(email: &str, role: Role) -> NewUser {
    NewUser { email: email.to_owned(), name: String::new(), password: PASSWORD.to_owned(), role }
}

/// The refusal's kind and code.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, CallError>) -> (Kind, String) {
    let error = answer.expect_err("this should be refused");
    (error.kind, error.code)
}

/// The field that a refusal names.
pub(crate) fn bad_field<T: std::fmt::Debug>(answer: Result<T, CallError>) -> String {
    let error = answer.expect_err("this should be refused");
    assert_eq!(error.kind, Kind::Unprocessable, "{error}");
    error.param.expect("the refusal names a field")
}
