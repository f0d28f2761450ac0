use septet_contracts::management::{NewUser, TenantChange, UserChange};
use septet_contracts::page::PageQuery;
use septet_kernel::{Kind, Role};

use crate::bench::{Bench, PASSWORD, bad_field, new_user, refusal};

#[tokio::test]
async fn signing_in_ignores_case_and_notes_the_moment() {
    let bench = Bench::new().await;
    bench.management.create_user(&bench.owner, &new_user("Li.Wei@Example.com", Role::Member)).await.unwrap();

    let user = bench.sign_in("  li.wei@EXAMPLE.com ", PASSWORD).await.unwrap();

    assert_eq!((user.email.as_str(), user.name.as_str()), ("li.wei@example.com", "li.wei@example.com"));
    assert_eq!(user.last_login_at, Some(bench.clock().now_s()));
}

#[tokio::test]
async fn an_unknown_address_a_wrong_password_and_a_locked_account_get_the_same_answer() {
    let bench = Bench::new().await;
    let person = bench.person("a@example.com", Role::Member).await;
    let unknown = bench.sign_in("nobody@example.com", PASSWORD).await.unwrap_err();
    let wrong = bench.sign_in("a@example.com", "not the password").await.unwrap_err();
    let change = UserChange { disabled: Some(true), ..UserChange::default() };
    bench.management.update_user(&bench.owner, person.user.unwrap(), &change).await.unwrap();
    let locked = bench.sign_in("a@example.com", PASSWORD).await.unwrap_err();

    assert_eq!((unknown.kind, unknown.code.as_str()), (Kind::Unauthenticated, "wrong_credentials"));
    assert_eq!(unknown, wrong);
    assert_eq!(unknown, locked);
    assert_eq!(
        refusal(bench.management.active_user(&bench.anybody(), person.user.unwrap()).await).0,
        Kind::NotFound,
        "a session of a locked account is not renewed"
    );
}

#[tokio::test]
async fn odd_credentials_are_refused_and_nothing_breaks() {
    let bench = Bench::new().await;
    let long = "x".repeat(100_000);
    for (email, password) in [("", ""), ("admin@localhost", ""), ("admin@localhost\0", "a"), ("' OR 1=1 --", &long)] {
        assert_eq!(refusal(bench.sign_in(email, password).await).0, Kind::Unauthenticated);
    }
}

#[tokio::test]
async fn an_address_belongs_to_one_account() {
    let bench = Bench::new().await;
    bench.person("a@example.com", Role::Member).await;

    let error = bench.management.create_user(&bench.owner, &new_user("A@Example.com", Role::Member)).await.unwrap_err();

    assert_eq!((error.kind, error.code.as_str()), (Kind::Conflict, "name_taken"));
    assert!(error.detail.contains("a@example.com"), "{error}");
}

#[tokio::test]
async fn bad_addresses_and_weak_passwords_are_refused_by_field() {
    let bench = Bench::new().await;
    let create = async |email: &str, password: &str| {
        let new = NewUser { password: password.to_owned(), ..new_user(email, Role::Member) };
        bench.management.create_user(&bench.owner, &new).await
    };
    for email in
        ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b..c", "a@-b", "a@b\nc", "<a@b>", &format!("{}@b", "a".repeat(65))]
    {
        assert_eq!(bad_field(create(email, PASSWORD).await), "email", "{email:?}");
    }
    for password in ["", "123456789", "aaaaaaaaaaaaaaa", &"ab".repeat(200)] {
        assert_eq!(bad_field(create("a@example.com", password).await), "password", "{password:?}");
    }
    assert!(create("a@example.com", "密码密码密码密码密马").await.is_ok(), "ten characters of any script");
}

#[tokio::test]
async fn the_last_owner_cannot_be_demoted_locked_or_removed() {
    let bench = Bench::new().await;
    let me = bench.owner.user.unwrap();
    let demote = UserChange { role: Some(Role::Admin), ..UserChange::default() };
    let lock = UserChange { disabled: Some(true), ..UserChange::default() };

    for change in [&demote, &lock] {
        let answer = bench.management.update_user(&bench.owner, me, change).await;
        assert_eq!(refusal(answer), (Kind::Conflict, "last_owner".to_owned()));
    }
    assert_eq!(refusal(bench.management.delete_user(&bench.owner, me).await).1, "last_owner");

    let second = bench.person("second@example.com", Role::Owner).await;
    bench.management.update_user(&bench.owner, second.user.unwrap(), &lock).await.unwrap();
    assert_eq!(refusal(bench.management.delete_user(&bench.owner, me).await).1, "last_owner", "a locked owner is none");
    let unlock = UserChange { disabled: Some(false), ..UserChange::default() };
    bench.management.update_user(&bench.owner, second.user.unwrap(), &unlock).await.unwrap();
    bench.management.update_user(&bench.owner, me, &demote).await.unwrap();
    assert_eq!(refusal(bench.management.delete_user(&second, second.user.unwrap()).await).1, "last_owner");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_who_demote_each_other_at_once_leave_one() {
    let bench = Bench::new().await;
    let second = bench.person("second@example.com", Role::Owner).await;
    let demote = UserChange { role: Some(Role::Admin), ..UserChange::default() };

    let (one, other) = tokio::join!(
        bench.management.update_user(&bench.owner, second.user.unwrap(), &demote),
        bench.management.update_user(&second, bench.owner.user.unwrap(), &demote),
    );

    assert!(one.is_ok() ^ other.is_ok(), "{one:?} {other:?}");
    let users = bench.management.users(&bench.owner, &PageQuery::default()).await.unwrap().data;
    assert_eq!(users.iter().filter(|user| user.role == Role::Owner).count(), 1);
}

#[tokio::test]
async fn nobody_touches_or_gives_a_role_above_their_own() {
    let bench = Bench::new().await;
    let admin = bench.person("admin2@example.com", Role::Admin).await;
    let owner = bench.owner.user.unwrap();
    let above = (Kind::Forbidden, "role_above_own".to_owned());

    assert_eq!(refusal(bench.management.create_user(&admin, &new_user("x@example.com", Role::Owner)).await), above);
    let promote = UserChange { role: Some(Role::Owner), ..UserChange::default() };
    assert_eq!(refusal(bench.management.update_user(&admin, admin.user.unwrap(), &promote).await), above);
    let reset = UserChange { password: Some("another password".to_owned()), ..UserChange::default() };
    assert_eq!(refusal(bench.management.update_user(&admin, owner, &reset).await), above);
    assert_eq!(refusal(bench.management.delete_user(&admin, owner).await), above);
}

#[tokio::test]
async fn people_change_their_own_password_with_the_present_one() {
    let bench = Bench::new().await;
    let viewer = bench.person("v@example.com", Role::Viewer).await;
    let me = viewer.user.unwrap();
    let mut change = UserChange { password: Some("a new passphrase".to_owned()), ..UserChange::default() };

    assert_eq!(bad_field(bench.management.update_user(&viewer, me, &change).await), "current_password");
    change.current_password = Some("not the password".to_owned());
    assert_eq!(bad_field(bench.management.update_user(&viewer, me, &change).await), "current_password");
    change.current_password = Some(PASSWORD.to_owned());
    bench.management.update_user(&viewer, me, &change).await.unwrap();

    assert!(bench.sign_in("v@example.com", "a new passphrase").await.is_ok());
    assert!(bench.sign_in("v@example.com", PASSWORD).await.is_err());
    let promote = UserChange { role: Some(Role::Owner), ..UserChange::default() };
    assert_eq!(refusal(bench.management.update_user(&viewer, me, &promote).await).0, Kind::Forbidden);
}

#[tokio::test]
async fn an_admin_resets_a_forgotten_password_without_knowing_it() {
    let bench = Bench::new().await;
    let person = bench.person("a@example.com", Role::Editor).await;
    let reset = UserChange { password: Some("a new passphrase".to_owned()), ..UserChange::default() };
    bench.management.update_user(&bench.owner, person.user.unwrap(), &reset).await.unwrap();
    assert!(bench.sign_in("a@example.com", "a new passphrase").await.is_ok());
}

#[tokio::test]
async fn users_come_in_pages_both_ways() {
    let bench = Bench::new().await;
    for n in 0..5 {
        bench.advance(1);
        bench.person(&format!("u{n}@example.com"), Role::Viewer).await;
    }
    let emails = async |page: PageQuery| {
        let page = bench.management.users(&bench.owner, &page).await.unwrap();
        let last = page.last_id.clone();
        (page.data.iter().map(|user| user.email[..2].to_owned()).collect::<Vec<_>>(), page.has_more, last)
    };
    let limit = Some(2);
    let (first, more, last) = emails(PageQuery { limit, ..PageQuery::default() }).await;
    assert_eq!((first, more), (vec!["u4".to_owned(), "u3".to_owned()], true));
    let (second, more, last) = emails(PageQuery { limit, after: last, ..PageQuery::default() }).await;
    assert_eq!((second, more), (vec!["u2".to_owned(), "u1".to_owned()], true));
    let (third, more, _) = emails(PageQuery { limit, after: last.clone(), ..PageQuery::default() }).await;
    assert_eq!((third, more), (vec!["u0".to_owned(), "ad".to_owned()], false));
    let (back, more, _) = emails(PageQuery { limit, before: last, ..PageQuery::default() }).await;
    assert_eq!((back, more), (vec!["u3".to_owned(), "u2".to_owned()], true));
    let (oldest, _, _) = emails(PageQuery { limit, order: Some("asc".to_owned()), ..PageQuery::default() }).await;
    assert_eq!(oldest, ["ad", "u0"]);
    let nobody = PageQuery { after: Some("' OR 1=1".to_owned()), ..PageQuery::default() };
    bad_field(bench.management.users(&bench.owner, &nobody).await);
    let sideways = PageQuery { order: Some("sideways".to_owned()), ..PageQuery::default() };
    let refused = bench.management.users(&bench.owner, &sideways).await.unwrap_err();
    assert_eq!((refused.kind, refused.param.as_deref()), (Kind::BadRequest, Some("order")));
}

#[tokio::test]
async fn a_locked_tenant_locks_its_people_out_and_the_home_tenant_cannot_be_locked() {
    let bench = Bench::new().await;
    let acme = bench.tenant("acme").await;
    let lock = TenantChange { disabled: Some(true), ..TenantChange::default() };

    assert_eq!(refusal(bench.management.update_tenant(&acme, acme.tenant, &lock).await).1, "not_home");
    bench.management.update_tenant(&bench.owner, acme.tenant, &lock).await.unwrap();
    assert_eq!(refusal(bench.sign_in("owner@acme.example", "correct horse battery").await).0, Kind::Unauthenticated);
    let answer = bench.management.update_tenant(&bench.owner, bench.owner.tenant, &lock).await;
    assert_eq!(refusal(answer).1, "home_tenant");
}
