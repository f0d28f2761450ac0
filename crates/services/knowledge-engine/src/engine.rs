//! What the service does, without HTTP: files, knowledge bases, search. Ingestion is in [`crate::ingest`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use septet_blobs::Blobs;
use septet_chassis::cpu::CpuPool;
use septet_chassis::{Lifecycle, Shares};
use septet_contracts::jobs::{Job, Jobs, NewJob};
use septet_contracts::knowledge::{INGEST_JOB, IngestPayload};
use septet_contracts::management::{KnowledgeBase, Management};
use septet_contracts::models::{CallOptions, EmbeddingInput, EmbeddingRequest, Models};
use septet_kernel::{Caller, FileId, Ids, Kind, ServiceName, VectorStoreId};

use crate::follow::{self, Followed};
use crate::index::query::Query;
use crate::index::vectors::Vectors;
use crate::index::{Hit, Index, Scope};
use crate::parse::Reader;
use crate::search::{Ranking, choose, fuse};
use crate::store::{Document, Key, Store, StoredChunk};
use crate::{Config, Error, rows};

/// Passages each ranking contributes before fusion.
const DEPTH: usize = 80;
/// With the waits between them these outlast an outage of an hour.
const MAX_ATTEMPTS: u32 = 25;
/// Passages that are looked into row by row, for each question.
const CANDIDATES: usize = 200;

/// The knowledge engine.
pub(crate) struct Engine {
    pub config: Config,
    pub store: Store,
    pub blobs: Blobs,
    pub cpu: CpuPool,
    pub ids: Ids,
    pub lifecycle: Lifecycle,
    pub reader: Reader,
    /// Where files are read, shared between tenants.
    pub readings: Arc<Shares>,
    pub management: Management,
    pub jobs: Jobs,
    pub models: Models,
    pub index: Arc<Index>,
    /// Where there is an embedding model.
    pub vectors: Option<Vectors>,
    /// All indexes, those above among them.
    pub followers: Vec<Followed>,
}

/// What to search for and where.
pub(crate) struct Question {
    pub stores: Vec<VectorStoreId>,
    pub files: Option<Vec<FileId>>,
    pub queries: Vec<String>,
    pub limit: usize,
}

impl Engine {
    /// The row of a knowledge base, from Management.
    pub(crate) async fn knowledge_base(&self, caller: &Caller, store: VectorStoreId) -> Result<KnowledgeBase, Error> {
        self.management.knowledge_base(caller, store).await.map_err(|source| match source.kind {
            Kind::NotFound => Error::NoStore(store),
            Kind::BadRequest
            | Kind::Unauthenticated
            | Kind::PaymentRequired
            | Kind::Forbidden
            | Kind::Conflict
            | Kind::Unprocessable
            | Kind::TooLarge
            | Kind::Exhausted
            | Kind::Unavailable
            | Kind::Timeout
            | Kind::Internal => Error::Call { doing: "look up the vector store", source },
        })
    }

    /// Puts a file into a knowledge base and asks for it to be read.
    pub(crate) async fn attach(
        &self,
        caller: &Caller,
        store: VectorStoreId,
        file: FileId,
        attributes: &BTreeMap<String, serde_json::Value>,
    ) -> Result<Document, Error> {
        let row = self.file(caller, file).await?;
        let document = self.store.of(caller.tenant).attach(store, file, &row.filename, attributes).await?;
        if document.status == crate::store::Status::InProgress {
            self.enqueue(caller, document.key).await?;
        }
        Ok(document)
    }

    /// The job that reads a file, made when there is none. Asking again for the same reading changes nothing.
    pub(crate) async fn job(&self, caller: &Caller, key: Key) -> Result<Job, Error> {
        let payload = serde_json::to_value(IngestPayload { vector_store: key.store, file: key.file })
            .map_err(|_| Error::BadRow { what: "payload" })?;
        let job = NewJob {
            max_attempts: Some(MAX_ATTEMPTS),
            ..NewJob::new(INGEST_JOB, ServiceName::KnowledgeEngine, payload)
                .once(format!("{}/{}/{}", key.store, key.file, key.requested_at_ms))
        };
        self.jobs.enqueue(caller, &job).await.map_err(Error::calling("ask for the file to be read"))
    }

    /// Asks the async worker to read a file. A file whose job ended meanwhile without it ends as well.
    pub(crate) async fn enqueue(&self, caller: &Caller, key: Key) -> Result<(), Error> {
        let job = self.job(caller, key).await?;
        match job.state {
            septet_contracts::jobs::JobState::Dead => {
                let error = job.error.map_or_else(
                    || ("gave_up".to_owned(), "reading was given up; add the file again".to_owned()),
                    |error| (error.code, error.message),
                );
                self.store.set_failed(key, &error.0, &error.1).await
            }
            septet_contracts::jobs::JobState::Cancelled => self.store.set_cancelled(key).await,
            septet_contracts::jobs::JobState::Ready
            | septet_contracts::jobs::JobState::Running
            | septet_contracts::jobs::JobState::Done => Ok(()),
        }
    }

    /// Deletes a knowledge base and all that was read into it.
    pub(crate) async fn delete_store(&self, caller: &Caller, store: VectorStoreId) -> Result<(), Error> {
        let gone = match self.management.delete_knowledge_base(caller, store).await {
            Ok(()) => true,
            // Deleted before, and what was read into it may have been left behind by a crash in between.
            Err(source) if source.kind == Kind::NotFound => {
                self.must_be_gone(caller, store).await?;
                false
            }
            Err(source) => return Err(Error::Call { doing: "delete the vector store", source }),
        };
        let n_files = self.store.of(caller.tenant).delete_store(store).await?;
        if !gone && n_files == 0 {
            return Err(Error::NoStore(store));
        }
        self.follow().await
    }

    /// Brings the indexes up to the passage table: what is gone goes, what is new comes. Cheap when nothing changed. Fails
    /// only when no question could be answered: one index may lag behind the others.
    pub(crate) async fn follow(&self) -> Result<(), Error> {
        follow::catch_up_to_answer(&self.followers, &self.store).await
    }

    /// The same, and waits for every index.
    pub(crate) async fn follow_all(&self) -> Result<(), Error> {
        follow::catch_up(&self.followers, &self.store).await
    }

    /// The passages that best answer the questions together, best first, with their scores.
    pub(crate) async fn search(&self, caller: &Caller, question: Question) -> Result<Vec<(StoredChunk, f32)>, Error> {
        let Question { stores, files, queries, limit } = question;
        if files.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        self.follow().await?;
        let scope = Scope { tenant: caller.tenant, stores, files };
        let mut rankings = self.rank_by_words(caller, &queries, &scope).await?;
        if let Some(vectors) = &self.vectors {
            match self.rank_by_vectors(caller, vectors, &queries, &scope).await {
                Ok(more) => rankings.extend(more),
                // Words alone still answer; that they do must be seen by whoever runs this.
                Err(error) => {
                    tracing::warn!(error.detail = %septet_kernel::causes(&error), "searching by words alone, the embedding model failed")
                }
            }
        }
        let fused = fuse(&rankings);
        let numbers: Vec<i64> = fused.iter().take(limit * 4 + DEPTH).map(|hit| hit.number).collect();
        let rows = self.store.of(caller.tenant);
        let mut chunks: HashMap<i64, StoredChunk> =
            rows.chunks(&numbers).await?.into_iter().map(|chunk| (chunk.number, chunk)).collect();
        if let Some(files) = &scope.files {
            chunks.retain(|_number, chunk| files.contains(&chunk.file));
        }
        let chosen = choose(fused, &rankings, &chunks, limit);
        Ok(chosen.into_iter().filter_map(|hit| chunks.remove(&hit.number).map(|chunk| (chunk, hit.score))).collect())
    }

    /// Ranks by words, then looks into the tables among the best.
    async fn rank_by_words(&self, caller: &Caller, queries: &[String], scope: &Scope) -> Result<Vec<Ranking>, Error> {
        let index = Arc::clone(&self.index);
        let scope = scope.clone();
        let queries: Vec<Query> = queries.iter().map(|query| Query::new(query)).collect();
        let rank = move || -> Result<Vec<(Query, Vec<Hit>)>, crate::index::IndexError> {
            let ranked =
                queries.into_iter().map(|query| index.search(&query, &scope, CANDIDATES).map(|hits| (query, hits)));
            ranked.collect()
        };
        let ranked = self.cpu.run(rank).await??;
        let mut numbers: Vec<i64> = ranked
            .iter()
            .filter(|(query, _)| query.wants_figures)
            .flat_map(|(_, hits)| hits.iter().map(|hit| hit.number))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        let tables: HashMap<i64, StoredChunk> = self
            .store
            .of(caller.tenant)
            .chunks(&numbers)
            .await?
            .into_iter()
            .filter(|chunk| chunk.is_table)
            .map(|chunk| (chunk.number, chunk))
            .collect();
        let look = move || -> Vec<Ranking> {
            let rankings = ranked.into_iter().enumerate().map(|(question, (query, mut hits))| {
                if query.wants_figures {
                    for hit in &mut hits {
                        if let Some(table) = tables.get(&hit.number) {
                            hit.score *= rows::boost(&query, &table.text, &table.heading);
                        }
                    }
                    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.number.cmp(&b.number)));
                }
                hits.truncate(DEPTH);
                Ranking { question, weight: 1.0, hits }
            });
            rankings.collect()
        };
        Ok(self.cpu.run(look).await?)
    }

    async fn rank_by_vectors(
        &self,
        caller: &Caller,
        vectors: &Vectors,
        queries: &[String],
        scope: &Scope,
    ) -> Result<Vec<Ranking>, Error> {
        let model = &self.config.embedding_model;
        let with_vectors = self.store.of(caller.tenant).stores_with_vectors(model).await?;
        let stores: Vec<VectorStoreId> =
            with_vectors.into_iter().filter(|store| scope.stores.is_empty() || scope.stores.contains(store)).collect();
        if stores.is_empty() {
            return Ok(Vec::new());
        }
        let scope = Scope { stores, ..scope.clone() };
        let mut rankings = Vec::new();
        for (question, vector) in self.embed(caller, queries.to_vec()).await?.iter().enumerate() {
            let hits = vectors.search(&scope, vector, DEPTH).await?;
            rankings.push(Ranking { question, weight: self.config.vector_weight, hits });
        }
        Ok(rankings)
    }

    /// Vectors of texts, in their order, all of one length.
    pub(crate) async fn embed(&self, caller: &Caller, texts: Vec<String>) -> Result<Vec<Vec<f32>>, Error> {
        let model = self.config.embedding_model.clone();
        let wanted = texts.len();
        let request = EmbeddingRequest {
            model: model.clone(),
            input: EmbeddingInput::Many(texts),
            dimensions: None,
            extra: BTreeMap::new(),
        };
        let reply = self
            .models
            .embed(caller, &request, &CallOptions::default())
            .await
            .map_err(Error::calling("ask the embedding model"))?;
        let mut data = reply.data;
        data.sort_by_key(|embedding| embedding.index);
        let vectors: Vec<Vec<f32>> = data.into_iter().map(|embedding| embedding.embedding).collect();
        let length = vectors.first().map_or(0, Vec::len);
        let is_sound = vectors.len() == wanted
            && length > 0
            && vectors.iter().all(|vector| vector.len() == length && vector.iter().all(|value| value.is_finite()));
        if is_sound { Ok(vectors) } else { Err(Error::Vectors { model, got: vectors.len(), wanted }) }
    }
}
