//! A route: the handler that answers, who may use it, and how heavy its requests may be, in one line.
//!
//! Method and path stand in the handler's own description. [`Routes::route`] takes no handler without its [`Access`],
//! so that there is no route without a rule for admission, and no rule without a route. What admission requires is
//! written into the description of the API from the same line.

use axum::Router;
use http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{OpenApi, RefOr, Schema};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::access::{Access, Rules};
use crate::gateway::App;

/// Routes with what each asks.
#[derive(Default)]
pub(crate) struct Routes {
    router: OpenApiRouter<App>,
    rules: Rules,
}

impl Routes {
    /// Adds the handler of one route, from `routes!(handler)`.
    pub(super) fn route(mut self, handler: UtoipaMethodRouter<App>, access: Access) -> Self {
        let (schemas, mut paths, handler): (Vec<(String, RefOr<Schema>)>, _, _) = handler;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                operation.security = Some(vec![security(access)]);
                self.rules.add(path, method, access);
            }
        }
        Self { router: self.router.routes((schemas, paths, handler)), ..self }
    }

    /// Both. Two handlers of one method and path are a panic at the start.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.rules.merge(other.rules);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// The router, the description, and the rules for admission.
    pub(crate) fn split(self) -> (Router<App>, OpenApi, Rules) {
        let (router, api) = self.router.split_for_parts();
        (router, api, self.rules)
    }
}

/// The role of OpenAPI 3.1: which permission the bearer's token has to carry. `{}` means that no identity is needed.
fn security(access: Access) -> SecurityRequirement {
    match access.permission() {
        None => SecurityRequirement::default(),
        Some(permission) => SecurityRequirement::new("bearer", [permission.as_str()]),
    }
}

/// What a path does, by method, in the order in which it is shown.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PATCH, &mut item.patch),
        (Method::PUT, &mut item.put),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

#[cfg(test)]
mod tests {
    use septet_kernel::Role;

    use super::*;
    use crate::access::Audience;
    use crate::routes;

    /// What a role may do, as the routes say it. A change here is a change of somebody's rights: read the diff.
    #[test]
    fn the_table_of_rights_is_as_agreed() {
        let (_router, _api, rules) = routes::all().split();
        let mut table = String::new();
        for path in rules.paths() {
            for (method, access) in rules.of(path) {
                let mut who = access.permission().map_or("anybody".to_owned(), |permission| {
                    let roles = Role::ALL.into_iter().filter(|role| permission.is_granted_to(*role));
                    roles.map(Role::as_str).collect::<Vec<_>>().join(" ")
                });
                if matches!(access.audience, Audience::Operates(_)) {
                    who.push_str(" of the home tenant");
                }
                table.push_str(&format!("{:6} {path:58} {who}\n", method.as_str()));
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn every_operation_of_the_description_has_a_rule_and_says_what_it_needs() {
        let (_router, mut api, rules) = routes::all().split();
        let mut n_operations = 0;
        for (path, item) in &mut api.paths.paths {
            for (method, operation) in operations(item) {
                let access = rules.find(&method, path).unwrap_or_else(|| panic!("{method} {path} has no rule"));
                assert!(operation.security == Some(vec![security(access)]), "{method} {path}");
                n_operations += 1;
            }
        }
        assert_eq!(
            n_operations,
            rules.paths().map(|path| rules.of(path).len()).sum::<usize>(),
            "a rule stands for no operation"
        );
    }
}
