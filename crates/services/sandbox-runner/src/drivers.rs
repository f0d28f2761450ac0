//! Which driver the settings name.

use std::path::PathBuf;
use std::sync::Arc;

use septet_chassis::{Lifecycle, Signer};
use septet_kernel::Clock;

use crate::driver::Driver;
use crate::{Config, docker, kubernetes, process};

/// What `sandbox.driver` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DriverKind {
    /// `process:`
    Process,
    /// `docker:unix://SOCKET`
    Docker { socket: PathBuf },
    /// `kubernetes:`
    Kubernetes,
}

impl DriverKind {
    /// # Errors
    /// With a sentence about the setting.
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        match uri.split_once(':') {
            Some(("process", "")) => Ok(Self::Process),
            Some(("kubernetes", "")) => Ok(Self::Kubernetes),
            // Agents are reached through folders of this machine, so Docker must be on it too.
            Some(("docker", address)) => match address.strip_prefix("unix://").filter(|path| path.starts_with('/')) {
                Some(socket) => Ok(Self::Docker { socket: PathBuf::from(socket) }),
                None => Err(format!(
                    "sandbox.driver: Docker is reached over its unix socket, as in docker:unix:///var/run/docker.sock, not {address:?}"
                )),
            },
            _ => Err(format!(
                "sandbox.driver: {uri:?} is none of process:, docker:unix:///var/run/docker.sock and kubernetes:"
            )),
        }
    }
}

/// The driver that the settings name. It starts nothing until it is needed.
///
/// # Errors
/// With a sentence about the setting.
pub(crate) fn open(
    config: &Config,
    lifecycle: Lifecycle,
    clock: &Clock,
    signer: &Signer,
) -> Result<Arc<dyn Driver>, String> {
    Ok(match DriverKind::parse(&config.driver)? {
        DriverKind::Process => Arc::new(process::Driver::new(config.clone(), lifecycle)),
        DriverKind::Docker { socket } => Arc::new(docker::Driver::new(socket, config.clone(), lifecycle)),
        DriverKind::Kubernetes => {
            Arc::new(kubernetes::Driver::new(config.clone(), clock.clone(), lifecycle, signer.clone()))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::DriverKind;

    #[test]
    fn drivers_are_named_by_an_address() {
        assert_eq!(DriverKind::parse("process:"), Ok(DriverKind::Process));
        assert_eq!(DriverKind::parse("docker:unix:///a"), Ok(DriverKind::Docker { socket: "/a".into() }));
        assert_eq!(DriverKind::parse("kubernetes:"), Ok(DriverKind::Kubernetes));
        for bad in [
            "",
            "kubernetes:x",
            "process",
            "process:x",
            "docker:",
            "docker:unix://",
            "docker:tcp://1.2.3.4:2375",
            "podman:",
        ] {
            assert!(DriverKind::parse(bad).unwrap_err().starts_with("sandbox.driver: "), "{bad:?}");
        }
    }
}
