//! The settings of the Docker driver.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings, each with its unit and default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The image, made by `deploy/sandbox-image`. It must be there: nothing is pulled. Default `septet-sandbox`.
    pub image: String,
    /// The container run-time, such as `runsc` for gVisor. Default: empty, which means Docker's own default.
    pub runtime: String,
    /// Containers kept warm, waiting for a session. Default 1.
    pub n_warm: usize,
    /// Processor time of a container, in percent of one core; 0 for no limit. Default 100.
    pub cpu_percent: u32,
    /// The first of the user ids that containers run under, one for each. The kernel counts processes by user, over
    /// all containers; nothing else may use these ids. Default 60 600.
    pub first_uid: u32,
    /// How many ids there are, which is also how many containers there may be at a time. Default 256.
    pub n_uids: u32,
    /// Where the sockets to the containers are. Must be the same path for Docker as for this program. Default: empty,
    /// which means `/run/septet-sandbox` for root and `~/.cache/septet/sandbox` for anybody else.
    pub folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            image: "septet-sandbox".to_owned(),
            runtime: String::new(),
            n_warm: 1,
            cpu_percent: 100,
            first_uid: 60_600,
            n_uids: 256,
            folder: PathBuf::new(),
        }
    }
}

impl Settings {
    /// Says what is wrong, in a sentence that names the setting.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.image.is_empty() {
            return Err("sandbox.docker.image must name an image".to_owned());
        }
        if self.first_uid < 1000 {
            return Err("sandbox.docker.first_uid must not be a system user; use a number from 1000 on".to_owned());
        }
        let own = nix::unistd::geteuid().as_raw();
        let range = self.first_uid..self.first_uid.saturating_add(self.n_uids);
        if range.contains(&own) {
            return Err(format!(
                "sandbox.docker.first_uid: the range has user {own} in it, which is this program's own"
            ));
        }
        if self.n_uids == 0 || usize::try_from(self.n_uids).is_ok_and(|n_uids| n_uids <= self.n_warm) {
            return Err("sandbox.docker.n_uids must be more than sandbox.docker.n_warm".to_owned());
        }
        Ok(())
    }

    /// The folder of the sockets, with the default filled in.
    pub(crate) fn folder(&self) -> PathBuf {
        if !self.folder.as_os_str().is_empty() {
            return self.folder.clone();
        }
        if nix::unistd::geteuid().is_root() {
            return PathBuf::from("/run/septet-sandbox");
        }
        let home = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.dir);
        home.unwrap_or_else(|| PathBuf::from("/")).join(".cache/septet/sandbox")
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn settings_that_cannot_work_are_named() {
        assert!(Settings::default().check().is_ok());
        let own = nix::unistd::geteuid().as_raw();
        for bad in [
            Settings { image: String::new(), ..Settings::default() },
            Settings { first_uid: 0, ..Settings::default() },
            Settings { n_uids: 1, n_warm: 1, ..Settings::default() },
            Settings { first_uid: own.max(1000), n_uids: if own < 1000 { 0 } else { 9 }, ..Settings::default() },
        ] {
            assert!(bad.check().unwrap_err().starts_with("sandbox.docker."), "{bad:?}");
        }
    }
}
