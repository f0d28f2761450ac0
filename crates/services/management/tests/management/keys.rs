use septet_contracts::management::{CreatedKey, KeyProof, NewApiKey, UserChange};
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, Kind, Role};
use sha2::{Digest, Sha256};

use crate::bench::{Bench, bad_field, refusal};

fn new_key(name: &str) -> NewApiKey {
    NewApiKey { name: name.to_owned(), user: None, role: None, requests_per_minute: None, expires_at: None }
}

fn proof(key: &CreatedKey) -> KeyProof {
    KeyProof { sha256: hex::encode(Sha256::digest(key.secret.as_bytes())) }
}

#[tokio::test]
async fn a_key_works_from_its_hash_alone_and_its_secret_is_stored_nowhere() {
    let bench = Bench::new().await;
    let member = bench.person("m@example.com", Role::Member).await;
    let new = NewApiKey { requests_per_minute: Some(60), ..new_key("notebook") };
    let made = bench.management.create_key(&member, &new).await.unwrap();

    let grant = bench.management.verify_key(&bench.anybody(), &proof(&made)).await.unwrap();

    assert!(made.secret.starts_with("sk-septet-") && made.secret.len() == 53, "{}", made.secret.len());
    assert_eq!(made.key.prefix, made.secret[10..18]);
    assert_eq!(
        (grant.key, grant.tenant, grant.user, grant.role, grant.name.as_str(), grant.requests_per_minute),
        (made.key.id, member.tenant, member.user.unwrap(), Role::Member, "notebook", Some(60))
    );
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(made.secret.len()).any(|window| window == made.secret.as_bytes()));
    }
    assert!(!format!("{made:?}").contains(&made.secret), "debug output shows no secret");
}

#[tokio::test]
async fn an_unknown_a_revoked_and_an_expired_key_get_the_same_answer() {
    let bench = Bench::new().await;
    let until = NewApiKey { expires_at: Some(bench.clock().now_s() + 60), ..new_key("short") };
    let expiring = bench.management.create_key(&bench.owner, &until).await.unwrap();
    let revoked = bench.management.create_key(&bench.owner, &new_key("revoked")).await.unwrap();
    bench.management.revoke_key(&bench.owner, revoked.key.id).await.unwrap();
    bench.management.revoke_key(&bench.owner, revoked.key.id).await.unwrap();
    assert!(bench.management.verify_key(&bench.anybody(), &proof(&expiring)).await.is_ok());
    bench.advance(60);

    let unknown = KeyProof { sha256: "0".repeat(64) };
    let unknown = bench.management.verify_key(&bench.anybody(), &unknown).await.unwrap_err();
    let revoked = bench.management.verify_key(&bench.anybody(), &proof(&revoked)).await.unwrap_err();
    let expired = bench.management.verify_key(&bench.anybody(), &proof(&expiring)).await.unwrap_err();

    assert_eq!((unknown.kind, unknown.code.as_str()), (Kind::Unauthenticated, "invalid_api_key"));
    assert_eq!(unknown, revoked);
    assert_eq!(unknown, expired);
    assert_eq!(
        refusal(bench.management.verify_key(&bench.anybody(), &KeyProof { sha256: "'\0".into() }).await).0,
        Kind::Unauthenticated
    );
}

#[tokio::test]
async fn a_key_never_may_more_than_its_person_may_now() {
    let bench = Bench::new().await;
    let editor = bench.person("e@example.com", Role::Editor).await;
    let made = bench.management.create_key(&editor, &new_key("full")).await.unwrap();
    let capped = NewApiKey { role: Some(Role::Viewer), ..new_key("capped") };
    let capped = bench.management.create_key(&editor, &capped).await.unwrap();
    let above = NewApiKey { role: Some(Role::Admin), ..new_key("above") };
    assert_eq!(bad_field(bench.management.create_key(&editor, &above).await), "role");

    let demote = UserChange { role: Some(Role::Member), ..UserChange::default() };
    bench.management.update_user(&bench.owner, editor.user.unwrap(), &demote).await.unwrap();
    let role =
        async |key: &CreatedKey| bench.management.verify_key(&bench.anybody(), &proof(key)).await.map(|g| g.role);
    assert_eq!(role(&made).await, Ok(Role::Member));
    assert_eq!(role(&capped).await, Ok(Role::Viewer));

    let lock = UserChange { disabled: Some(true), ..UserChange::default() };
    bench.management.update_user(&bench.owner, editor.user.unwrap(), &lock).await.unwrap();
    assert_eq!(role(&made).await.unwrap_err().kind, Kind::Unauthenticated);
    bench.management.delete_user(&bench.owner, editor.user.unwrap()).await.unwrap();
    assert_eq!(role(&made).await.unwrap_err().kind, Kind::Unauthenticated);
    assert!(bench.management.keys(&bench.owner, &PageQuery::default()).await.unwrap().data.is_empty());
}

#[tokio::test]
async fn people_see_and_revoke_their_own_keys_and_admins_everybodys() {
    let bench = Bench::new().await;
    let (one, two) =
        (bench.person("1@example.com", Role::Member).await, bench.person("2@example.com", Role::Member).await);
    let admin = bench.person("a@example.com", Role::Admin).await;
    let key = bench.management.create_key(&one, &new_key("one")).await.unwrap().key;
    bench.management.create_key(&two, &new_key("two")).await.unwrap();
    let n_seen = async |caller: &Caller| bench.management.keys(caller, &PageQuery::default()).await.unwrap().data.len();

    assert_eq!((n_seen(&one).await, n_seen(&two).await, n_seen(&admin).await), (1, 1, 2));
    assert_eq!(refusal(bench.management.key(&two, key.id).await).0, Kind::NotFound);
    assert_eq!(refusal(bench.management.revoke_key(&two, key.id).await).0, Kind::NotFound);
    bench.management.revoke_key(&admin, key.id).await.unwrap();
    assert!(bench.management.key(&one, key.id).await.unwrap().revoked_at.is_some());
}

#[tokio::test]
async fn keys_are_made_for_others_by_admins_up_to_their_own_role_and_never_by_keys() {
    let bench = Bench::new().await;
    let member = bench.person("m@example.com", Role::Member).await;
    let admin = bench.person("a@example.com", Role::Admin).await;
    let for_whom = |caller: &Caller| NewApiKey { user: caller.user, ..new_key("for another") };

    assert_eq!(refusal(bench.management.create_key(&member, &for_whom(&admin)).await).0, Kind::Forbidden);
    assert_eq!(refusal(bench.management.create_key(&admin, &for_whom(&bench.owner)).await).1, "role_above_own");
    let made = bench.management.create_key(&admin, &for_whom(&member)).await.unwrap();
    assert_eq!((made.key.user, made.key.role), (member.user.unwrap(), Role::Member));
    let by_key = Caller { key: Some(made.key.id), ..member };
    assert_eq!(refusal(bench.management.create_key(&by_key, &new_key("child")).await).1, "key_makes_key");
    let nobody = Caller { user: None, ..bench.owner.clone() };
    assert_eq!(bad_field(bench.management.create_key(&nobody, &new_key("whose")).await), "user");
}

#[tokio::test]
async fn odd_keys_are_refused_by_field() {
    let bench = Bench::new().await;
    let create = async |new: NewApiKey| bad_field(bench.management.create_key(&bench.owner, &new).await);
    assert_eq!(create(new_key("")).await, "name");
    assert_eq!(create(new_key("a\nb")).await, "name");
    assert_eq!(create(NewApiKey { requests_per_minute: Some(0), ..new_key("a") }).await, "requests_per_minute");
    let now = bench.clock().now_s();
    for expires_at in [now, 0, -5, i64::MIN] {
        assert_eq!(create(NewApiKey { expires_at: Some(expires_at), ..new_key("a") }).await, "expires_at");
    }
    let far = NewApiKey { expires_at: Some(i64::MAX), ..new_key("far") };
    assert!(bench.management.create_key(&bench.owner, &far).await.is_ok());
}

#[tokio::test]
async fn the_last_use_is_noted_at_most_once_a_minute() {
    let bench = Bench::new().await;
    let made = bench.management.create_key(&bench.owner, &new_key("a")).await.unwrap();
    let use_it = async || bench.management.verify_key(&bench.anybody(), &proof(&made)).await.unwrap();
    let last = async || bench.management.key(&bench.owner, made.key.id).await.unwrap().last_used_at;
    let start = bench.clock().now_s();

    assert_eq!(last().await, None);
    use_it().await;
    bench.advance(30);
    use_it().await;
    assert_eq!(last().await, Some(start));
    bench.advance(31);
    use_it().await;
    assert_eq!(last().await, Some(start + 61));
}
