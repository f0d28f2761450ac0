//! Who may come in, and what they may do.

use septet_kernel::Role;
use serde_json::json;

use crate::in_both;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_a_wrong_password_does_not() {
    in_both(async |platform, transcript| {
        let stranger = platform.client.with_key("");
        let login =
            |password: &str| json!({"email": platform.email, "password": password, "return_refresh_token": true});
        let refused = stranger.post("/api/auth/login", login("not the password")).await;
        assert_eq!(refused.status, 401);
        transcript.line(refused.sentence());
        let session = stranger.post("/api/auth/login", login(&platform.password)).await.ok();
        let person = platform.client.with_key(session["access_token"].as_str().unwrap());
        transcript.value("me", &person.get("/api/me").await.ok());

        let refresh = json!({"refresh_token": session["refresh_token"]});
        let renewed = stranger.post("/api/auth/refresh", refresh).await.ok();
        assert_ne!(renewed["refresh_token"], session["refresh_token"], "it rotates");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_opens_nothing() {
    in_both(async |platform, transcript| {
        // {"alg":"none"} and {"sub":"x","exp":9999999999}
        let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwiZXhwIjo5OTk5OTk5OTk5fQ.";
        for key in ["", "nonsense", "sk-septet-0000000000000000000000000000000000000000000", forged] {
            let reply = platform.client.with_key(key).get("/v1/models").await;
            assert_eq!(reply.status, 401, "{key}");
            transcript.line(reply.sentence());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_changes_nothing() {
    in_both(async |platform, transcript| {
        let key = platform.admin.create_key("viewer", None, Some(Role::Viewer)).await.unwrap();
        let viewer = platform.client.with_key(&key);
        viewer.get("/v1/models").await.ok();
        let reply = viewer.post("/api/users", json!({"email": "a@example.com", "password": "long enough 1"})).await;
        assert_eq!(reply.status, 403);
        transcript.line(reply.sentence());
    })
    .await;
}
