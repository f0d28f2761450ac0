//! The index of words as a follower of the passage table.

use std::sync::Arc;

use async_trait::async_trait;
use septet_chassis::cpu::CpuPool;

use super::Index;
use crate::Error;
use crate::change_feed::{Changes, Position};
use crate::follow::Follower;

/// The index of words, on the CPU pool.
#[derive(Clone)]
pub(crate) struct Words {
    index: Arc<Index>,
    cpu: CpuPool,
}

impl Words {
    pub(crate) fn new(index: Arc<Index>, cpu: CpuPool) -> Self {
        Self { index, cpu }
    }
}

#[async_trait]
impl Follower for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn model(&self) -> Option<&str> {
        None
    }

    fn is_essential(&self) -> bool {
        true
    }

    async fn position(&self) -> Result<Position, Error> {
        let index = Arc::clone(&self.index);
        Ok(self.cpu.run(move || index.position()).await?)
    }

    async fn wipe(&self) -> Result<(), Error> {
        let index = Arc::clone(&self.index);
        Ok(self.cpu.run(move || index.wipe()).await??)
    }

    async fn apply(&self, changes: Changes) -> Result<(), Error> {
        let index = Arc::clone(&self.index);
        Ok(self.cpu.run(move || index.apply(changes)).await??)
    }
}
