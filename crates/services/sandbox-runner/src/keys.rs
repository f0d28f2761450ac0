//! The keys of the settings. They grant nothing beside their tenant.

use septet_chassis::service_keys::{ServiceKey, ServiceKeys};
use septet_kernel::{Ids, ServiceName};

use crate::config::KeyConfig;

/// The keys of the settings.
pub(crate) type Keys = ServiceKeys<()>;

/// A request that has one came from a client, not from a service of ours.
pub(crate) type Key = std::sync::Arc<ServiceKey<()>>;

pub(crate) fn keys<'a>(keys: impl IntoIterator<Item = (&'a String, &'a KeyConfig)>, ids: Ids) -> Keys {
    let keys = keys.into_iter().filter_map(|(name, key)| {
        Some((key.sha256().ok()?, ServiceKey::new(ServiceName::SandboxRunner, name, &key.tenant, ())))
    });
    ServiceKeys::new(keys, ids)
}
