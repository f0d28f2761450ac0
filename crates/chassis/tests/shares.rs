//! How places are shared between tenants.

use std::sync::Arc;

use septet_chassis::{Place, Shares};
use septet_kernel::{Clock, Ids, TenantId};

fn tenants() -> [TenantId; 3] {
    let ids = Ids::new(Clock::manual(0));
    [ids.next(), ids.next(), ids.next()]
}

fn fill(shares: &Arc<Shares>, tenant: TenantId) -> Vec<Place> {
    std::iter::from_fn(|| shares.try_enter(tenant)).collect()
}

#[test]
fn one_tenant_leaves_room_for_others_however_much_it_wants() {
    let [flood, second, third] = tenants();
    for (n_places, expected) in [(1, [1, 0, 0]), (2, [1, 1, 0]), (3, [2, 1, 0]), (4, [3, 1, 0]), (256, [192, 48, 12])] {
        let shares = Shares::new(n_places);
        let held = [flood, second, third].map(|tenant| fill(&shares, tenant));
        assert_eq!(held.each_ref().map(Vec::len), expected, "of {n_places} places");
    }
}

#[tokio::test]
async fn who_has_least_is_served_first_and_who_left_is_passed_by() {
    let [flood, neighbour, _] = tenants();
    let shares = Shares::new(2);
    let mut held = vec![shares.try_enter(flood).unwrap(), shares.try_enter(neighbour).unwrap()];
    let mut order = Vec::new();
    let mut left = Box::pin(shares.enter(flood));
    let mut floods = Box::pin(shares.enter(flood));
    let mut neighbours = Box::pin(shares.enter(neighbour));
    assert!(futures::poll!(&mut left).is_pending());
    assert!(futures::poll!(&mut floods).is_pending());
    assert!(futures::poll!(&mut neighbours).is_pending());
    drop(left);

    held.pop();
    let mut second = None;
    for _ in 0..3 {
        tokio::select! {
            biased;
            place = &mut neighbours, if second.is_none() => { order.push(place.tenant()); second = Some(place); }
            place = &mut floods => { order.push(place.tenant()); break; }
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(order, [neighbour], "the flood has its share");
    held.clear();
    assert_eq!(floods.await.tenant(), flood);
}

#[test]
fn a_place_that_is_given_back_can_be_had_again() {
    let [flood, neighbour, _] = tenants();
    let shares = Shares::new(3);
    for _ in 0..100 {
        let held = fill(&shares, flood);
        assert!(!shares.is_open_to(flood) && shares.is_open_to(neighbour) && shares.has_any());
        assert_eq!(held.len(), 2);
    }
}
