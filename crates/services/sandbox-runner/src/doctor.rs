//! Says what this machine can do and, for what it cannot, what to do about it.

mod chart;

use std::fs;
use std::path::Path;

use secrecy::SecretString;
use septet_chassis::{Lifecycle, Signer};
use septet_contracts::sandbox::{Doctor, Missing};
use septet_kernel::Clock;

use crate::Config;
use crate::driver::{Driver, Error, MemoryWall};
use crate::drivers;

pub use chart::Chart;

/// Examines the machine by really building the walls once and drawing a chart behind them; why there is none, if there
/// is none. Takes a second or two; starts and ends its own processes.
pub async fn doctor(config: &Config) -> (Doctor, Result<Chart, String>) {
    let clock = Clock::system();
    // A secret of its own: pods that are being used by a service are left alone.
    let secret = SecretString::from(hex::encode(rand::random::<[u8; 32]>()));
    let signer = Signer::new(&secret, clock.clone());
    let driver = match drivers::open(config, Lifecycle::default(), &clock, &signer) {
        Ok(driver) => driver,
        Err(why) => return (without_driver(config, why.clone()), Err(why)),
    };
    let found = examine(config, driver.as_ref()).await;
    let chart = match found.level.as_str() {
        "none" => Err("no code can run here".to_owned()),
        _ => chart::draw(config, driver.as_ref()).await,
    };
    driver.close().await;
    (found, chart)
}

pub(crate) async fn examine(config: &Config, driver: &dyn Driver) -> Doctor {
    let mut missing = Vec::new();
    let runtime = config.runtime();
    let packages = lines(&runtime.join("packages.txt"));
    // Elsewhere packages and fonts are in the image.
    let is_here = driver.name() == "process";
    if is_here && packages.is_empty() {
        missing.push(Missing {
            what: format!("the Python run-time at {}", runtime.display()),
            why: "without it no code runs".to_owned(),
            how: "run `make runtime`, or runtime/provision.sh with another folder and set sandbox.runtime".to_owned(),
        });
    }
    let fonts = chinese_fonts();
    if is_here && fonts.is_empty() {
        missing.push(Missing {
            what: "a font with Chinese characters".to_owned(),
            why: "Chinese text in charts comes out as squares".to_owned(),
            how: "apt-get install fonts-wqy-microhei, then run `make runtime` again".to_owned(),
        });
    }
    let walls = match driver.warm().await {
        Ok(walls) => Some(walls),
        Err(error) => {
            if !is_here || !packages.is_empty() {
                missing.push(refused(&error, is_here));
            }
            None
        }
    };
    let memory = walls.as_ref().map(|walls| walls.memory);
    if memory == Some(MemoryWall::Watchdog) {
        missing.push(Missing {
            what: "a writable control group".to_owned(),
            why: "memory is watched ten times a second instead of capped by the kernel".to_owned(),
            how: "run as root, or under systemd with Delegate=yes".to_owned(),
        });
    }
    Doctor {
        level: walls.as_ref().map_or("none", |walls| walls.level.name()).to_owned(),
        driver: driver.name().to_owned(),
        python: walls.map(|walls| walls.python),
        packages,
        fonts,
        memory: memory.map_or("none", MemoryWall::name).to_owned(),
        missing,
    }
}

fn without_driver(config: &Config, why: String) -> Doctor {
    let how = "correct the setting".to_owned();
    Doctor {
        level: "none".to_owned(),
        driver: config.driver.clone(),
        python: None,
        packages: Vec::new(),
        fonts: Vec::new(),
        memory: "none".to_owned(),
        missing: vec![Missing { what: "a sandbox driver".to_owned(), why, how }],
    }
}

fn refused(error: &Error, is_here: bool) -> Missing {
    if !is_here {
        return Missing {
            what: "sandbox containers".to_owned(),
            why: format!("code is refused rather than run without them: {}", septet_kernel::causes(error)),
            how: "see the guide to the sandbox; deploy/sandbox-image makes the image".to_owned(),
        };
    }
    Missing {
        what: "walls around code".to_owned(),
        why: format!("code is refused rather than run without them: {}", septet_kernel::causes(error)),
        how: "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, \
              user.max_user_namespaces above 0), or run as root; in Docker add --security-opt seccomp=unconfined \
              --security-opt apparmor=unconfined --cap-add SYS_ADMIN, or give the sandbox runner a machine of its own"
            .to_owned(),
    }
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn chinese_fonts() -> Vec<String> {
    const FAMILIES: [&str; 4] = ["wqy-", "NotoSansCJK", "NotoSerifCJK", "SourceHanSans"];
    let mut found = Vec::new();
    let mut folders = vec![Path::new("/usr/share/fonts").to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            } else if FAMILIES.iter().any(|family| name.starts_with(family)) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found.sort();
    found
}
