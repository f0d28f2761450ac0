//! What is to be done about the pods that were seen. Decides only and does no IO.

use std::collections::{HashMap, HashSet};

use super::snapshot::{PodSnapshot, PodState};

/// One thing to do.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Make so many pods.
    Create(usize),
    /// Delete a pod, unless it changes first.
    Delete { pod: PodSnapshot, why: &'static str },
    /// Take a waiting pod over from a runner that is gone.
    Adopt(PodSnapshot),
    /// Renew the lease of a pod of ours.
    Renew(PodSnapshot),
}

/// Whose pods, and how old they may get.
#[derive(Debug)]
pub(super) struct Rules<'a> {
    pub(super) instance: &'a str,
    pub(super) pool: &'a str,
    pub(super) n_warm: usize,
    /// The age at which a waiting pod has too little life left for a session.
    pub(super) stale_ms: i64,
    /// How long a pod may take to become ready before another node gets a try.
    pub(super) ready_ms: i64,
    /// How long one that is over stays.
    pub(super) finished_ms: i64,
}

/// The steps for the pods seen. `is_held` says whether a session here uses a pod, `is_orphan` whether nobody renews its
/// lease any more.
pub(super) fn plan(
    pods: &[PodSnapshot],
    rules: &Rules<'_>,
    now_ms: i64,
    is_held: &dyn Fn(&str) -> bool,
    is_orphan: &dyn Fn(&PodSnapshot) -> bool,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut warm: Vec<&PodSnapshot> = Vec::new();
    for pod in pods.iter().filter(|pod| !pod.is_terminating) {
        let step = step(pod, rules, now_ms, is_held, is_orphan);
        let stays = !matches!(step, Some(Step::Delete { .. })) && pod.finished_ms.is_none();
        if stays && pod.state == PodState::Warm && pod.pool == rules.pool {
            warm.push(pod);
        }
        steps.extend(step);
    }
    // Everybody sorts alike and deletes only what is theirs, so two runners do not delete for the same surplus twice.
    warm.sort_by(|one, other| (one.created_ms, &one.name).cmp(&(other.created_ms, &other.name)));
    let surplus = warm.iter().skip(rules.n_warm).filter(|pod| pod.instance == rules.instance);
    let names: HashSet<&str> = surplus.clone().map(|pod| pod.name.as_str()).collect();
    steps.retain(|step| !matches!(step, Step::Renew(pod) | Step::Adopt(pod) if names.contains(pod.name.as_str())));
    steps.extend(surplus.map(|pod| Step::Delete { pod: (*pod).clone(), why: "there are more than asked for" }));
    let n_missing = rules.n_warm.saturating_sub(warm.len());
    if n_missing > 0 {
        steps.push(Step::Create(n_missing));
    }
    steps
}

fn step(
    pod: &PodSnapshot,
    rules: &Rules<'_>,
    now_ms: i64,
    is_held: &dyn Fn(&str) -> bool,
    is_orphan: &dyn Fn(&PodSnapshot) -> bool,
) -> Option<Step> {
    let delete = |why| Some(Step::Delete { pod: pod.clone(), why });
    if let Some(finished_ms) = pod.finished_ms {
        // It runs nothing any more. Whoever used it finds out by itself.
        return if now_ms - finished_ms >= rules.finished_ms { delete("it is over") } else { None };
    }
    let is_ours = pod.instance == rules.instance;
    let age_ms = now_ms - pod.created_ms;
    match pod.state {
        PodState::Claimed if is_ours && is_held(&pod.name) => Some(Step::Renew(pod.clone())),
        // Such as after a claim whose answer was lost.
        PodState::Claimed if is_ours => delete("no session uses it"),
        PodState::Claimed if is_orphan(pod) => delete("its runner is gone"),
        PodState::Warm if is_ours && age_ms >= rules.stale_ms => delete("it is too old for a session"),
        PodState::Warm if is_ours && !pod.is_ready && age_ms >= rules.ready_ms => delete("it did not become ready"),
        PodState::Warm if is_ours => Some(Step::Renew(pod.clone())),
        PodState::Warm if is_orphan(pod) && pod.pool == rules.pool && age_ms < rules.stale_ms => {
            Some(Step::Adopt(pod.clone()))
        }
        PodState::Warm if is_orphan(pod) => delete("its runner is gone"),
        PodState::Claimed | PodState::Warm => None,
    }
}

/// Remembers since when each lease has stood still, by our own clock: the clocks of two machines are never compared.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// What each said, and since when it has, by the uid of what is leased.
    known: HashMap<String, (String, i64)>,
    noted_ms: i64,
}

impl Leases {
    /// Notes what the leases say now; those that are not among them are forgotten.
    pub(super) fn note<'a>(&mut self, leases: impl Iterator<Item = (&'a str, &'a str)>, now_ms: i64, lease_ms: i64) {
        // While we could not look, perhaps nobody could renew either.
        let was_blind = now_ms - self.noted_ms > lease_ms / 2;
        let mut next = HashMap::new();
        for (uid, lease) in leases {
            let since_ms = match self.known.get(uid) {
                Some((known, since_ms)) if known == lease && !was_blind => *since_ms,
                _ => now_ms,
            };
            next.insert(uid.to_owned(), (lease.to_owned(), since_ms));
        }
        self.known = next;
        self.noted_ms = now_ms;
    }

    /// Whether nobody has renewed it for so long.
    pub(super) fn is_over(&self, uid: &str, lease_ms: i64, now_ms: i64) -> bool {
        self.known.get(uid).is_some_and(|(_, since_ms)| now_ms - since_ms > lease_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules<'static> =
        Rules { instance: "me", pool: "p", n_warm: 2, stale_ms: 10_000, ready_ms: 1_000, finished_ms: 500 };

    fn pod(name: &str, instance: &str, state: PodState) -> PodSnapshot {
        PodSnapshot {
            name: name.to_owned(),
            uid: name.to_owned(),
            version: "1".to_owned(),
            pool: "p".to_owned(),
            instance: instance.to_owned(),
            state,
            lease: String::new(),
            created_ms: 0,
            address: None,
            is_ready: true,
            is_terminating: false,
            finished_ms: None,
            diagnosis: None,
            is_permanent: false,
        }
    }

    fn steps(pods: &[PodSnapshot], now_ms: i64, held: &str, orphan: &str) -> Vec<String> {
        plan(pods, &RULES, now_ms, &|name| name == held, &|pod| pod.instance == orphan)
            .into_iter()
            .map(|step| match step {
                Step::Create(n) => format!("create {n}"),
                Step::Delete { pod, why } => format!("delete {}: {why}", pod.name),
                Step::Adopt(pod) => format!("adopt {}", pod.name),
                Step::Renew(pod) => format!("renew {}", pod.name),
            })
            .collect()
    }

    #[test]
    fn an_empty_pool_is_filled_and_a_full_one_is_kept() {
        assert_eq!(steps(&[], 0, "", ""), ["create 2"]);
        let full = [pod("a", "me", PodState::Warm), pod("b", "other", PodState::Warm)];
        assert_eq!(steps(&full, 0, "", ""), ["renew a"]);
    }

    #[test]
    fn of_too_many_waiting_pods_each_runner_deletes_its_own_youngest() {
        let mut all = ["a", "b", "c", "d"].map(|name| pod(name, "me", PodState::Warm));
        all[2].instance = "other".to_owned();
        assert_eq!(steps(&all, 0, "", ""), ["renew a", "renew b", "delete d: there are more than asked for"]);
    }

    #[test]
    fn what_a_dead_runner_left_is_taken_over_or_deleted() {
        let mut other_settings = pod("c", "dead", PodState::Warm);
        other_settings.pool = "q".to_owned();
        let pods = [pod("a", "dead", PodState::Warm), pod("b", "dead", PodState::Claimed), other_settings];
        assert_eq!(
            steps(&pods, 0, "", "dead"),
            ["adopt a", "delete b: its runner is gone", "delete c: its runner is gone", "create 1"]
        );
        assert_eq!(steps(&pods[1..], 0, "", ""), ["create 2"], "a runner that lives keeps its pods");
    }

    #[test]
    fn a_claim_that_nobody_here_knows_of_is_undone() {
        let pods = [pod("a", "me", PodState::Claimed), pod("b", "me", PodState::Claimed)];
        assert_eq!(steps(&pods, 0, "a", ""), ["renew a", "delete b: no session uses it", "create 2"]);
    }

    #[test]
    fn pods_that_are_old_or_never_ready_or_over_are_replaced() {
        let mut unready = pod("b", "me", PodState::Warm);
        unready.is_ready = false;
        assert_eq!(steps(&[pod("a", "me", PodState::Warm), unready.clone()], 999, "", ""), ["renew a", "renew b"]);
        assert_eq!(steps(&[unready], 1_000, "", ""), ["delete b: it did not become ready", "create 2"]);
        assert_eq!(
            steps(&[pod("a", "me", PodState::Warm)], 10_000, "", ""),
            ["delete a: it is too old for a session", "create 2"]
        );
        let mut over = pod("a", "me", PodState::Claimed);
        over.finished_ms = Some(100);
        assert_eq!(steps(&[over.clone()], 599, "a", ""), ["create 2"], "it stays for a look");
        assert_eq!(steps(&[over], 600, "a", ""), ["delete a: it is over", "create 2"]);
    }

    #[test]
    fn a_lease_is_over_when_it_has_stood_still_by_our_clock() {
        let mut leases = Leases::default();
        let looks = [(0, "12:00"), (400, "12:01"), (800, "12:02")];
        for (now_ms, renewed) in looks {
            leases.note([("dead", "12:00"), ("alive", renewed)].into_iter(), now_ms, 1000);
        }
        assert!(!leases.is_over("dead", 1000, 1000) && leases.is_over("dead", 1000, 1001));
        assert!(!leases.is_over("alive", 1000, 1001));
        assert!(!leases.is_over("unknown", 1000, 99_999));
    }

    #[test]
    fn while_the_api_was_away_no_lease_ran_out() {
        let mut leases = Leases::default();
        leases.note([("a", "12:00")].into_iter(), 0, 1000);
        leases.note([("a", "12:00")].into_iter(), 5000, 1000);
        assert!(!leases.is_over("a", 1000, 5001), "its runner could not renew it either");
        assert!(leases.is_over("a", 1000, 6001));
    }
}
