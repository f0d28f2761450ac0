//! All endpoints, by noun. What each needs stands in its line: see [`crate::route`].

/// Endpoints that only pass a request on: one entry each, with what the description of the API says about it.
///
/// `pass` keeps the path, `pass_own` takes `/api` off.
macro_rules! passes {
    ($(
        $(#[doc = $doc:tt])*
        $name:ident: $method:ident $path:tt => $service:ident.$how:ident { $($spec:tt)* }
    )*) => {$(
        $(#[doc = $doc])*
        #[utoipa::path($method, path = $path, $($spec)*)]
        pub(super) async fn $name(
            axum::extract::State(app): axum::extract::State<$crate::gateway::App>,
            request: axum::extract::Request,
        ) -> axum::response::Response {
            app.$how(septet_kernel::ServiceName::$service, request).await
        }
    )*};
}

mod accounts;
mod admin;
mod auth;
mod chat;
mod containers;
mod content;
mod current_password;
mod files;
pub(crate) mod inside;
mod knowledge;
mod meta;
mod models;
mod responses;

use crate::route::Routes;

/// Every endpoint, with its description and what it needs.
pub(crate) fn all() -> Routes {
    Routes::default()
        .merge(auth::routes())
        .merge(models::routes())
        .merge(responses::routes())
        .merge(chat::routes())
        .merge(files::routes())
        .merge(knowledge::routes())
        .merge(containers::routes())
        .merge(admin::routes())
        .merge(accounts::routes())
        .merge(meta::routes())
}
