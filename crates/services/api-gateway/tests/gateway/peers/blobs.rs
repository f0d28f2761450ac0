//! The three services that keep blobs, scripted: which ids their rows name when the sweep asks.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use septet_contracts::blobs::{BlobsAsked, BlobsHeld, HELD};
use septet_kernel::BlobId;

use super::{Peers, Shared};

/// What agent-core says.
#[derive(Default)]
pub(crate) struct Script {
    /// It names these from the second time on that it is asked for them.
    pub(crate) late: Mutex<HashSet<BlobId>>,
    n_asked: Mutex<HashMap<BlobId, usize>>,
}

impl Script {
    /// How often agent-core was asked for a blob.
    pub(crate) fn n_asked(&self, blob: &BlobId) -> usize {
        self.n_asked.lock().unwrap().get(blob).copied().unwrap_or_default()
    }
}

/// Names no blob at all.
pub(super) fn none() -> Router {
    async fn held(Json(_asked): Json<BlobsAsked>) -> Json<BlobsHeld> {
        Json(BlobsHeld { held: Vec::new() })
    }
    Router::new().route(HELD, post(held))
}

/// Names what the script says.
pub(super) fn late(peers: Arc<Peers>) -> Router {
    async fn held(State(peers): Shared, Json(asked): Json<BlobsAsked>) -> Json<BlobsHeld> {
        let late = peers.blobs.late.lock().unwrap();
        let mut n_asked = peers.blobs.n_asked.lock().unwrap();
        let mut is_named = |blob: &BlobId| {
            let n_asked = n_asked.entry(blob.clone()).or_default();
            *n_asked += 1;
            *n_asked > 1 && late.contains(blob)
        };
        Json(BlobsHeld { held: asked.blobs.into_iter().filter(|blob| is_named(blob)).collect() })
    }
    Router::new().route(HELD, post(held)).with_state(peers)
}
