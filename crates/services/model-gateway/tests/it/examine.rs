//! What a person learns of a provider that they have just set up.

use septet_kernel::Clock;
use septet_model_gateway::{Config, ModelConfig, ProviderConfig, Verdict, examine};
use serde_json::json;

use crate::gateway::provider;
use crate::upstream::{Turn, Upstream, good_whole};

/// The verdict on a provider whose first model is this, and whether it cost anything.
async fn look(upstream: &Upstream, model: Option<&str>) -> (Verdict, bool, String) {
    let models = model.map(ModelConfig::named).into_iter().collect();
    let mut config = Config::default();
    config.providers.insert("up".to_owned(), ProviderConfig { models, ..provider(&upstream.url) });
    let [seen] = &examine(&config, &Clock::system()).await[..] else { panic!("one provider") };
    assert!(!seen.detail.contains("sk-test-secret"), "{seen:?}");
    (seen.verdict, seen.has_cost, seen.detail.clone())
}

#[tokio::test]
async fn every_way_that_a_provider_can_be_is_told_apart() {
    let says =
        |status: u16, message: &str| Turn::Status(status, vec![], json!({"error": {"message": message}}).to_string());
    let script = vec![
        good_whole("H"),
        says(401, "Incorrect API key provided: sk-test-secret"),
        says(404, "The model `m` does not exist"),
        says(402, "Insufficient Balance"),
        says(503, "Loading model"),
        says(400, "Could not finish the message because max_tokens or model output limit was reached"),
    ];
    let upstream = Upstream::start(script).await;
    // What is listed is not asked, so it costs nothing.
    assert_eq!(look(&upstream, None).await.0, Verdict::Fine);
    let (verdict, has_cost, detail) = look(&upstream, Some("listed-chat")).await;
    assert_eq!((verdict, has_cost, detail.contains("listed-chat")), (Verdict::Fine, false, true), "{detail}");
    assert_eq!(upstream.asked().len(), 0);

    for wanted in
        [Verdict::Fine, Verdict::WrongKey, Verdict::NoSuchModel, Verdict::Unpaid, Verdict::Loading, Verdict::Fine]
    {
        let (verdict, has_cost, detail) = look(&upstream, Some("m")).await;
        assert_eq!((verdict, has_cost), (wanted, true), "{detail}");
    }
    assert_eq!(upstream.asked()[0]["max_tokens"], 1);

    let mut config = Config::default();
    config.providers.insert("gone".to_owned(), provider("http://127.0.0.1:9/v1"));
    let seen = &examine(&config, &Clock::system()).await[0];
    assert_eq!((seen.verdict, seen.verdict.words()), (Verdict::Unreachable, "unreachable"), "{seen:?}");
    assert!(seen.verdict.remedy("gone").unwrap().contains("models.providers.gone.base_url"));
}
