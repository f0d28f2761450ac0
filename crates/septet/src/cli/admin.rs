//! `septet admin`: users and keys without the console. It works on the tables directly, also while a server runs.

mod client;
mod table;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use septet_database::Database;
use septet_kernel::{ApiKeyId, Role};
use serde_json::json;

pub use self::client::AdminClient;
use super::terminal;
use crate::config::Config;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
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
        #[command(flatten)]
        tenant: Tenant,
    },
    /// List the users of a tenant.
    ListUsers {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Give a user a new generated password, which is printed once; everybody who is signed in as this user is signed out.
    ResetPassword {
        /// The user's mail address.
        #[arg(long)]
        email: String,
    },
    /// Lock a user out: no sign-in, no session, no key of this user works any more.
    DisableUser {
        /// The user's mail address.
        #[arg(long)]
        email: String,
    },
    /// Let a user in again who was locked out.
    EnableUser {
        /// The user's mail address.
        #[arg(long)]
        email: String,
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
    /// List the API keys of a tenant, without their secrets.
    ListKeys {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Make an API key stop working at once.
    RevokeKey {
        /// The key's id, as list-keys shows it.
        id: ApiKeyId,
    },
}

/// Which tenant a command is about.
#[derive(clap::Args)]
struct Tenant {
    /// The tenant's name or id; the one made at the first start unless told.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// Runs an admin command on the tables of the data folder.
pub(crate) async fn run(config: Config, options: Options) -> anyhow::Result<ExitCode> {
    let uri = config.stores.database.as_deref().context("stores.database is not resolved")?;
    let there = uri.strip_prefix("sqlite://").is_none_or(|path| std::path::Path::new(path).is_file());
    anyhow::ensure!(there, "there is no installation in {} yet; start it once with: septet up", config.data.display());
    let client = AdminClient::open(Database::open(uri).await?).await?;
    let json = options.json;
    match options.command {
        Command::CreateUser { email, name, role, tenant } => {
            let (user, password) = client.create_user(&email, &name, role, tenant.tenant.as_deref()).await?;
            told_once(json, &json!({"user": user, "password": password}), &format!("made {}", user.email), &password)?;
        }
        Command::ListUsers { tenant } => {
            let users = client.users(tenant.tenant.as_deref()).await?;
            shown(json, &users, || table::users(&users))?;
        }
        Command::ResetPassword { email } => {
            let (user, password) = client.reset_password(&email).await?;
            let done = format!("gave {} a new password", user.email);
            told_once(json, &json!({"user": user, "password": password}), &done, &password)?;
        }
        Command::DisableUser { email } => {
            let user = client.set_disabled(&email, true).await?;
            shown(json, &user, || format!("{} is locked out", user.email))?;
        }
        Command::EnableUser { email } => {
            let user = client.set_disabled(&email, false).await?;
            shown(json, &user, || format!("{} may sign in again", user.email))?;
        }
        Command::CreateKey { name, email, role } => {
            let created = client.created_key(&name, email.as_deref(), role).await?;
            shown(json, &created, || created.secret.clone())?;
        }
        Command::ListKeys { tenant } => {
            let users = client.users(tenant.tenant.as_deref()).await?;
            let keys = client.keys(tenant.tenant.as_deref()).await?;
            shown(json, &keys, || table::keys(&keys, &users))?;
        }
        Command::RevokeKey { id } => {
            let key = client.revoke_key(id).await?;
            shown(json, &key, || format!("the key {} ({}) no longer works", key.name, key.prefix))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints a thing, for a script or for a person.
fn shown(json: bool, thing: &impl serde::Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    terminal::line(&if json { serde_json::to_string_pretty(thing)? } else { text() });
    Ok(())
}

/// Prints a secret. It stands on a line of its own, so that it can be copied and cut out.
fn told_once(json: bool, thing: &serde_json::Value, done: &str, secret: &str) -> anyhow::Result<()> {
    shown(json, thing, || format!("{done}; the password, shown once, is\n{secret}"))
}

fn role(text: &str) -> Result<Role, String> {
    serde_json::from_value(text.into())
        .map_err(|_no_role| format!("{text:?} is no role; choose owner, admin, editor, member or viewer"))
}
