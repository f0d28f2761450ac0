//! What admission requires of a request before its handler sees it, and the table of that for all routes.
//!
//! The table is filled by [`Routes`](crate::route::Routes), from the line of each route in the source.

use std::collections::BTreeMap;

use http::Method;
use septet_contracts::management::Permission;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anybody, without signing in.
    Anybody,
    /// Somebody whose role has the permission.
    Has(Permission),
    /// Somebody of the home tenant whose role has the permission: who operates the installation.
    Operates(Permission),
}

/// How heavy a request may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// A JSON body and an answer soon.
    Light,
    /// A JSON body and an answer that may take as long as a run takes.
    Long,
    /// A file, streamed.
    Upload,
}

/// What admission requires of a request before its handler sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) audience: Audience,
    pub(crate) weight: Weight,
    /// Whether a ticket in the query is a proof here: browsers cannot send headers with a WebSocket.
    pub(crate) takes_ticket: bool,
}

/// Strangers may use it.
pub(crate) const fn anybody() -> Access {
    Access { audience: Audience::Anybody, weight: Weight::Light, takes_ticket: false }
}

/// It needs a permission.
pub(crate) const fn needs(permission: Permission) -> Access {
    Access { audience: Audience::Has(permission), ..anybody() }
}

/// It needs a permission in the home tenant.
pub(crate) const fn operators_need(permission: Permission) -> Access {
    Access { audience: Audience::Operates(permission), ..anybody() }
}

impl Access {
    /// Its answer may take as long as a run takes.
    pub(crate) const fn long(self) -> Self {
        Self { weight: Weight::Long, ..self }
    }

    /// Its body is a file.
    pub(crate) const fn upload(self) -> Self {
        Self { weight: Weight::Upload, ..self }
    }

    /// A ticket lets in as well.
    pub(crate) const fn or_ticket(self) -> Self {
        Self { takes_ticket: true, ..self }
    }

    /// What somebody has to have.
    pub(crate) fn permission(self) -> Option<Permission> {
        match self.audience {
            Audience::Anybody => None,
            Audience::Has(permission) | Audience::Operates(permission) => Some(permission),
        }
    }
}

/// What is asked where: by the template of a path, then by method.
#[derive(Debug, Default)]
pub(crate) struct Rules(BTreeMap<String, Vec<(Method, Access)>>);

impl Rules {
    /// What a route asks from now on.
    pub(crate) fn add(&mut self, path: &str, method: Method, access: Access) {
        self.0.entry(path.to_owned()).or_default().push((method, access));
    }

    /// Takes the others in.
    pub(crate) fn merge(&mut self, others: Self) {
        for (path, rules) in others.0 {
            self.0.entry(path).or_default().extend(rules);
        }
    }

    /// What a route asks.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Option<Access> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.of(path).iter().find(|(known, _)| known == method).map(|(_, access)| *access)
    }

    /// The methods of a path, as the header `Allow` lists them.
    pub(crate) fn methods(&self, path: &str) -> String {
        let methods = self.of(path).iter().map(|(method, _)| method.as_str());
        methods.collect::<Vec<_>>().join(", ")
    }

    /// Each method of a path.
    pub(crate) fn of(&self, path: &str) -> &[(Method, Access)] {
        self.0.get(path).map_or(&[], Vec::as_slice)
    }

    /// The templates of all paths.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
