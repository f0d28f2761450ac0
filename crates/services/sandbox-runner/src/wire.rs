//! From domain types to wire types.

use septet_contracts::sandbox as api;

use crate::container::{Container, File};
use crate::egress::Network;

/// What the answers say about the walls.
#[derive(Debug, Clone)]
pub(crate) struct Walls {
    pub(crate) isolation: String,
    pub(crate) driver: String,
}

pub(crate) fn container(container: &Container, now_ms: i64, walls: &Walls) -> api::Container {
    api::Container {
        id: container.id,
        object: "container".to_owned(),
        name: container.name.clone(),
        status: if container.is_expired(now_ms) { "expired" } else { "running" }.to_owned(),
        created_at: container.created_at_ms / 1000,
        last_active_at: container.last_active_at_ms / 1000,
        expires_after: container
            .expires_minutes
            .map(|minutes| api::ExpiresAfter { anchor: "last_active_at".to_owned(), minutes }),
        network_policy: Some(container.network.as_ref().map_or(api::ContainerNetwork::Disabled, network)),
        septet: api::ContainerExtra {
            isolation: walls.isolation.clone(),
            driver: walls.driver.clone(),
            left_behind: Vec::new(),
        },
    }
}

fn network(network: &Network) -> api::ContainerNetwork {
    let secrets = network.secrets().map(|(domain, name)| api::SecretPlace { domain, name });
    api::ContainerNetwork::Allowlist { allowed_domains: network.allowed(), domain_secrets: secrets.collect() }
}

pub(crate) fn file(file: &File) -> api::ContainerFile {
    api::ContainerFile {
        id: file.id,
        object: "container.file".to_owned(),
        container_id: file.container,
        path: format!("/session/{}", file.path),
        bytes: file.bytes,
        created_at: file.created_at_ms / 1000,
        source: file.source.name().to_owned(),
        septet: api::ContainerFileExtra { name: file.name().to_owned(), mime: file.mime(), blob: file.blob.clone() },
    }
}

pub(crate) fn content(file: &File) -> api::FileContent {
    api::FileContent { blob: file.blob.clone(), filename: file.name().to_owned(), mime: file.mime(), bytes: file.bytes }
}
