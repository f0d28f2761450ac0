//! What each role may do: one table, read in one place by every service that asks.
//!
//! It lives beside the wire types because the gateway checks it on admission and Management checks it again.

use septet_kernel::{Caller, Failure, Kind, Role};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal from $least:ident;)*) => {
        /// One thing that a role may or may not do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Permission {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The weakest role that has it; every stronger one has it too.
            #[must_use]
            pub fn least_role(self) -> Role {
                match self { $(Self::$name => Role::$least,)* }
            }
        }
    };
}

permissions! {
    /// See the agents that one may talk to.
    ReadAgents = "agents.read" from Viewer;
    /// See knowledge bases and their documents.
    ReadKnowledge = "knowledge.read" from Viewer;
    /// See jobs and their progress.
    ReadJobs = "jobs.read" from Viewer;
    /// See the name of one's own tenant and what the roles mean.
    ReadTenant = "tenant.read" from Viewer;
    /// Read conversations and runs.
    ReadRuns = "runs.read" from Viewer;
    /// Talk to agents and models: it costs money.
    UseAgents = "agents.use" from Member;
    /// Run code in a sandbox.
    UseSandbox = "sandbox.use" from Member;
    /// Create knowledge bases, upload and remove documents.
    WriteKnowledge = "knowledge.write" from Member;
    /// Cancel and retry jobs.
    ManageJobs = "jobs.manage" from Member;
    /// Make and revoke API keys of one's own.
    ManageOwnKeys = "keys.own" from Member;
    /// Change and remove knowledge bases and files that others made.
    ManageKnowledge = "knowledge.manage" from Editor;
    /// Read the text of prompts.
    ReadPrompts = "prompts.read" from Editor;
    /// Change agents.
    WriteAgents = "agents.write" from Editor;
    /// Change prompts and choose the live version.
    WritePrompts = "prompts.write" from Editor;
    /// See the accounts of the tenant.
    ReadUsers = "users.read" from Admin;
    /// Make, change and remove accounts up to one's own role.
    ManageUsers = "users.manage" from Admin;
    /// See and revoke everybody's API keys, and make keys for others.
    ManageKeys = "keys.manage" from Admin;
    /// See usage and the ledger.
    ReadUsage = "usage.read" from Admin;
    /// Rename the tenant.
    WriteTenant = "tenant.write" from Owner;
    /// Change budgets and top up the balance.
    ManageBilling = "billing.manage" from Owner;
    /// Make, disable and list tenants; besides this, the caller has to belong to the home tenant.
    ManageTenants = "tenants.manage" from Owner;
}

// Written by hand: the derived one does not see names that a macro gives.
impl PartialSchema for Permission {
    fn schema() -> RefOr<Schema> {
        let words = Permission::ALL.iter().map(|permission| permission.as_str());
        let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
        schema.description(Some("One thing that a role may or may not do.")).into()
    }
}

impl ToSchema for Permission {}

impl Permission {
    /// Whether a role has it.
    #[must_use]
    pub fn is_granted_to(self, role: Role) -> bool {
        role >= self.least_role()
    }

    /// Passes when the caller's role has it.
    ///
    /// # Errors
    /// [`Denied`], which names what is missing and who has it.
    pub fn check(self, caller: &Caller) -> Result<(), Denied> {
        if self.is_granted_to(caller.role) { Ok(()) } else { Err(Denied { permission: self }) }
    }
}

/// The caller's role does not have the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this needs the permission {}, which the role {} and above have", permission.as_str(), permission.least_role().as_str())]
pub struct Denied {
    /// What is missing.
    pub permission: Permission,
}

impl Failure for Denied {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }
}
