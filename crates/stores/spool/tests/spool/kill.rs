//! A process that is killed while it appends loses nothing that it had confirmed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use septet_kernel::Clock;
use septet_spool::{Options, Spool};

const FOLDER: &str = "SPOOL_TEST_FOLDER";

fn options() -> Options {
    Options { max_bytes: 64 << 20, segment_bytes: 16 << 10, fsync: false }
}

/// The part of the child: it appends and says each number once that is confirmed. Without the variable, a plain run of
/// the tests, it has nothing to do.
#[test]
fn a_child_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let spool = Spool::open(folder, options(), Clock::system()).unwrap();
    let mut out = std::io::stdout();
    for number in 0_u64.. {
        spool.append_now(format!("{number} {}", "x".repeat(number as usize % 300)).as_bytes()).unwrap();
        writeln!(out, "confirmed {number}").unwrap();
    }
}

#[tokio::test]
async fn everything_that_was_confirmed_before_a_kill_is_there_in_order() {
    for n_lines in [1, 50, 3000] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::a_child_appends_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut last = None;
        let mut confirm = |line: Option<std::io::Result<String>>| {
            let line = line?.unwrap();
            // The harness prints the name of the test on the same line as the first number.
            let number = line.split_once("confirmed ").and_then(|(_, number)| number.parse::<u64>().ok());
            last = number.max(last);
            Some(())
        };
        for _ in 0..n_lines + 5 {
            confirm(lines.next()).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        while confirm(lines.next()).is_some() {}
        let last = last.unwrap();

        let spool = Spool::open(folder.path(), options(), Clock::system()).unwrap();
        let mut next = 0;
        while let Some(batch) = spool.batch(500, 1 << 20).await.unwrap() {
            for record in &batch.records {
                let text = std::str::from_utf8(record).unwrap();
                assert_eq!(text, format!("{next} {}", "x".repeat(next as usize % 300)));
                next += 1;
            }
            spool.ack(&batch).await.unwrap();
        }

        assert!(next > last, "{last} was confirmed, {next} are there");
        assert!(next <= last + 2, "{last} was confirmed, {next} are there");
        assert_eq!(spool.n_damaged(), 0);
    }
}
