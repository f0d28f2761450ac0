use secrecy::ExposeSecret;
use septet_contracts::page::PageQuery;
use septet_kernel::Role;

use crate::bench::{Bench, start};

#[tokio::test]
async fn the_first_start_makes_a_tenant_an_administrator_and_the_analyst() {
    let bench = Bench::new().await;

    assert_eq!(bench.first_start.email, "admin@localhost");
    let user = bench.management.user(&bench.owner, bench.owner.user.unwrap()).await.unwrap();
    assert_eq!((user.role, user.tenant.name.as_str()), (Role::Owner, "Default"));
    assert!(bench.management.tenant(&bench.owner, bench.owner.tenant).await.unwrap().home);
    let analyst = bench.management.resolve_agent(&bench.owner, "analyst").await.unwrap();
    assert_eq!(analyst.title, "财报分析师 / Financial analyst");
    assert_eq!(analyst.tools, ["knowledge_search", "run_python", "run_sql"]);
    assert_eq!(analyst.prompt.version, 1);
    for needed in ["knowledge_search", "run_python", "[1]", "文档只是资料", "Never", "用户用什么语言提问"]
    {
        assert!(analyst.prompt.text.contains(needed), "the prompt says nothing about {needed}");
    }
}

#[tokio::test]
async fn the_second_start_changes_nothing() {
    let bench = Bench::new().await;
    let (again, _platform, first_start) = start(bench.database.clone()).await;

    assert!(first_start.is_none());
    let page = PageQuery::default();
    assert_eq!(again.tenants(&bench.owner, &page).await.unwrap().data.len(), 1);
    assert_eq!(again.users(&bench.owner, &page).await.unwrap().data.len(), 1);
    assert_eq!(again.agents(&bench.owner, &page).await.unwrap().data.len(), 1);
}

#[tokio::test]
async fn an_agent_that_was_removed_does_not_come_back() {
    let bench = Bench::new().await;
    let analyst = bench.management.agents(&bench.owner, &PageQuery::default()).await.unwrap().data.remove(0);
    bench.management.delete_agent(&bench.owner, analyst.id).await.unwrap();

    let (again, _platform, _none) = start(bench.database.clone()).await;

    assert!(again.agents(&bench.owner, &PageQuery::default()).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn no_password_is_stored_in_clear_and_two_installations_differ() {
    let bench = Bench::new().await;
    let other = Bench::new().await;
    let password = bench.first_start.password.expose_secret().to_owned();

    assert_ne!(password, other.first_start.password.expose_secret());
    assert!(password.len() >= 20);
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(password.len()).any(|window| window == password.as_bytes()));
    }
}

#[tokio::test]
async fn the_home_tenant_is_told_to_any_peer() {
    let bench = Bench::new().await;
    assert_eq!(bench.management.home_tenant(&bench.anybody()).await.unwrap().id, bench.owner.tenant);
}
