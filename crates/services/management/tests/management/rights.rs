//! How changed rights are told, and what an API key may not do.

use septet_contracts::management::{
    Credentials, NewApiKey, NewOwner, NewTenant, Standing, Subject, TenantChange, UserChange,
};
use septet_kernel::{Caller, Role};

use crate::bench::{Bench, PASSWORD, new_user, refusal};

impl Bench {
    async fn changed_after(&self, after: i64) -> Vec<Subject> {
        let changes = self.management.rights_changes(&self.anybody(), after).await.unwrap();
        assert!(!changes.has_more);
        assert!(changes.data.is_sorted_by_key(|change| change.epoch));
        changes.data.into_iter().map(|change| change.subject).collect()
    }

    async fn standing(&self, email: &str) -> Standing {
        let credentials = Credentials { email: email.to_owned(), password: PASSWORD.to_owned() };
        self.management.verify_credentials(&self.anybody(), &credentials).await.unwrap()
    }
}

fn change(change: impl FnOnce(&mut UserChange)) -> UserChange {
    let mut made = UserChange::default();
    change(&mut made);
    made
}

#[tokio::test]
async fn every_change_of_rights_has_a_number_above_what_was_read_before_it() {
    let bench = Bench::new().await;
    let m = &bench.management;
    let member = bench.person("m@example.com", Role::Editor).await;
    let user = member.user.unwrap();
    let tenant = bench.tenant("rival").await.tenant;
    let new = NewApiKey { name: "k".into(), user: None, role: None, requests_per_minute: None, expires_at: None };
    let key = m.create_key(&member, &new).await.unwrap().key.id;
    let steps: [(&str, Option<Subject>); 8] = [
        ("rename", None),
        ("demote", Some(Subject::User(user))),
        ("password", Some(Subject::User(user))),
        ("revoke", Some(Subject::Key(key))),
        ("revoke", None),
        ("lock tenant", Some(Subject::Tenant(tenant))),
        ("lock", Some(Subject::User(user))),
        ("delete", Some(Subject::User(user))),
    ];
    for (step, expected) in steps {
        let before = bench.standing("owner@rival.example").await.epoch.max(last(&bench).await);
        match step {
            "rename" => {
                drop(m.update_user(&bench.owner, user, &change(|it| it.name = Some("M".into()))).await.unwrap())
            }
            "demote" => {
                drop(m.update_user(&bench.owner, user, &change(|it| it.role = Some(Role::Member))).await.unwrap())
            }
            "password" => {
                drop(
                    m.update_user(&bench.owner, user, &change(|it| it.password = Some("another one 1".into())))
                        .await
                        .unwrap(),
                );
            }
            "revoke" => m.revoke_key(&member, key).await.unwrap(),
            "lock tenant" => {
                let lock = TenantChange { disabled: Some(true), ..TenantChange::default() };
                drop(m.update_tenant(&bench.owner, tenant, &lock).await.unwrap());
                let open = TenantChange { disabled: Some(false), ..TenantChange::default() };
                drop(m.update_tenant(&bench.owner, tenant, &open).await.unwrap());
            }
            "lock" => drop(m.update_user(&bench.owner, user, &change(|it| it.disabled = Some(true))).await.unwrap()),
            _ => m.delete_user(&bench.owner, user).await.unwrap(),
        }
        assert_eq!(bench.changed_after(before).await, expected.into_iter().collect::<Vec<_>>(), "{step}");
    }
}

async fn last(bench: &Bench) -> i64 {
    let changes = bench.management.rights_changes(&bench.anybody(), 0).await.unwrap();
    changes.data.last().map_or(0, |change| change.epoch)
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_a_new_role_does_not() {
    let bench = Bench::new().await;
    let user = bench.person("m@example.com", Role::Editor).await.user.unwrap();
    let first = bench.standing("m@example.com").await;

    bench.management.update_user(&bench.owner, user, &change(|it| it.role = Some(Role::Viewer))).await.unwrap();
    let demoted = bench.standing("m@example.com").await;
    bench.management.update_user(&bench.owner, user, &change(|it| it.password = Some(PASSWORD.into()))).await.unwrap();
    let renewed = bench.standing("m@example.com").await;

    assert!(demoted.epoch > first.epoch && demoted.sessions_epoch <= first.epoch, "{first:?} {demoted:?}");
    assert!(renewed.sessions_epoch > demoted.epoch && renewed.sessions_epoch <= renewed.epoch, "{renewed:?}");
    bench.management.update_user(&bench.owner, user, &change(|it| it.role = Some(Role::Member))).await.unwrap();
    let promoted = bench.standing("m@example.com").await;
    assert_eq!(promoted.sessions_epoch, renewed.sessions_epoch, "a later change of the role forgets no end");
}

#[tokio::test]
async fn changes_side_by_side_get_numbers_of_their_own() {
    let bench = Bench::new().await;
    let mut users = Vec::new();
    for n in 0..8 {
        users.push(bench.person(&format!("m{n}@example.com"), Role::Member).await.user.unwrap());
    }

    let demote = change(|it| it.role = Some(Role::Viewer));
    let changes = users.iter().map(|user| bench.management.update_user(&bench.owner, *user, &demote));
    futures::future::try_join_all(changes).await.unwrap();

    let told = bench.management.rights_changes(&bench.anybody(), 0).await.unwrap().data;
    let numbers: std::collections::BTreeSet<i64> = told.iter().map(|change| change.epoch).collect();
    assert_eq!((told.len(), numbers.len()), (8, 8));
    assert!(numbers.first().is_some_and(|first| *first >= bench.clock().now_ms()), "never below the time");
}

#[tokio::test]
async fn changes_from_before_any_living_token_are_not_told() {
    let bench = Bench::new().await;
    let user = bench.person("m@example.com", Role::Editor).await.user.unwrap();
    bench.management.update_user(&bench.owner, user, &change(|it| it.role = Some(Role::Viewer))).await.unwrap();
    assert_eq!(bench.changed_after(0).await, [Subject::User(user)]);

    bench.advance(26 * 3600);

    assert_eq!(bench.changed_after(0).await, []);
}

#[tokio::test]
async fn an_api_key_makes_changes_and_removes_no_accounts() {
    let bench = Bench::new().await;
    let m = &bench.management;
    let user = bench.person("m@example.com", Role::Member).await.user.unwrap();
    let owners_key = Caller { key: Some(bench.platform.ids.next()), ..bench.owner.clone() };
    let owner = NewOwner { email: "o@example.com".into(), name: String::new(), password: PASSWORD.into() };
    let new = NewApiKey { name: "k".into(), user: None, role: None, requests_per_minute: None, expires_at: None };

    let refusals = [
        refusal(m.create_user(&owners_key, &new_user("b@example.com", Role::Viewer)).await),
        refusal(m.update_user(&owners_key, user, &change(|it| it.password = Some(PASSWORD.into()))).await),
        refusal(m.update_user(&owners_key, user, &change(|it| it.role = Some(Role::Admin))).await),
        refusal(m.update_user(&owners_key, bench.owner.user.unwrap(), &change(|it| it.name = Some("x".into()))).await),
        refusal(m.delete_user(&owners_key, user).await),
        refusal(m.create_tenant(&owners_key, &NewTenant { name: "t".into(), owner }).await),
        refusal(m.update_tenant(&owners_key, bench.owner.tenant, &TenantChange::default()).await),
        refusal(m.create_key(&owners_key, &new).await),
    ];

    assert!(refusals.iter().all(|(kind, _)| *kind == septet_kernel::Kind::Forbidden), "{refusals:?}");
    let codes: Vec<&str> = refusals.iter().map(|(_, code)| code.as_str()).collect();
    assert_eq!(codes, [["key_manages_accounts"; 7].as_slice(), &["key_makes_key"]].concat());
}
