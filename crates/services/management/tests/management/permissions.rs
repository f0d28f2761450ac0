use septet_contracts::management::{KnowledgeBaseChange, NewKnowledgeBase, Permission};
use septet_contracts::page::PageQuery;
use septet_kernel::{Kind, Role};

use crate::bench::{Bench, new_user, refusal};

#[test]
fn the_permission_table_is_the_one_we_agreed_on() {
    let mut table = format!("{:<18}", "");
    for role in Role::ALL {
        table.push_str(&format!(" {:<6}", role.as_str()));
    }
    for permission in Permission::ALL {
        table.push_str(&format!("\n{:<18}", permission.as_str()));
        for role in Role::ALL {
            table.push_str(if permission.is_granted_to(role) { " yes   " } else { " -     " });
        }
    }
    let table: Vec<&str> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn the_roles_are_told_with_all_they_may_do() {
    let bench = Bench::new().await;
    let roles = bench.management.roles(&bench.anybody()).await.unwrap();
    assert_eq!(roles.iter().map(|info| info.role).collect::<Vec<_>>(), Role::ALL);
    for info in roles {
        for permission in Permission::ALL {
            assert_eq!(info.permissions.contains(permission), permission.is_granted_to(info.role));
        }
    }
}

#[tokio::test]
async fn each_role_passes_where_the_table_says_so() {
    let bench = Bench::new().await;
    let page = PageQuery::default();
    for role in [Role::Viewer, Role::Member, Role::Editor, Role::Admin] {
        let caller = bench.person(&format!("{}@example.com", role.as_str()), role).await;
        let m = &bench.management;
        let passes = [
            (Permission::ReadAgents, m.agents(&caller, &page).await.is_ok()),
            (Permission::UseAgents, m.resolve_agent(&caller, "analyst").await.is_ok()),
            (Permission::ReadPrompts, m.prompts(&caller, &page).await.is_ok()),
            (Permission::ReadUsers, m.users(&caller, &page).await.is_ok()),
            (Permission::ReadKnowledge, m.knowledge_bases(&caller, &page).await.is_ok()),
            (Permission::WriteKnowledge, m.create_knowledge_base(&caller, &NewKnowledgeBase::default()).await.is_ok()),
            (Permission::ManageOwnKeys, m.keys(&caller, &page).await.is_ok()),
        ];
        for (permission, passed) in passes {
            assert_eq!(passed, permission.is_granted_to(role), "{} for {role:?}", permission.as_str());
        }
    }
}

#[tokio::test]
async fn a_refusal_names_the_permission_and_who_has_it() {
    let bench = Bench::new().await;
    let viewer = bench.person("v@example.com", Role::Viewer).await;
    let error = bench.management.create_user(&viewer, &new_user("x@example.com", Role::Viewer)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Forbidden);
    assert!(error.detail.contains("users.manage") && error.detail.contains("admin"), "{error}");
    assert_eq!(refusal(bench.management.users(&viewer, &PageQuery::default()).await).0, Kind::Forbidden);
}

#[tokio::test]
async fn a_knowledge_base_is_changed_and_removed_by_who_made_it_and_by_who_manages_knowledge() {
    let bench = Bench::new().await;
    let m = &bench.management;
    let (me, colleague) =
        (bench.person("me@example.com", Role::Member).await, bench.person("c@example.com", Role::Member).await);
    let editor = bench.person("e@example.com", Role::Editor).await;
    let new = NewKnowledgeBase { name: "mine".to_owned(), ..NewKnowledgeBase::default() };
    let base = m.create_knowledge_base(&me, &new).await.unwrap().id;
    let rename = KnowledgeBaseChange { name: Some("renamed".to_owned()), ..KnowledgeBaseChange::default() };

    assert_eq!(refusal(m.update_knowledge_base(&colleague, base, &rename).await).0, Kind::Forbidden);
    assert_eq!(refusal(m.delete_knowledge_base(&colleague, base).await).0, Kind::Forbidden);
    m.update_knowledge_base(&colleague, base, &KnowledgeBaseChange { touch: true, ..Default::default() })
        .await
        .unwrap();
    m.update_knowledge_base(&me, base, &rename).await.unwrap();
    m.delete_knowledge_base(&editor, base).await.unwrap();
}

#[tokio::test]
async fn a_private_knowledge_base_is_there_for_nobody_but_its_maker() {
    let bench = Bench::new().await;
    let (m, page) = (&bench.management, PageQuery::default());
    let me = bench.person("me@example.com", Role::Member).await;
    let new = NewKnowledgeBase { private: true, ..NewKnowledgeBase::default() };
    let base = m.create_knowledge_base(&me, &new).await.unwrap();

    assert!(base.private);
    assert_eq!(m.knowledge_bases(&me, &page).await.unwrap().data, std::slice::from_ref(&base));
    assert_eq!(m.knowledge_bases(&bench.owner, &page).await.unwrap().data, []);
    let kinds = [
        refusal(m.knowledge_base(&bench.owner, base.id).await).0,
        refusal(m.update_knowledge_base(&bench.owner, base.id, &KnowledgeBaseChange::default()).await).0,
        refusal(m.delete_knowledge_base(&bench.owner, base.id).await).0,
    ];
    assert_eq!(kinds, [Kind::NotFound; 3]);
    m.delete_knowledge_base(&me, base.id).await.unwrap();
}
