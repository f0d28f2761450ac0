//! What driving a run needs of the rest of the platform.

use septet_blobs::Blobs;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_kernel::{Clock, Ids};

use super::feed::Feed;
use crate::config::Config;
use crate::store::Store;
use crate::tools::Tools;

/// The stores, the other services and the tools.
pub(crate) struct Ports {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) feed: Feed,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) management: Management,
    pub(crate) models: Models,
    pub(crate) sandbox: Sandbox,
    pub(crate) tools: Tools,
}
