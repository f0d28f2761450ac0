use septet_contracts::management::{
    AgentChange, AgentLimits, KnowledgeBaseChange, NewAgent, NewKnowledgeBase, NewPromptVersion,
};
use septet_contracts::page::PageQuery;
use septet_kernel::{Kind, Role, VectorStoreId};

use crate::bench::{Bench, bad_field, refusal};

async fn new_agent(bench: &Bench, name: &str) -> NewAgent {
    let prompt = bench.management.prompts(&bench.owner, &PageQuery::default()).await.unwrap().data.remove(0);
    NewAgent {
        name: name.to_owned(),
        title: String::new(),
        description: String::new(),
        model: String::new(),
        prompt_id: prompt.id,
        prompt_version: None,
        tools: vec!["run_python".to_owned()],
        knowledge_bases: Vec::new(),
        limits: AgentLimits::default(),
    }
}

#[tokio::test]
async fn an_agent_runs_on_the_live_version_unless_it_pins_one() {
    let bench = Bench::new().await;
    let new = new_agent(&bench, "writer").await;
    let agent = bench.management.create_agent(&bench.owner, &new).await.unwrap();
    let text = async || bench.management.resolve_agent(&bench.owner, "writer").await.unwrap().prompt;
    let second = NewPromptVersion { text: "second".to_owned(), note: String::new(), make_live: true };
    bench.management.create_prompt_version(&bench.owner, new.prompt_id, &second).await.unwrap();
    assert_eq!((text().await.version, text().await.text), (2, "second".to_owned()));

    let pin = AgentChange { prompt_version: Some(Some(1)), ..AgentChange::default() };
    let pinned = bench.management.update_agent(&bench.owner, agent.id, &pin).await.unwrap();
    assert_eq!((pinned.prompt_version, text().await.version), (Some(1), 1));
    let rename = AgentChange { title: Some("作家".to_owned()), ..AgentChange::default() };
    assert_eq!(bench.management.update_agent(&bench.owner, agent.id, &rename).await.unwrap().prompt_version, Some(1));
    let unpin = AgentChange { prompt_version: Some(None), ..AgentChange::default() };
    bench.management.update_agent(&bench.owner, agent.id, &unpin).await.unwrap();
    assert_eq!(text().await.version, 2);
}

#[tokio::test]
async fn odd_agents_are_refused_by_field() {
    let bench = Bench::new().await;
    let good = new_agent(&bench, "writer").await;
    let create = async |new: NewAgent| bad_field(bench.management.create_agent(&bench.owner, &new).await);
    for name in ["", "Writer", "a b", "-a", "财报", "a/b", &"a".repeat(65)] {
        assert_eq!(create(NewAgent { name: name.to_owned(), ..good.clone() }).await, "name", "{name:?}");
    }
    assert_eq!(create(NewAgent { tools: vec!["rm_rf".to_owned()], ..good.clone() }).await, "tools");
    assert_eq!(create(NewAgent { tools: vec!["run_sql".to_owned(); 2], ..good.clone() }).await, "tools");
    assert_eq!(create(NewAgent { prompt_id: bench.platform.ids.next(), ..good.clone() }).await, "prompt_id");
    assert_eq!(create(NewAgent { prompt_version: Some(9), ..good.clone() }).await, "prompt_version");
    assert_eq!(
        create(NewAgent { knowledge_bases: vec![bench.platform.ids.next()], ..good.clone() }).await,
        "knowledge_bases"
    );
    let limits = AgentLimits { max_steps: 0, ..AgentLimits::default() };
    assert_eq!(create(NewAgent { limits, ..good.clone() }).await, "limits.max_steps");
    let limits = AgentLimits { max_wall_s: 86_401, ..AgentLimits::default() };
    assert_eq!(create(NewAgent { limits, ..good.clone() }).await, "limits.max_wall_s");

    bench.management.create_agent(&bench.owner, &good).await.unwrap();
    let taken = bench.management.create_agent(&bench.owner, &good).await.unwrap_err();
    assert_eq!(taken.kind, Kind::Conflict);
    assert!(taken.detail.contains("\"writer\""), "{taken}");
    for name in ["no/body?x=%00", "a\0b", "财报", "' OR 1=1 --", "nobody"] {
        assert_eq!(refusal(bench.management.resolve_agent(&bench.owner, name).await).0, Kind::NotFound);
    }
    assert_eq!(create(NewAgent { description: "a\0b".to_owned(), ..good.clone() }).await, "description");
    assert_eq!(create(NewAgent { title: "a\u{202e}b".to_owned(), ..good.clone() }).await, "title");
}

#[tokio::test]
async fn a_knowledge_base_keeps_what_it_is_told() {
    let bench = Bench::new().await;
    let member = bench.person("m@example.com", Role::Member).await;
    let new = NewKnowledgeBase {
        name: "年报".to_owned(),
        description: "two\nlines".to_owned(),
        metadata: [("year".to_owned(), "2018".to_owned())].into(),
        ..NewKnowledgeBase::default()
    };
    let base = bench.management.create_knowledge_base(&member, &new).await.unwrap();
    assert_eq!((base.name.as_str(), base.created_by, base.metadata["year"].as_str()), ("年报", member.user, "2018"));
    bench.management.create_knowledge_base(&member, &new).await.expect("names need not be unique");
    bench.management.create_knowledge_base(&member, &NewKnowledgeBase::default()).await.expect("nor be there");

    bench.advance(3600);
    let viewer = bench.person("v@example.com", Role::Viewer).await;
    let touch = KnowledgeBaseChange { touch: true, ..KnowledgeBaseChange::default() };
    let touched = bench.management.update_knowledge_base(&viewer, base.id, &touch).await.unwrap();
    assert_eq!(touched.last_active_at, base.last_active_at + 3600);
    let rename = KnowledgeBaseChange { name: Some("x".to_owned()), touch: true, ..KnowledgeBaseChange::default() };
    assert_eq!(refusal(bench.management.update_knowledge_base(&viewer, base.id, &rename).await).0, Kind::Forbidden);
    let renamed = bench.management.update_knowledge_base(&member, base.id, &rename).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.description), ("x", base.description));

    let pairs = (0..17).map(|n| (n.to_string(), String::new())).collect();
    let many = NewKnowledgeBase { metadata: pairs, ..NewKnowledgeBase::default() };
    assert_eq!(bad_field(bench.management.create_knowledge_base(&member, &many).await), "metadata");
    let nul = NewKnowledgeBase { metadata: [("a".to_owned(), "\0".to_owned())].into(), ..NewKnowledgeBase::default() };
    let kept = bench.management.create_knowledge_base(&member, &nul).await.unwrap();
    assert_eq!(kept.metadata, nul.metadata, "JSON text keeps any character");
}

#[tokio::test]
async fn a_knowledge_base_that_an_agent_searches_cannot_be_removed() {
    let bench = Bench::new().await;
    let base = bench.management.create_knowledge_base(&bench.owner, &NewKnowledgeBase::default()).await.unwrap();
    let new = NewAgent { knowledge_bases: vec![base.id], ..new_agent(&bench, "writer").await };
    let agent = bench.management.create_agent(&bench.owner, &new).await.unwrap();

    assert_eq!(refusal(bench.management.delete_knowledge_base(&bench.owner, base.id).await).1, "in_use");
    bench.management.delete_agent(&bench.owner, agent.id).await.unwrap();
    bench.management.delete_knowledge_base(&bench.owner, base.id).await.unwrap();
    let gone: VectorStoreId = base.id;
    assert_eq!(refusal(bench.management.knowledge_base(&bench.owner, gone).await).0, Kind::NotFound);
    assert_eq!(refusal(bench.management.delete_knowledge_base(&bench.owner, gone).await).0, Kind::NotFound);
}
