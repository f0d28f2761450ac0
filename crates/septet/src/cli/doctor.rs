//! `septet doctor`: what works on this machine, what is missing, and how to get it.

mod storage;

use std::process::ExitCode;

use console::style;
use septet_kernel::Clock;
use septet_model_gateway::{Examined, Verdict};
use septet_sandbox_runner::Chart;
use serde::Serialize;

use super::terminal;
use crate::config::Config;
use crate::data::{DataFolder, Use};

#[derive(Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
    /// What to do when it is not fine.
    how: Option<String>,
}

/// Looks at everything and prints it; exit code 1 when something that is needed is missing.
pub(crate) async fn run(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = vec![data_folder(config), port(config).await];
    findings.extend(sandbox(config).await);
    findings.push(pdf(config));
    findings.push(storage::finding(config).await);
    findings.extend(models(config).await);
    findings.extend(crate::config::unread_variables().into_iter().map(unread));
    let all_fine = findings.iter().all(|finding| finding.ok);
    if json {
        terminal::line(&serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            let mark = if finding.ok { style("ok     ").green() } else { style("missing").red() };
            terminal::line(&format!("{mark} {}: {}", style(&finding.what).bold(), finding.detail));
            if let Some(how) = &finding.how {
                terminal::line(&format!("        -> {how}"));
            }
        }
    }
    Ok(if all_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fine(what: &str, detail: impl Into<String>) -> Finding {
    Finding { what: what.to_owned(), ok: true, detail: detail.into(), how: None }
}

fn data_folder(config: &Config) -> Finding {
    match DataFolder::open(&config.data, Use::Alone) {
        Ok(_folder) => fine("data folder", config.data.display().to_string()),
        Err(error) => Finding { what: "data folder".to_owned(), ok: false, detail: format!("{error:#}"), how: None },
    }
}

async fn port(config: &Config) -> Finding {
    match super::serve::listen(config.listen.public, "--listen").await {
        Ok(_listener) => fine("port", config.listen.public.to_string()),
        Err(error) => Finding { what: "port".to_owned(), ok: false, detail: format!("{error:#}"), how: None },
    }
}

async fn sandbox(config: &Config) -> Vec<Finding> {
    let (doctor, chart) = septet_sandbox_runner::doctor(&config.sandbox).await;
    let python = doctor.python.as_deref().unwrap_or("no python");
    let mut findings = vec![Finding {
        what: "sandbox".to_owned(),
        ok: doctor.level != "none",
        detail: format!("level {}, {} driver, {python}, memory by {}", doctor.level, doctor.driver, doctor.memory),
        how: None,
    }];
    findings.push(drawn(config, chart));
    findings.extend(doctor.missing.into_iter().map(|missing| Finding {
        what: missing.what,
        ok: false,
        detail: missing.why,
        how: Some(missing.how),
    }));
    findings
}

/// Saves the test chart where it can be looked at.
fn drawn(config: &Config, chart: Result<Chart, String>) -> Finding {
    let missing =
        |detail: String, how: &str| Finding { what: "charts".to_owned(), ok: false, detail, how: Some(how.to_owned()) };
    let chart = match chart {
        Ok(chart) => chart,
        Err(why) => {
            return missing(format!("the test chart was not drawn: {why}"), "see what is missing for the sandbox");
        }
    };
    let folder = if config.data.is_dir() { config.data.clone() } else { std::env::temp_dir() };
    let path = folder.join("doctor-chart.png");
    let place = match std::fs::write(&path, &chart.png) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nowhere, {} cannot be written: {error}", path.display()),
    };
    if !chart.missing.is_empty() {
        let squares = chart.missing.join(", ");
        return missing(
            format!("characters come out as squares ({squares}); the test chart is in {place}"),
            "apt-get install fonts-wqy-microhei, then run `make runtime` again",
        );
    }
    let ms = chart.duration.as_millis();
    fine(
        "charts",
        format!("Chinese text in SimHei and Microsoft YaHei and a minus sign drawn in {ms} ms, look at {place}"),
    )
}

fn pdf(config: &Config) -> Finding {
    match config.knowledge.pdfium_found() {
        Some(path) => fine("pdf reader", format!("pdfium at {}", path.display())),
        None => Finding {
            what: "pdf reader".to_owned(),
            ok: false,
            detail:
                "libpdfium was not found; PDF files are read by the slower built-in reader, which loses some tables"
                    .to_owned(),
            how: Some("run runtime/pdfium.sh, or set knowledge.pdfium_library".to_owned()),
        },
    }
}

/// A setting that somebody believes to have made.
fn unread((name, meant): (String, String)) -> Finding {
    Finding {
        what: format!("variable {name}"),
        ok: false,
        detail: "is not read: settings have two underscores".to_owned(),
        how: Some(format!("name it {meant}")),
    }
}

/// Asks every provider one cheap question.
async fn models(config: &Config) -> Vec<Finding> {
    if config.models.providers.is_empty() {
        let mut finding = fine("models", "no provider: the offline analyst answers, which is no language model");
        finding.how = Some(
            "set OPENAI_API_KEY, DEEPSEEK_API_KEY or DASHSCOPE_API_KEY, or add [models.providers.<name>]".to_owned(),
        );
        return vec![finding];
    }
    let examined = septet_model_gateway::examine(&config.models, &Clock::system()).await;
    let finding = |seen: Examined| {
        let cost = if seen.has_cost { "this cost a few tokens" } else { "this cost nothing" };
        Finding {
            what: format!("models at {}", seen.provider),
            ok: seen.verdict == Verdict::Fine,
            detail: format!("{}: {} ({:.1} s, {cost})", seen.verdict.words(), seen.detail, seen.took.as_secs_f64()),
            how: seen.verdict.remedy(&seen.provider),
        }
    };
    examined.into_iter().map(finding).collect()
}
