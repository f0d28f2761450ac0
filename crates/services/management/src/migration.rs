//! The tables of Management. Every statement runs on SQLite and on PostgreSQL as it stands; moments are milliseconds,
//! flags are 0 or 1, lists and maps are JSON text.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "management_migrations",
    steps: &[
        Step::new("m0001_tables", TABLES),
        Step::new("m0002_rights_changes", RIGHTS_CHANGES),
        Step::new("m0003_private_bases", PRIVATE_BASES),
    ],
};

const TABLES: &[&str] = &[
    "CREATE TABLE management_tenants (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        home BIGINT NOT NULL,
        disabled BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE UNIQUE INDEX management_tenants_name ON management_tenants (name)",
    // Two first starts at once would each make a home tenant; this lets one of them fail.
    "CREATE UNIQUE INDEX management_tenants_home ON management_tenants (home) WHERE home = 1",
    "CREATE TABLE management_users (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES management_tenants (id),
        email TEXT NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        password_hash TEXT NOT NULL,
        disabled BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        last_login_at BIGINT
    )",
    "CREATE UNIQUE INDEX management_users_email ON management_users (email)",
    "CREATE INDEX management_users_tenant ON management_users (tenant, id)",
    "CREATE TABLE management_keys (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES management_tenants (id),
        owner TEXT NOT NULL REFERENCES management_users (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        prefix TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        role TEXT NOT NULL,
        requests_per_minute BIGINT,
        created_at BIGINT NOT NULL,
        expires_at BIGINT,
        last_used_at BIGINT,
        revoked_at BIGINT
    )",
    "CREATE UNIQUE INDEX management_keys_sha256 ON management_keys (sha256)",
    "CREATE INDEX management_keys_tenant ON management_keys (tenant, id)",
    "CREATE TABLE management_prompts (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES management_tenants (id),
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        live_version BIGINT NOT NULL,
        latest_version BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE UNIQUE INDEX management_prompts_name ON management_prompts (tenant, name)",
    "CREATE INDEX management_prompts_tenant ON management_prompts (tenant, id)",
    "CREATE TABLE management_prompt_versions (
        prompt TEXT NOT NULL REFERENCES management_prompts (id) ON DELETE CASCADE,
        version BIGINT NOT NULL,
        tenant TEXT NOT NULL,
        text TEXT NOT NULL,
        note TEXT NOT NULL,
        created_by TEXT,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (prompt, version)
    )",
    "CREATE TABLE management_agents (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES management_tenants (id),
        name TEXT NOT NULL,
        title TEXT NOT NULL,
        description TEXT NOT NULL,
        model TEXT NOT NULL,
        prompt TEXT NOT NULL REFERENCES management_prompts (id),
        prompt_version BIGINT,
        tools TEXT NOT NULL,
        knowledge_bases TEXT NOT NULL,
        limits TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE UNIQUE INDEX management_agents_name ON management_agents (tenant, name)",
    "CREATE INDEX management_agents_tenant ON management_agents (tenant, id)",
    "CREATE TABLE management_knowledge_bases (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL REFERENCES management_tenants (id),
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        metadata TEXT NOT NULL,
        created_by TEXT,
        created_at BIGINT NOT NULL,
        last_active_at BIGINT NOT NULL
    )",
    "CREATE INDEX management_knowledge_bases_tenant ON management_knowledge_bases (tenant, id)",
];

const RIGHTS_CHANGES: &[&str] = &[
    // One row: the number of the newest change of anybody's rights.
    "CREATE TABLE management_epoch (id BIGINT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)",
    "INSERT INTO management_epoch (id, value) VALUES (1, 0)",
    // The newest change of each tenant, user or key. It outlives its subject: a removed account is a change too.
    "CREATE TABLE management_rights_changes (
        subject TEXT NOT NULL PRIMARY KEY,
        epoch BIGINT NOT NULL,
        sessions_epoch BIGINT NOT NULL,
        changed_at BIGINT NOT NULL
    )",
    "CREATE INDEX management_rights_changes_epoch ON management_rights_changes (epoch)",
];

const PRIVATE_BASES: &[&str] = &[
    // 1: for `created_by` alone.
    "ALTER TABLE management_knowledge_bases ADD COLUMN private BIGINT NOT NULL DEFAULT 0",
];
