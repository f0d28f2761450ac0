//! Maps rows to the wire types of the contracts. Management has no model of its own between the two: it only keeps what it is told.

use std::str::FromStr;

use septet_contracts::management as wire;
use septet_kernel::Role;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::store::{agents, keys, knowledge_bases, prompt_versions, prompts, tenants, users};

pub(crate) fn tenant(row: &tenants::Model) -> Result<wire::Tenant, Error> {
    Ok(wire::Tenant {
        id: id("management_tenants", &row.id)?,
        name: row.name.clone(),
        home: row.home != 0,
        disabled: row.disabled != 0,
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
    })
}

pub(crate) fn user(row: &users::Model, tenant: &tenants::Model) -> Result<wire::User, Error> {
    Ok(wire::User {
        id: id("management_users", &row.id)?,
        email: row.email.clone(),
        name: row.name.clone(),
        role: role(&row.role)?,
        tenant: wire::TenantRef { id: id("management_tenants", &tenant.id)?, name: tenant.name.clone() },
        disabled: row.disabled != 0,
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
        last_login_at: row.last_login_at.map(seconds),
    })
}

pub(crate) fn key(row: &keys::Model) -> Result<wire::ApiKey, Error> {
    const TABLE: &str = "management_keys";
    Ok(wire::ApiKey {
        id: id(TABLE, &row.id)?,
        name: row.name.clone(),
        prefix: row.prefix.clone(),
        user: id(TABLE, &row.owner)?,
        role: role(&row.role)?,
        requests_per_minute: row.requests_per_minute.map(|limit| number(TABLE, limit)).transpose()?,
        created_at: seconds(row.created_at),
        expires_at: row.expires_at.map(seconds),
        last_used_at: row.last_used_at.map(seconds),
        revoked_at: row.revoked_at.map(seconds),
    })
}

pub(crate) fn prompt(row: &prompts::Model) -> Result<wire::Prompt, Error> {
    const TABLE: &str = "management_prompts";
    Ok(wire::Prompt {
        id: id(TABLE, &row.id)?,
        name: row.name.clone(),
        description: row.description.clone(),
        live_version: number(TABLE, row.live_version)?,
        latest_version: number(TABLE, row.latest_version)?,
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
    })
}

pub(crate) fn version(row: prompt_versions::Model, live_version: i64) -> Result<wire::PromptVersion, Error> {
    const TABLE: &str = "management_prompt_versions";
    Ok(wire::PromptVersion {
        prompt_id: id(TABLE, &row.prompt)?,
        version: number(TABLE, row.version)?,
        live: row.version == live_version,
        created_by: row.created_by.as_deref().map(|user| id(TABLE, user)).transpose()?,
        created_at: seconds(row.created_at),
        text: row.text,
        note: row.note,
    })
}

pub(crate) fn agent(row: &agents::Model) -> Result<wire::Agent, Error> {
    const TABLE: &str = "management_agents";
    Ok(wire::Agent {
        id: id(TABLE, &row.id)?,
        name: row.name.clone(),
        title: row.title.clone(),
        description: row.description.clone(),
        model: row.model.clone(),
        prompt_id: id(TABLE, &row.prompt)?,
        prompt_version: row.prompt_version.map(|version| number(TABLE, version)).transpose()?,
        tools: json(TABLE, &row.tools)?,
        knowledge_bases: json(TABLE, &row.knowledge_bases)?,
        limits: json(TABLE, &row.limits)?,
        created_at: seconds(row.created_at),
        updated_at: seconds(row.updated_at),
    })
}

pub(crate) fn knowledge_base(row: &knowledge_bases::Model) -> Result<wire::KnowledgeBase, Error> {
    const TABLE: &str = "management_knowledge_bases";
    Ok(wire::KnowledgeBase {
        id: id(TABLE, &row.id)?,
        name: row.name.clone(),
        description: row.description.clone(),
        metadata: json(TABLE, &row.metadata)?,
        created_by: row.created_by.as_deref().map(|user| id(TABLE, user)).transpose()?,
        private: row.private != 0,
        created_at: seconds(row.created_at),
        last_active_at: seconds(row.last_active_at),
    })
}

/// A role as it is stored.
pub(crate) fn role(word: &str) -> Result<Role, Error> {
    let found = Role::ALL.into_iter().find(|role| role.as_str() == word);
    found.ok_or_else(|| Error::BadRow { table: "management_users", detail: format!("unknown role {word:?}") })
}

/// A list or map as it is stored.
pub(crate) fn stored(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::BadRow { table: "management", detail: error.to_string() })
}

pub(crate) fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1000)
}

fn id<T: FromStr<Err: std::fmt::Display>>(table: &'static str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::BadRow { table, detail: error.to_string() })
}

fn number(table: &'static str, stored: i64) -> Result<u32, Error> {
    u32::try_from(stored).map_err(|_range| Error::BadRow { table, detail: format!("{stored} is out of range") })
}

fn json<T: DeserializeOwned>(table: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::BadRow { table, detail: error.to_string() })
}
