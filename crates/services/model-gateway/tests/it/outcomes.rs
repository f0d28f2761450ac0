//! A tenant says how its answers turned out, and its routes by difficulty learn from it.

use septet_contracts::models::{Outcome, OutcomeReply, OutcomeReport, RouteOutcomes};
use septet_kernel::{Kind, RecordId};
use septet_model_gateway::{Config, MemberConfig, RouteConfig, StrategyKind, TierKind};

use crate::gateway::{Gateway, provider};
use crate::upstream::{Upstream, good_whole};

const EASY: &str = "你好";
const LESS_EASY: &str = "Which of the two is larger, 17 * 23 or 400, and why? Explain step by step.";

/// A weak model, a strong one, and the route `both` over them.
struct Harness {
    weak: Upstream,
    strong: Upstream,
    config: Config,
}

async fn harness(route: RouteConfig) -> Harness {
    let script = || (0..200).map(|_| good_whole("hi")).collect();
    let (weak, strong) = (Upstream::start(script()).await, Upstream::start(script()).await);
    let member = |model: &str, tier| MemberConfig { model: model.to_owned(), weight: 1.0, tier: Some(tier) };
    let models = vec![member("weak/m", TierKind::Weak), member("strong/m", TierKind::Strong)];
    let mut config = Config::default();
    config.providers.insert("weak".to_owned(), provider(&weak.url));
    config.providers.insert("strong".to_owned(), provider(&strong.url));
    let route = RouteConfig { models, strategy: StrategyKind::Difficulty, ..route };
    config.routes.insert("both".to_owned(), route);
    Harness { weak, strong, config }
}

impl Harness {
    fn n_asked(&self) -> (usize, usize) {
        (self.weak.asked().len(), self.strong.asked().len())
    }
}

/// Asks, and gives the id of the call.
async fn ask(gateway: &Gateway, model: &str, text: &str) -> RecordId {
    let body = format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let (status, headers, body) = gateway.raw("/v1/chat/completions", &body, &[]).await;
    assert_eq!(status, 200, "{body}");
    headers["x-septet-call"].to_str().unwrap().parse().unwrap()
}

async fn report(gateway: &Gateway, outcomes: Vec<Outcome>) -> OutcomeReply {
    gateway.models.report(&gateway.caller, &OutcomeReport { outcomes }).await.unwrap()
}

#[tokio::test]
async fn bad_answers_of_the_weak_model_raise_a_tenants_quality_and_nobody_elses() {
    let harness = harness(RouteConfig { quality_floor: Some(0.3), ..RouteConfig::default() }).await;
    let mut gateway = Gateway::open(harness.config.clone()).await;
    let mut outcomes = Vec::new();
    for n in 0..60 {
        outcomes.push(Outcome { call: ask(&gateway, "both", EASY).await, good: n % 10 == 0 });
    }
    assert_eq!(harness.n_asked(), (60, 0));

    // Too few at first; told again they count once.
    let few = report(&gateway, outcomes[..40].to_vec()).await;
    let route =
        |n_outcomes, n_bad, is_calibrated| RouteOutcomes { route: "both".to_owned(), n_outcomes, n_bad, is_calibrated };
    assert_eq!(few.routes, [route(40, 36, false)]);
    ask(&gateway, "both", EASY).await;
    assert_eq!(harness.n_asked(), (61, 0));
    let all = report(&gateway, outcomes).await;
    assert_eq!(all.routes, [route(60, 54, true)]);

    ask(&gateway, "both", EASY).await;
    assert_eq!(harness.n_asked(), (61, 1));

    // What was learned outlives the process.
    gateway = gateway.again(harness.config.clone()).await;
    ask(&gateway, "both", EASY).await;
    assert_eq!(harness.n_asked(), (61, 2));
    gateway.caller.tenant = gateway.platform.ids.next();
    ask(&gateway, "both", EASY).await;
    assert_eq!(harness.n_asked(), (62, 2));
}

#[tokio::test]
async fn a_share_is_one_of_the_tenants_own_calls_once_it_told_of_them() {
    // Of exam questions only one in a hundred is this hard.
    let harness = harness(RouteConfig { strong_share: 0.01, ..RouteConfig::default() }).await;
    let gateway = Gateway::open(harness.config.clone()).await;
    let mut outcomes = Vec::new();
    for n in 0..60 {
        let text = if n % 2 == 0 { EASY } else { LESS_EASY };
        outcomes.push(Outcome { call: ask(&gateway, "both", text).await, good: n % 2 == 0 });
    }
    assert_eq!(harness.n_asked(), (60, 0));

    report(&gateway, outcomes).await;
    ask(&gateway, "both", EASY).await;
    ask(&gateway, "both", LESS_EASY).await;

    assert_eq!(harness.n_asked(), (61, 1));
}

#[tokio::test]
async fn only_what_the_tenant_asked_and_what_was_judged_teaches_anything() {
    let harness = harness(RouteConfig::default()).await;
    let mut gateway = Gateway::open(harness.config.clone()).await;
    let judged = Outcome { call: ask(&gateway, "both", EASY).await, good: true };
    let alone = Outcome { call: ask(&gateway, "strong/m", EASY).await, good: true };
    let told = |gateway: &Gateway, outcomes: Vec<Outcome>| {
        let (models, caller) = (gateway.models.clone(), gateway.caller.clone());
        async move { models.report(&caller, &OutcomeReport { outcomes }).await.map_err(|error| (error.kind, error.code)) }
    };

    let refused = told(&gateway, vec![judged, alone]).await.unwrap_err();
    assert_eq!(refused, (Kind::BadRequest, "call_not_judged".to_owned()));
    assert_eq!(told(&gateway, vec![]).await.unwrap_err().0, Kind::BadRequest);
    // The refused report was not stored, not even in part.
    assert_eq!(told(&gateway, vec![judged]).await.unwrap().routes[0].n_outcomes, 1);
    gateway.caller.tenant = gateway.platform.ids.next();
    let refused = told(&gateway, vec![judged]).await.unwrap_err();
    assert_eq!(refused, (Kind::NotFound, "call_not_found".to_owned()));
}
