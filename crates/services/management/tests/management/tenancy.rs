use septet_contracts::management::{
    AgentChange, KnowledgeBaseChange, NewApiKey, NewKnowledgeBase, NewOwner, NewPromptVersion, NewTenant, PromptChange,
    TenantChange, UserChange,
};
use septet_contracts::page::PageQuery;
use septet_kernel::{Kind, Role};

use crate::bench::{Bench, PASSWORD, bad_field, refusal};

#[tokio::test]
async fn every_route_with_another_tenants_id_finds_nothing() {
    let bench = Bench::new().await;
    let mallory = bench.tenant("mallory").await;
    let (m, page) = (&bench.management, PageQuery::default());
    let victim = bench.person("victim@example.com", Role::Member).await;
    let user = victim.user.unwrap();
    let new = NewApiKey { name: "k".to_owned(), user: None, role: None, requests_per_minute: None, expires_at: None };
    let key = m.create_key(&victim, &new).await.unwrap().key.id;
    let base = m.create_knowledge_base(&victim, &NewKnowledgeBase::default()).await.unwrap().id;
    let agent = m.agents(&bench.owner, &page).await.unwrap().data[0].id;
    let prompt = m.prompts(&bench.owner, &page).await.unwrap().data[0].id;
    let version = NewPromptVersion { text: "mine now".to_owned(), note: String::new(), make_live: true };

    let kinds = [
        refusal(m.tenant(&mallory, bench.owner.tenant).await).0,
        refusal(m.update_tenant(&mallory, bench.owner.tenant, &TenantChange::default()).await).0,
        refusal(m.user(&mallory, user).await).0,
        refusal(m.update_user(&mallory, user, &UserChange::default()).await).0,
        refusal(m.delete_user(&mallory, user).await).0,
        refusal(m.key(&mallory, key).await).0,
        refusal(m.revoke_key(&mallory, key).await).0,
        refusal(m.create_key(&mallory, &NewApiKey { user: Some(user), ..new }).await).0,
        refusal(m.agent(&mallory, agent).await).0,
        refusal(m.update_agent(&mallory, agent, &AgentChange::default()).await).0,
        refusal(m.delete_agent(&mallory, agent).await).0,
        refusal(m.prompt(&mallory, prompt).await).0,
        refusal(m.update_prompt(&mallory, prompt, &PromptChange::default()).await).0,
        refusal(m.delete_prompt(&mallory, prompt).await).0,
        refusal(m.prompt_versions(&mallory, prompt, &page).await).0,
        refusal(m.prompt_version(&mallory, prompt, 1).await).0,
        refusal(m.create_prompt_version(&mallory, prompt, &version).await).0,
        refusal(m.knowledge_base(&mallory, base).await).0,
        refusal(m.update_knowledge_base(&mallory, base, &KnowledgeBaseChange::default()).await).0,
        refusal(m.delete_knowledge_base(&mallory, base).await).0,
    ];
    assert_eq!(kinds, [Kind::NotFound; 20]);

    let steal = AgentChange { prompt_id: Some(prompt), ..AgentChange::default() };
    let own = m.agents(&mallory, &page).await.unwrap().data[0].id;
    assert_eq!(bad_field(m.update_agent(&mallory, own, &steal).await), "prompt_id");
    let steal = AgentChange { knowledge_bases: Some(vec![base]), ..AgentChange::default() };
    assert_eq!(bad_field(m.update_agent(&mallory, own, &steal).await), "knowledge_bases");

    assert_eq!(m.tenants(&mallory, &page).await.unwrap().data.len(), 1);
    assert_eq!(m.users(&mallory, &page).await.unwrap().data.len(), 1);
    assert!(m.keys(&mallory, &page).await.unwrap().data.is_empty());
    assert!(m.knowledge_bases(&mallory, &page).await.unwrap().data.is_empty());
    assert_eq!(m.agents(&mallory, &page).await.unwrap().data.len(), 1);
    assert_eq!(m.prompts(&mallory, &page).await.unwrap().data.len(), 1);
}

#[tokio::test]
async fn a_new_tenant_starts_with_its_own_analyst() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let theirs = bench.management.resolve_agent(&acme, "analyst").await.unwrap();
    let ours = bench.management.resolve_agent(&bench.owner, "analyst").await.unwrap();
    assert_eq!(theirs.prompt.text, ours.prompt.text);
    assert_ne!((theirs.id, theirs.prompt.id), (ours.id, ours.prompt.id));
    assert_eq!(bench.management.tenants(&bench.owner, &PageQuery::default()).await.unwrap().data.len(), 2);
}

#[tokio::test]
async fn only_owners_of_the_home_tenant_make_tenants_and_nothing_is_left_of_a_refused_one() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let new = |name: &str, email: &str, password: &str| NewTenant {
        name: name.to_owned(),
        owner: NewOwner { email: email.to_owned(), name: String::new(), password: password.to_owned() },
    };
    let good = new("beta", "b@example.com", PASSWORD);
    assert_eq!(refusal(bench.management.create_tenant(&acme, &good).await).1, "not_home");
    let admin = bench.person("a@example.com", Role::Admin).await;
    assert_eq!(refusal(bench.management.create_tenant(&admin, &good).await).0, Kind::Forbidden);

    let owner = &bench.owner;
    assert_eq!(
        refusal(bench.management.create_tenant(owner, &new("acme", "b@example.com", PASSWORD)).await).0,
        Kind::Conflict
    );
    assert_eq!(
        refusal(bench.management.create_tenant(owner, &new("beta", "owner@acme.example", PASSWORD)).await).0,
        Kind::Conflict
    );
    assert_eq!(bad_field(bench.management.create_tenant(owner, &new("beta", "b", PASSWORD)).await), "owner.email");
    assert_eq!(
        bad_field(bench.management.create_tenant(owner, &new("beta", "b@example.com", "short")).await),
        "owner.password"
    );
    assert_eq!(bench.management.tenants(owner, &PageQuery::default()).await.unwrap().data.len(), 2);
    bench.management.create_tenant(owner, &good).await.unwrap();
}
