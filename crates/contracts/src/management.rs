//! The control plane: tenants, users, roles, API keys, agents, prompts, knowledge bases.
//!
//! Every method works inside the caller's tenant. `verify_*`, `active_user`, `rights_changes` and `home_tenant` come before
//! anybody is known: they take any caller of this installation (it may be [`Caller::background`] of a made-up tenant) and do not look
//! at it.

mod agent;
mod permission;
mod standing;
mod types;

use septet_kernel::{AgentId, ApiKeyId, Caller, PromptId, ServiceName, TenantId, Transport, UserId, VectorStoreId};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use agent::{
    Agent, AgentChange, AgentLimits, KnowledgeBase, KnowledgeBaseChange, NewAgent, NewKnowledgeBase, NewPrompt,
    NewPromptVersion, Prompt, PromptChange, PromptVersion, ResolvedAgent, ResolvedPrompt,
};
pub use permission::{Denied, Permission};
pub use standing::{RightsChange, RightsChanges, Standing, Subject};
pub use types::{
    ApiKey, CreatedKey, Credentials, KeyGrant, KeyProof, NewApiKey, NewOwner, NewTenant, NewUser, RoleInfo, Tenant,
    TenantChange, TenantRef, User, UserChange,
};

use crate::call::{CallError, Client, segment};
use crate::page::{Page, PageQuery};

/// The management service.
#[derive(Clone)]
pub struct Management {
    client: Client,
}

/// The answer or why there is none.
type Answer<T> = Result<T, CallError>;

impl Management {
    /// A client over a transport to Management.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::Management, transport) }
    }

    async fn make<N: Serialize, T: DeserializeOwned>(&self, caller: &Caller, noun: &str, new: &N) -> Answer<T> {
        self.client.post(caller, &format!("/{noun}"), new).answer().await
    }

    async fn page<T: DeserializeOwned>(&self, caller: &Caller, noun: &str, page: &PageQuery) -> Answer<Page<T>> {
        self.client.get(caller, &format!("/{noun}{}", page.to_query())).answer().await
    }

    async fn one<T: DeserializeOwned>(&self, caller: &Caller, noun: &str, id: impl ToString) -> Answer<T> {
        self.client.get(caller, &format!("/{noun}/{}", segment(id.to_string()))).answer().await
    }

    async fn change<C: Serialize, T: DeserializeOwned>(
        &self,
        caller: &Caller,
        noun: &str,
        id: impl ToString,
        change: &C,
    ) -> Answer<T> {
        self.client.patch(caller, &format!("/{noun}/{}", segment(id.to_string())), change).answer().await
    }

    async fn remove(&self, caller: &Caller, noun: &str, id: impl ToString) -> Answer<()> {
        self.client.delete(caller, &format!("/{noun}/{}", segment(id.to_string()))).done().await
    }
}

/// Authentication: answered before the caller is known.
impl Management {
    /// The user with this address and password.
    ///
    /// # Errors
    /// `unauthenticated`, the same for an unknown address, a wrong password and a disabled account.
    pub async fn verify_credentials(&self, caller: &Caller, credentials: &Credentials) -> Answer<Standing> {
        self.client.post(caller, "/internal/credentials/verify", credentials).answer().await
    }

    /// What the key with this hash may do.
    ///
    /// # Errors
    /// `unauthenticated`, the same for an unknown, revoked and expired key.
    pub async fn verify_key(&self, caller: &Caller, proof: &KeyProof) -> Answer<KeyGrant> {
        self.client.post(caller, "/internal/keys/verify", proof).answer().await
    }

    /// A user of any tenant, if the account may still sign in: for renewing a session.
    ///
    /// # Errors
    /// `not_found`, also when the account or its tenant is disabled.
    pub async fn active_user(&self, caller: &Caller, id: UserId) -> Answer<Standing> {
        self.client.get(caller, &format!("/internal/users/{}", segment(id))).answer().await
    }

    /// Whose rights changed after a number, the oldest change first. What changed more than a day ago may be left out:
    /// no access token is older than that.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn rights_changes(&self, caller: &Caller, after: i64) -> Answer<RightsChanges> {
        self.client.get(caller, &format!("/internal/rights-changes?after={after}")).answer().await
    }

    /// The tenant that was made at the first start: where the command line works unless told otherwise.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn home_tenant(&self, caller: &Caller) -> Answer<Tenant> {
        self.client.get(caller, "/internal/home-tenant").answer().await
    }

    /// An agent by its name, with its prompt's text: what a run starts with.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn resolve_agent(&self, caller: &Caller, name: &str) -> Answer<ResolvedAgent> {
        self.client.get(caller, &format!("/internal/agents/{}", segment(name))).answer().await
    }
}

macro_rules! crud {
    ($(
        $(#[$doc:meta])*
        $noun:literal: $thing:ident by $id:ident,
        $(create $create:ident($new:ident) -> $made:ident,)?
        list $list:ident, get $get:ident,
        $(update $update:ident($change:ident),)?
        $(delete $delete:ident,)?
    )*) => {$(
        $(#[$doc])*
        impl Management {
            $(
                /// Makes one.
                ///
                /// # Errors
                /// `forbidden`; `unprocessable` with the field; `conflict` with the name that is taken.
                pub async fn $create(&self, caller: &Caller, new: &$new) -> Answer<$made> {
                    self.make(caller, $noun, new).await
                }
            )?

            /// A page of them.
            ///
            /// # Errors
            /// `forbidden`.
            pub async fn $list(&self, caller: &Caller, page: &PageQuery) -> Answer<Page<$thing>> {
                self.page(caller, $noun, page).await
            }

            /// One of them.
            ///
            /// # Errors
            /// `forbidden`; `not_found`, also for another tenant's.
            pub async fn $get(&self, caller: &Caller, id: $id) -> Answer<$thing> {
                self.one(caller, $noun, id).await
            }

            $(
                /// Changes what is named in the change and nothing else.
                ///
                /// # Errors
                /// `forbidden`; `not_found`; `unprocessable` with the field; `conflict`.
                pub async fn $update(&self, caller: &Caller, id: $id, change: &$change) -> Answer<$thing> {
                    self.change(caller, $noun, id, change).await
                }
            )?

            $(
                /// Removes it.
                ///
                /// # Errors
                /// `forbidden`; `not_found`; `conflict` when something needs it.
                pub async fn $delete(&self, caller: &Caller, id: $id) -> Answer<()> {
                    self.remove(caller, $noun, id).await
                }
            )?
        }
    )*};
}

crud! {
    /// Tenants. Owners of the home tenant manage all; others see their own.
    "tenants": Tenant by TenantId,
    create create_tenant(NewTenant) -> Tenant, list tenants, get tenant, update update_tenant(TenantChange),

    /// Users of the tenant. Everybody may read and change their own name and password.
    "users": User by UserId,
    create create_user(NewUser) -> User, list users, get user, update update_user(UserChange), delete delete_user,

    /// API keys. Listing shows everybody's to admins and one's own to others; deleting revokes.
    "keys": ApiKey by ApiKeyId,
    create create_key(NewApiKey) -> CreatedKey, list keys, get key, delete revoke_key,

    /// Agents.
    "agents": Agent by AgentId,
    create create_agent(NewAgent) -> Agent, list agents, get agent, update update_agent(AgentChange),
    delete delete_agent,

    /// Prompts.
    "prompts": Prompt by PromptId,
    create create_prompt(NewPrompt) -> Prompt, list prompts, get prompt, update update_prompt(PromptChange),
    delete delete_prompt,

    /// Knowledge bases.
    "knowledge-bases": KnowledgeBase by VectorStoreId,
    create create_knowledge_base(NewKnowledgeBase) -> KnowledgeBase, list knowledge_bases, get knowledge_base,
    update update_knowledge_base(KnowledgeBaseChange), delete delete_knowledge_base,
}

/// Roles, and the versions of prompts.
impl Management {
    /// The five roles and what each may do.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn roles(&self, caller: &Caller) -> Answer<Vec<RoleInfo>> {
        self.client.get(caller, "/roles").answer().await
    }

    /// Adds a version to a prompt.
    ///
    /// # Errors
    /// `forbidden`; `not_found`; `unprocessable` with the field.
    pub async fn create_prompt_version(
        &self,
        caller: &Caller,
        prompt: PromptId,
        new: &NewPromptVersion,
    ) -> Answer<PromptVersion> {
        self.make(caller, &format!("prompts/{}/versions", segment(prompt)), new).await
    }

    /// The versions of a prompt, newest first; `after` and `before` are version numbers.
    ///
    /// # Errors
    /// `forbidden`; `not_found`.
    pub async fn prompt_versions(
        &self,
        caller: &Caller,
        prompt: PromptId,
        page: &PageQuery,
    ) -> Answer<Page<PromptVersion>> {
        self.page(caller, &format!("prompts/{}/versions", segment(prompt)), page).await
    }

    /// One version of a prompt.
    ///
    /// # Errors
    /// `forbidden`; `not_found`.
    pub async fn prompt_version(&self, caller: &Caller, prompt: PromptId, version: u32) -> Answer<PromptVersion> {
        self.one(caller, &format!("prompts/{}/versions", segment(prompt)), version).await
    }
}
