//! What the same code costs by the usual ways: a plain interpreter, bubblewrap, and Docker.
//!
//! A way that this machine does not have is said aloud and left out.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::times::Times;

const HELLO: &str = "print('hello')";
const IMAGE: &str = "septet-bench:python";
const PYTHON: &str = "/usr/bin/python3";

/// What was measured of each way.
#[derive(Default)]
pub(crate) struct Peers {
    pub(crate) docker_run: Option<Times>,
    pub(crate) docker_exec: Option<Times>,
    pub(crate) cold_chart: Option<Times>,
}

/// Measures all that are there.
#[expect(clippy::print_stdout, reason = "a command for people")]
pub(crate) fn measure(runtime: &Path, chart: &str) -> anyhow::Result<Peers> {
    let mut peers = Peers::default();
    let plain = repeated(40, || python(&["-c", HELLO]))?;
    println!("  python3: {}", plain.shown());
    if is_there("bwrap", &["--version"]) {
        println!("  bwrap + python3: {}", repeated(40, bubblewrap)?.shown());
    } else {
        missing("bwrap", "apt-get install bubblewrap");
    }
    let folder = tempfile::tempdir()?;
    let cold = repeated(5, || {
        let mut command = python(&["-c", chart]);
        command.current_dir(folder.path()).env("PYTHONPATH", runtime.join("site"));
        command.env("MPLCONFIGDIR", runtime.join("mpl")).env("MATPLOTLIBRC", runtime.join("mpl/matplotlibrc"));
        command
    });
    match cold {
        Ok(times) => {
            println!("  python3, first chart: {}", times.shown());
            peers.cold_chart = Some(times);
        }
        Err(error) => missing("the first chart of a plain python3", &error.to_string()),
    }
    if is_there("docker", &["info"]) {
        docker(&mut peers)?;
    } else {
        missing("docker", "install docker.io and start its daemon");
    }
    Ok(peers)
}

#[expect(clippy::print_stdout, reason = "a command for people")]
fn docker(peers: &mut Peers) -> anyhow::Result<()> {
    import()?;
    let run = repeated(15, || docker_run(&["--rm", IMAGE, PYTHON, "-c", HELLO]))?;
    println!("  docker run: {}", run.shown());
    let name = format!("septet-bench-{}", std::process::id());
    let mut start = docker_run(&["--detach", "--rm", "--name", &name, IMAGE, "/usr/bin/sleep", "600"]);
    anyhow::ensure!(quiet(&mut start), "docker does not start a container");
    let exec = repeated(30, || {
        let mut command = Command::new("docker");
        command.args(["exec", &name, PYTHON, "-c", HELLO]);
        command
    });
    let _gone = quiet(Command::new("docker").args(["kill", &name]));
    let _removed = quiet(Command::new("docker").args(["rmi", IMAGE]));
    let exec = exec?;
    println!("  docker exec: {}", exec.shown());
    peers.docker_run = Some(run);
    peers.docker_exec = Some(exec);
    Ok(())
}

/// An image with nothing in it but the places where the host's `/usr` is seen, so that no registry is needed.
fn import() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    for name in ["usr", "tmp", "proc", "sys", "dev", "etc"] {
        std::fs::create_dir(folder.path().join(name))?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), folder.path().join(name))?;
    }
    let tar = Command::new("tar").arg("-C").arg(folder.path()).args(["-c", "."]).output()?;
    let mut docker = Command::new("docker")
        .args(["import", "-", IMAGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    docker.stdin.take().map(|mut stdin| stdin.write_all(&tar.stdout)).transpose()?;
    anyhow::ensure!(docker.wait()?.success(), "docker does not import an image");
    Ok(())
}

/// As hardened as the usual advice has it.
fn docker_run(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(["run", "--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "1000:1000"]);
    command.args(["--security-opt", "no-new-privileges", "--pids-limit", "64", "--memory", "512m"]);
    command.args(["--tmpfs", "/tmp", "--volume", "/usr:/usr:ro"]).args(args);
    command
}

fn bubblewrap() -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]);
    command.args(["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"]);
    command.args(["--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
    command.args([PYTHON, "-c", HELLO]);
    command
}

fn python(args: &[&str]) -> Command {
    let mut command = Command::new(PYTHON);
    command.args(args);
    command
}

fn repeated(n: usize, mut command: impl FnMut() -> Command) -> anyhow::Result<Times> {
    let mut times = Times::default();
    for _ in 0..n {
        let mut command = command();
        let began = Instant::now();
        anyhow::ensure!(quiet(&mut command), "it failed: {command:?}");
        times.add(began.elapsed());
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(times)
}

fn quiet(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn is_there(program: &str, args: &[&str]) -> bool {
    quiet(Command::new(program).args(args))
}

#[expect(clippy::print_stderr, reason = "a command for people")]
fn missing(what: &str, how: &str) {
    eprintln!("bench: {what} is left out of the comparison: {how}");
}
