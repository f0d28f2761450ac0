//! Settings of Management.

use serde::{Deserialize, Serialize};

/// Settings of Management. They matter at the first start only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address of the administrator made at the first start. Default `admin@localhost`.
    pub admin_email: String,
    /// The name of the tenant made at the first start. Default `Default`.
    pub tenant_name: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { admin_email: "admin@localhost".to_owned(), tenant_name: "Default".to_owned() }
    }
}

impl Config {
    /// Finds settings that cannot work.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        crate::check::email(&self.admin_email).map_err(|why| format!("admin_email: {why}"))?;
        crate::check::name(&self.tenant_name, 64).map_err(|why| format!("tenant_name: {why}"))
    }
}
