//! `septet admin`: users and keys without the console. It works on the data folder directly, also while a server runs.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use rand::distr::{Alphanumeric, SampleString};
use septet_contracts::management::{NewApiKey, NewUser};
use septet_contracts::page::PageQuery;
use septet_database::Database;
use septet_kernel::{Caller, Clock, Ids, Role};
use septet_management::Management;

use super::terminal;
use crate::config::Config;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a user; prints the generated password once.
    CreateUser {
        /// The mail address to sign in with.
        #[arg(long)]
        email: String,
        /// What others see; the mail address unless told.
        #[arg(long, default_value = "")]
        name: String,
        /// owner, admin, editor, member or viewer.
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
    },
    /// Make an API key; prints it once.
    CreateKey {
        /// What it is for.
        #[arg(long)]
        name: String,
        /// Whose key, by mail address; the first owner's unless told.
        #[arg(long)]
        email: Option<String>,
        /// The most it may do: owner, admin, editor, member or viewer. The person's own role unless told.
        #[arg(long, value_parser = role)]
        role: Option<Role>,
    },
}

/// Runs an admin command on the tables of the data folder.
pub(crate) async fn run(config: Config, command: Command) -> anyhow::Result<ExitCode> {
    let uri = config.stores.database.as_deref().context("stores.database is not resolved")?;
    let there = uri.strip_prefix("sqlite://").is_none_or(|path| std::path::Path::new(path).is_file());
    anyhow::ensure!(there, "there is no installation in {} yet; start it once with: septet up", config.data.display());
    let desk = Desk::open(Database::open(uri).await?).await?;
    match command {
        Command::CreateUser { email, name, role } => {
            let password = Alphanumeric.sample_string(&mut rand::rng(), 20);
            let new = NewUser { email: email.clone(), name, password: password.clone(), role };
            desk.management.create_user(&desk.caller, new).await?;
            terminal::line(&format!("made {email}; the password, shown once, is"));
            terminal::line(&password);
        }
        Command::CreateKey { name, email, role } => {
            terminal::line(&desk.create_key(&name, email.as_deref(), role).await?)
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Management without a server in front of it, with an owner's rights in the home tenant.
pub struct Desk {
    management: Management,
    caller: Caller,
}

impl Desk {
    /// Sits down at the tables of an installation that has been started once.
    pub async fn open(database: Database) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let ids = Ids::new(clock.clone());
        let management = Management::new(database, clock, ids.clone()).await?;
        let tenant =
            management.home_tenant().await.context("the installation has not been started once; run: septet up")?;
        Ok(Self { management, caller: Caller::background(tenant.id, ids.next()) })
    }

    /// Makes a key and gives its secret.
    pub async fn create_key(&self, name: &str, email: Option<&str>, role: Option<Role>) -> anyhow::Result<String> {
        let page = PageQuery { limit: Some(100), order: Some("asc".to_owned()), ..PageQuery::default() };
        let users = self.management.users(&self.caller, &page).await?.data;
        let user = users
            .iter()
            .find(|user| email.map_or(user.role == Role::Owner, |email| user.email.eq_ignore_ascii_case(email)))
            .with_context(|| format!("there is no user {}", email.unwrap_or("with the role owner")))?;
        let new =
            NewApiKey { name: name.to_owned(), user: Some(user.id), role, requests_per_minute: None, expires_at: None };
        Ok(self.management.create_key(&self.caller, new).await?.secret)
    }
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into())
        .map_err(|_no_role| format!("{text:?} is no role; choose owner, admin, editor, member or viewer"))
}
