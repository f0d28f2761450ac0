//! What a new installation and every new tenant start with.

use secrecy::{ExposeSecret, SecretString};
use septet_contracts::management as wire;
use septet_kernel::{Role, TenantId};

use crate::store::{Scope, tenants, users};
use crate::{Config, Error, Management, secret};

const ANALYST_PROMPT: &str = include_str!("seeds/analyst.md");

/// The administrator made at the first start. Print it once; the password is stored nowhere in clear.
pub struct FirstStart {
    /// The address to sign in with.
    pub email: String,
    /// The generated password.
    pub password: SecretString,
}

/// Fills an empty installation: the home tenant, its owner, its agents. Does nothing once that is done.
///
/// All of it is one transaction, so that a process killed half-way starts over with a new password.
pub(crate) async fn first_start(management: &Management, config: &Config) -> Result<Option<FirstStart>, Error> {
    if management.store.installation().home().await?.is_some() {
        return Ok(None);
    }
    let id: TenantId = management.ids.next();
    let now = management.clock.now_ms();
    let tenant = tenants::Model {
        id: id.to_string(),
        name: config.tenant_name.trim().to_owned(),
        home: 1,
        disabled: 0,
        created_at: now,
        updated_at: now,
    };
    let password = secret::password();
    let administrator = wire::NewUser {
        email: config.admin_email.clone(),
        name: "Administrator".to_owned(),
        password: password.expose_secret().to_owned(),
        role: Role::Owner,
    };
    let administrator = management.user_row(id, administrator).await?;
    let email = administrator.email.clone();
    let scope = management.store.change(id).await?;
    match scope.insert::<tenants::Entity>(tenant.clone(), &tenant.name).await {
        Ok(()) => {}
        // Another process was faster with the first start; its administrator is the administrator.
        Err(Error::Taken { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    scope.insert::<users::Entity>(administrator, &email).await?;
    plant(management, &scope).await?;
    scope.commit().await?;
    Ok(Some(FirstStart { email, password }))
}

/// The agents that every tenant starts with.
pub(crate) async fn plant<C: sea_orm::ConnectionTrait>(management: &Management, scope: &Scope<C>) -> Result<(), Error> {
    let prompt = wire::NewPrompt {
        name: "analyst".to_owned(),
        description: "带引用的财报分析 / Financial analysis with citations".to_owned(),
        text: ANALYST_PROMPT.to_owned(),
    };
    let prompt = management.insert_prompt(scope, None, prompt).await?;
    let prompt_id = crate::mapping::prompt(&prompt)?.id;
    let agent = wire::NewAgent {
        name: "analyst".to_owned(),
        title: "财报分析师 / Financial analyst".to_owned(),
        description:
            "读取您上传的财报，给出带页码引用的分析、计算和图表。 / Reads the reports you uploaded and answers \
                      with cited figures, computations and charts."
                .to_owned(),
        model: String::new(),
        prompt_id,
        prompt_version: None,
        tools: ["knowledge_search", "run_python", "run_sql"].map(str::to_owned).into(),
        knowledge_bases: Vec::new(),
        limits: wire::AgentLimits::default(),
    };
    management.insert_agent(scope, agent).await.map(|_row| ())
}
