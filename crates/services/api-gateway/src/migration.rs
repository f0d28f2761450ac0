//! The gateway's own tables, prefix `gateway_`.
//!
//! Plain SQL that SQLite and PostgreSQL both take: TEXT ids, BIGINT milliseconds and nano-units.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "gateway_migrations",
    steps: &[
        Step::new("gateway_0001_sessions_and_ledger", FIRST),
        Step::new("gateway_0002_session_epochs", SESSION_EPOCHS),
        Step::new("gateway_0003_holds_of_calls", HOLDS_OF_CALLS),
        Step::new("gateway_0004_installation", INSTALLATION),
    ],
};

const FIRST: &[&str] = &[
    // A session is one sign-in on one device. Ending it ends its access tokens too.
    "CREATE TABLE gateway_sessions (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT NOT NULL,
        created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL,
        ended_at_ms BIGINT, ended_why TEXT)",
    "CREATE INDEX gateway_sessions_person ON gateway_sessions (person)",
    "CREATE INDEX gateway_sessions_expiry ON gateway_sessions (expires_at_ms)",
    // Every refresh token of a session, used ones too: that is how a replay is recognised. Only hashes.
    "CREATE TABLE gateway_refresh_tokens (
        hash TEXT PRIMARY KEY, session TEXT NOT NULL, issued_at_ms BIGINT NOT NULL, used_at_ms BIGINT)",
    "CREATE INDEX gateway_refresh_tokens_session ON gateway_refresh_tokens (session)",
    "CREATE TABLE gateway_tickets (hash TEXT PRIMARY KEY, identity TEXT NOT NULL, expires_at_ms BIGINT NOT NULL)",
    // Projections of the ledger and of the open holds.
    "CREATE TABLE gateway_accounts (
        tenant TEXT PRIMARY KEY, mode TEXT NOT NULL,
        balance_nano BIGINT NOT NULL, held_nano BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL)",
    // Append only. Each record has one debit and one credit of the same amount.
    "CREATE TABLE gateway_ledger (
        id TEXT PRIMARY KEY, record TEXT NOT NULL, side TEXT NOT NULL, account TEXT NOT NULL, tenant TEXT NOT NULL,
        kind TEXT NOT NULL, amount_nano BIGINT NOT NULL, memo TEXT NOT NULL, at_ms BIGINT NOT NULL,
        UNIQUE (record, side))",
    "CREATE INDEX gateway_ledger_tenant ON gateway_ledger (tenant, id)",
    "CREATE TABLE gateway_holds (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, amount_nano BIGINT NOT NULL, state TEXT NOT NULL,
        settled_nano BIGINT NOT NULL, created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL)",
    "CREATE INDEX gateway_holds_open ON gateway_holds (state, expires_at_ms)",
    // What each usage record said, for the reports that the ledger's amounts alone cannot give.
    "CREATE TABLE gateway_usage (
        record TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT, api_key TEXT, request TEXT, run TEXT,
        model TEXT NOT NULL, provider TEXT NOT NULL,
        input_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
        cost_nano BIGINT NOT NULL, estimated BIGINT NOT NULL, at_ms BIGINT NOT NULL, duration_ms BIGINT NOT NULL)",
    "CREATE INDEX gateway_usage_tenant ON gateway_usage (tenant, at_ms)",
    "CREATE TABLE gateway_cursors (name TEXT PRIMARY KEY, cursor_text TEXT NOT NULL)",
];

const SESSION_EPOCHS: &[&str] = &[
    // The number of the newest change of rights when the session began.
    "ALTER TABLE gateway_sessions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0",
    // Every gateway asks for these several times a second.
    "CREATE INDEX gateway_sessions_ended ON gateway_sessions (ended_at_ms)",
];

const HOLDS_OF_CALLS: &[&str] = &[
    // A hold belongs to a call of a model, and the call perhaps to a run.
    "ALTER TABLE gateway_holds ADD COLUMN run TEXT",
    // Usage records that cannot be true, whole, for somebody to look at.
    "CREATE TABLE gateway_refused_usage (
        record TEXT PRIMARY KEY, tenant TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
        reason TEXT NOT NULL, booked_nano BIGINT NOT NULL, body TEXT NOT NULL, at_ms BIGINT NOT NULL)",
];

const INSTALLATION: &[&str] = &[
    // One row, with an id that no other database has.
    "CREATE TABLE gateway_installation (number BIGINT PRIMARY KEY, id TEXT NOT NULL)",
];
