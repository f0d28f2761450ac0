//! A test chart, drawn inside the walls: Chinese text in two fonts that code asks for and few machines have, and a
//! minus sign, which many Chinese fonts lack.

use std::time::Duration;

use futures::TryStreamExt;
use septet_kernel::{Clock, Ids};

use crate::Config;
use crate::driver::{Cause, Driver, RunSpec, Said, SessionSpec, Signals};

const CODE: &str = include_str!("chart.py");
const TIMEOUT: Duration = Duration::from_secs(60);

/// A chart that was drawn.
#[derive(Debug, Clone)]
pub struct Chart {
    /// The picture.
    pub png: Vec<u8>,
    /// The characters that came out as squares; none when all is well.
    pub missing: Vec<String>,
    /// From the hand-over of the code until its end.
    pub duration: Duration,
}

/// Draws it, or says what is in the way.
pub(super) async fn draw(config: &Config, driver: &dyn Driver) -> Result<Chart, String> {
    let ids = Ids::new(Clock::system());
    let failed = |error: &dyn std::error::Error| septet_kernel::causes(error).to_string();
    let spec = SessionSpec { container: ids.next(), tenant: ids.next(), policy: None };
    let session = driver.open(spec).await.map_err(|error| failed(&error))?;
    let run = RunSpec {
        language: "python".to_owned(),
        code: CODE.to_owned(),
        timeout: TIMEOUT,
        memory_bytes: config.memory_bytes,
        n_processes: config.n_processes,
        output_bytes: config.output_bytes,
    };
    let entered = session.enter(false).await.map_err(|error| failed(&error))?;
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let mut say = |said| match said {
        Said::Stdout(text) => stdout.push_str(&text),
        Said::Stderr(text) => stderr.push_str(&text),
    };
    let ended = entered.run(&run, &Signals::default(), &mut say).await.map_err(|error| failed(&error))?;
    if ended.cause != Cause::Itself || ended.status != 0 {
        return Err(format!("the code ended with {:?}, status {}: {stderr}", ended.cause, ended.status));
    }
    let missing = serde_json::from_str(&stdout).map_err(|error| format!("{error}: {stdout}"))?;
    let changes = session.changes(1).await.map_err(|error| failed(&error))?;
    let file = changes.found.into_iter().next().ok_or("the code left no picture")?;
    let pieces: Vec<bytes::Bytes> = file.content.try_collect().await.map_err(|error| failed(&error))?;
    Ok(Chart { png: pieces.concat(), missing, duration: ended.duration })
}
