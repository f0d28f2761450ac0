//! What every handler holds.

use std::sync::Arc;

use septet_blobs::Blobs;
use septet_chassis::cpu::CpuPool;
use septet_chassis::{Directory, Lifecycle};
use septet_contracts::agents::Agents;
use septet_contracts::management::Management;
use septet_kernel::{Clock, Ids};

use crate::Config;
use crate::access::Rules;
use crate::address::Proxies;
use crate::auth::Auth;
use crate::billing::Billing;
use crate::console::Console;
use crate::limits::Limits;
use crate::status::StatusBoard;

/// The gateway, as every handler gets it.
pub(crate) type App = Arc<Gateway>;

/// The parts of the gateway.
pub(crate) struct Gateway {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) ids: Ids,
    pub(crate) directory: Directory,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) cpu: CpuPool,
    pub(crate) proxies: Proxies,
    pub(crate) auth: Auth,
    pub(crate) limits: Limits,
    pub(crate) billing: Billing,
    pub(crate) blobs: Blobs,
    pub(crate) console: Console,
    pub(crate) management: Management,
    pub(crate) agents: Agents,
    pub(crate) status: StatusBoard,
    /// What admission requires at each route.
    pub(crate) rules: Rules,
    /// The description of the API, as JSON.
    pub(crate) description: String,
}
