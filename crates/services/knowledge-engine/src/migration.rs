//! The tables of this service.
//!
//! Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "knowledge_migrations",
    steps: &[
        Step::new("m0001_knowledge", FIRST),
        Step::new("m0002_file_owners", FILE_OWNERS),
        Step::new("m0003_files_by_blob", FILES_BY_BLOB),
    ],
};

const FIRST: &[&str] = &[
    "CREATE TABLE knowledge_files (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        blob TEXT NOT NULL,
        filename TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        purpose TEXT NOT NULL,
        created_at BIGINT NOT NULL
    )",
    "CREATE INDEX knowledge_files_listed ON knowledge_files (tenant, id)",
    // A file in a knowledge base, and how far reading it is. `requested_at` tells one reading from the next.
    "CREATE TABLE knowledge_documents (
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        tenant TEXT NOT NULL,
        filename TEXT NOT NULL,
        stage TEXT NOT NULL,
        status TEXT NOT NULL,
        reader TEXT NOT NULL,
        pages_done BIGINT NOT NULL,
        pages_total BIGINT NOT NULL,
        n_chunks BIGINT NOT NULL,
        usage_bytes BIGINT NOT NULL,
        error_code TEXT,
        error_message TEXT,
        attributes TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        requested_at BIGINT NOT NULL,
        PRIMARY KEY (store, file)
    )",
    "CREATE INDEX knowledge_documents_by_file ON knowledge_documents (tenant, file)",
    "CREATE INDEX knowledge_documents_by_status ON knowledge_documents (status)",
    // Pages of a file that is being read; gone when its passages are there.
    "CREATE TABLE knowledge_pages (
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        page BIGINT NOT NULL,
        content TEXT NOT NULL,
        PRIMARY KEY (store, file, page)
    )",
    // The passages: the truth that the search index is derived from.
    "CREATE TABLE knowledge_chunks (
        number BIGINT NOT NULL PRIMARY KEY,
        id TEXT NOT NULL,
        sequence BIGINT NOT NULL,
        tenant TEXT NOT NULL,
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        filename TEXT NOT NULL,
        page BIGINT NOT NULL,
        page_end BIGINT NOT NULL,
        heading TEXT NOT NULL,
        content TEXT NOT NULL,
        is_table BIGINT NOT NULL,
        boxes TEXT NOT NULL
    )",
    "CREATE INDEX knowledge_chunks_by_source ON knowledge_chunks (store, file)",
    "CREATE INDEX knowledge_chunks_by_sequence ON knowledge_chunks (sequence)",
    // What an index that has older passages must forget; no file means the whole knowledge base.
    "CREATE TABLE knowledge_removals (
        sequence BIGINT NOT NULL,
        store TEXT NOT NULL,
        file TEXT NOT NULL
    )",
    "CREATE INDEX knowledge_removals_by_sequence ON knowledge_removals (sequence)",
    "CREATE TABLE knowledge_vectors (
        number BIGINT NOT NULL PRIMARY KEY,
        store TEXT NOT NULL,
        file TEXT NOT NULL,
        model TEXT NOT NULL,
        numbers BYTEA NOT NULL
    )",
    "CREATE INDEX knowledge_vectors_by_source ON knowledge_vectors (store, file)",
    // `sequence` counts the changes of the passage table, `epoch` tells this database from another.
    "CREATE TABLE knowledge_state (
        name TEXT NOT NULL PRIMARY KEY,
        value BIGINT NOT NULL
    )",
];

const FILE_OWNERS: &[&str] = &[
    // Who uploaded it; not known of files from before this was kept.
    "ALTER TABLE knowledge_files ADD COLUMN created_by TEXT",
];

/// Whether a blob is still needed is asked of every sweep.
const FILES_BY_BLOB: &[&str] = &["CREATE INDEX knowledge_files_by_blob ON knowledge_files (blob)"];
