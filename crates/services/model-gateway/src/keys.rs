//! What a key of the settings grants: a name and group that budgets know it by, and models.

use septet_chassis::service_keys::{ServiceKey, ServiceKeys, key_hash};
use septet_kernel::{Ids, ServiceName};

use crate::config::KeyConfig;

/// The keys of the settings.
pub(crate) type Keys = ServiceKeys<Grant>;

/// What a key grants beside its tenant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Its name in the settings.
    pub name: String,
    pub group: Option<String>,
    /// The models that it may use; all when empty.
    pub models: Vec<String>,
}

impl Grant {
    /// Whether the key may use a model or route; one that names none gets the default, whatever that is.
    pub(crate) fn opens(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|known| known == model)
    }
}

pub(crate) fn keys<'a>(keys: impl IntoIterator<Item = (&'a String, &'a KeyConfig)>, ids: Ids) -> Keys {
    let keys = keys.into_iter().map(|(name, key)| {
        let grant = Grant { name: name.clone(), group: key.group.clone(), models: key.models.clone() };
        let known = ServiceKey::new(ServiceName::ModelGateway, name, &key.tenant, grant);
        (key_hash(key.key.expose()), known)
    });
    ServiceKeys::new(keys, ids)
}
