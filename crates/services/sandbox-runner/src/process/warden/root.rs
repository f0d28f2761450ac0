//! The root that sandboxed code sees, and the warm interpreter inside it.
//!
//! ```text
//! /usr/{bin,sbin,lib,lib64,share,libexec}  the host's, read-only (not /usr/local, not /usr/src)
//! /bin /sbin /lib /lib64                   links into /usr, as on the host
//! /etc                                     a handful of files written here, fonts, the linker cache, trusted roots
//! /usr/lib/locale                          the provisioned locales, read-only, in the place of the host's
//! /opt/site                                the provisioned packages, read-only
//! /opt/septet                              the zygote's own files
//! /dev                                     null, zero, full, random, urandom
//! /proc /tmp /dev/shm /run/report /session filled in per run
//! /mnt/data                                another name of /session, which code for hosted interpreters uses
//! ```
//! No host file outside that list is reachable: not /home, not /var, not /root, not /sys.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::socket::SockType;

use super::fork_into;
use super::mounts::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY, doing};
use super::zygote::{ANSWER_TIMEOUT_S, Zygote};
use crate::process::protocol::{Setup, ZygoteReady};
use crate::process::socket;

/// Where the root is put together; over a folder that exists everywhere, in a mount namespace of its own.
const STAGE: &str = "/tmp";
const PLAIN_MPL: &str = "/tmp/mpl";
const USR: [&str; 6] = ["bin", "sbin", "lib", "lib64", "libexec", "share"];
const ETC: [&str; 5] = ["ld.so.cache", "ld.so.conf", "alternatives", "fonts", "localtime"];
/// Where distributions keep the certificates that they trust.
const TRUSTED: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
/// All memory in one piece and that in huge pages, where it can be: a fork copies one entry for each page. The thresholds are
/// those that the C library would come to by itself once a large array was freed.
const TUNABLES: &str =
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864";
/// Imports take about a second on a quiet machine and ten on a busy one.
const START_TIMEOUT_S: i64 = 90;

const FILES: [(&str, &str); 16] = [
    ("zygote.py", include_str!("../../../../../../runtime/zygote.py")),
    ("walls.py", include_str!("../../../../../../runtime/walls.py")),
    ("cell.py", include_str!("../../../../../../runtime/cell.py")),
    ("charts.py", include_str!("../../../../../../runtime/charts.py")),
    ("displays.py", include_str!("../../../../../../runtime/displays.py")),
    ("egress.py", include_str!("../../../../../../runtime/egress.py")),
    ("hints.py", include_str!("../../../../../../runtime/hints.py")),
    ("notebook.py", include_str!("../../../../../../runtime/notebook.py")),
    ("plain.py", include_str!("../../../../../../runtime/plain.py")),
    ("shell.py", include_str!("../../../../../../runtime/shell.py")),
    ("spill.py", include_str!("../../../../../../runtime/spill.py")),
    ("sql.py", include_str!("../../../../../../runtime/sql.py")),
    ("state.py", include_str!("../../../../../../runtime/state.py")),
    ("syntax.py", include_str!("../../../../../../runtime/syntax.py")),
    ("tables.py", include_str!("../../../../../../runtime/tables.py")),
    ("mpl/matplotlibrc", include_str!("../../../../../../runtime/matplotlibrc")),
];

#[derive(serde::Deserialize)]
struct Hello {
    ready: ZygoteReady,
}

/// Starts the zygote and waits until it is warm.
pub(super) fn start_zygote(setup: &Setup) -> io::Result<(Zygote, ZygoteReady)> {
    let (ours, theirs) = socket::pair(SockType::SeqPacket)?;
    let namespaces = if setup.is_plain {
        CloneFlags::empty()
    } else {
        CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS
    };
    let Some(pid) = fork_into(namespaces).map_err(|error| doing("make namespaces", error))? else {
        let error = become_zygote(setup, theirs);
        eprintln!("sandbox zygote: {error}");
        std::process::exit(1);
    };
    drop(theirs);
    socket::set_receive_timeout(&ours, START_TIMEOUT_S)?;
    let (message, _) = socket::receive(ours.as_fd()).map_err(|error| doing("wait for the warm interpreter", error))?;
    if message.is_empty() {
        return Err(io::Error::other("the warm interpreter did not start; the log says why"));
    }
    let hello: Hello = serde_json::from_slice(&message)?;
    // In a container the zygote hides from its own user, and its namespace is ours.
    let whose = if setup.is_plain { "self".to_owned() } else { pid.to_string() };
    let mounts =
        fs::File::open(format!("/proc/{whose}/ns/mnt")).map_err(|error| doing("open the root's namespace", error))?;
    socket::set_receive_timeout(&ours, ANSWER_TIMEOUT_S)?;
    let zygote = Zygote { pid: pid.as_raw(), socket: ours, mounts: mounts.into() };
    if !setup.is_plain {
        close_root(&zygote)?;
    }
    Ok((zygote, hello.ready))
}

/// Nothing in the root can be written from here on, whoever it belongs to: without root users it is the worker's.
///
/// Not before the interpreter is warm, because matplotlib takes no settings from a folder that it cannot write to.
fn close_root(zygote: &Zygote) -> io::Result<()> {
    let home = fs::File::open("/proc/self/ns/mnt")?;
    setns(&zygote.mounts, CloneFlags::CLONE_NEWNS).map_err(|error| doing("enter the root", error))?;
    let closed = fs::File::open("/").and_then(mounts::close);
    setns(&home, CloneFlags::CLONE_NEWNS).map_err(|error| doing("come back from the root", error))?;
    closed
}

/// In the child: never returns unless something failed.
fn become_zygote(setup: &Setup, warden: OwnedFd) -> io::Error {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).ok();
    let built = if setup.is_plain { plain() } else { build(setup) };
    if let Err(error) = built {
        return error;
    }
    let mut command = Command::new(&setup.python);
    command
        // Isolated and without site: nothing of the host's configuration, and no path but ours.
        .args(["-I", "-S", "-B", "/opt/septet/zygote.py"])
        .env_clear()
        .envs([
            ("PATH", "/usr/bin:/bin"),
            ("HOME", "/session"),
            ("LANG", "C.UTF-8"),
            ("PYTHONPATH", "/opt/site"),
            ("MPLBACKEND", "Agg"),
            ("MPLCONFIGDIR", if setup.is_plain { PLAIN_MPL } else { "/opt/septet/mpl" }),
            ("SEPTET_PLAIN", if setup.is_plain { "1" } else { "" }),
            ("MATPLOTLIBRC", "/opt/septet/mpl/matplotlibrc"),
            ("GLIBC_TUNABLES", TUNABLES),
            // A fork of a process with threads is unsafe; the zygote refuses to start with more than one.
            ("OPENBLAS_NUM_THREADS", "1"),
            ("OMP_NUM_THREADS", "1"),
            // pandas imports pyarrow, whose allocator would start a thread.
            ("JE_ARROW_MALLOC_CONF", "background_thread:false"),
        ])
        .current_dir("/")
        .stdin(Stdio::from(warden))
        .stdout(Stdio::null());
    doing(format!("start {}", setup.python.display()), command.exec())
}

/// In a container the root is the image's, which must be one of ours.
fn plain() -> io::Result<()> {
    let own = Path::new("/opt/septet");
    for (name, text) in FILES {
        let found = fs::read(own.join(name)).map_err(|error| doing(format!("read /opt/septet/{name}"), error))?;
        if found != text.as_bytes() {
            return Err(io::Error::other(format!("/opt/septet/{name} is of another version; build the image again")));
        }
    }
    // Matplotlib takes no cache of fonts from a folder that it may not write to.
    fs::create_dir_all(PLAIN_MPL)?;
    for (name, bytes) in font_cache(&own.join("mpl"))? {
        fs::write(Path::new(PLAIN_MPL).join(name), bytes)?;
    }
    Ok(())
}

fn build(setup: &Setup) -> io::Result<()> {
    mounts::make_private()?;
    // Copies first: the stage may hide what they are copied from.
    let mut trees: Vec<(OwnedFd, PathBuf, u64)> = Vec::new();
    let mut add = |from: &Path, to: String, restrictions: u64| -> io::Result<()> {
        let tree = mounts::copy(from)?;
        mounts::restrict(&tree, restrictions)?;
        trees.push((tree, PathBuf::from(to), restrictions));
        Ok(())
    };
    let safe = READ_ONLY | NO_SUID | NO_DEV;
    for name in USR {
        let from = Path::new("/usr").join(name);
        if from.is_dir() && !from.is_symlink() {
            add(&from, format!("usr/{name}"), safe)?;
        }
    }
    for name in ETC {
        let from = Path::new("/etc").join(name);
        if let Ok(real) = from.canonicalize() {
            add(&real, format!("etc/{name}"), safe | NO_EXEC)?;
        }
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        let from = Path::new("/").join(name);
        if from.is_dir() && !from.is_symlink() {
            add(&from, name.to_owned(), safe)?;
        }
    }
    for name in DEVICES {
        add(&Path::new("/dev").join(name), format!("dev/{name}"), READ_ONLY | NO_SUID | NO_EXEC)?;
    }
    // The kernel lets a user namespace mount its own /proc only where one is in sight already.
    add(Path::new("/proc"), "proc".to_owned(), NO_SUID | NO_DEV | NO_EXEC)?;
    add(&setup.runtime.join("site"), "opt/site".to_owned(), safe)?;
    let locales = setup.runtime.join("locale");
    // Nothing can be made in what is the host's, only covered.
    if locales.join("C.UTF-8").is_dir() && Path::new("/usr/lib/locale").is_dir() {
        add(&locales, "usr/lib/locale".to_owned(), safe | NO_EXEC)?;
    }
    let fonts = font_cache(&setup.runtime.join("mpl"))?;
    // Of use only to sessions with egress; a host without them has none to give.
    let trusted = TRUSTED.iter().find_map(|path| fs::read(path).ok()).unwrap_or_default();

    mounts::private_tmpfs(STAGE, "mode=0755,size=16m,nr_inodes=2048")?;
    let stage = Path::new(STAGE);
    for folder in
        ["usr", "etc/ssl/certs", "dev/shm", "proc", "opt/septet/mpl", "tmp", "session", "run/report", "var/tmp", "mnt"]
    {
        fs::create_dir_all(stage.join(folder))?;
    }
    write_files(stage, &fonts)?;
    fs::write(stage.join("etc/ssl/certs/ca-certificates.crt"), trusted)?;
    for (tree, to, _) in &trees {
        let target = stage.join(to);
        let is_folder = fs::metadata(format!("/proc/self/fd/{}", tree.as_raw_fd())).is_ok_and(|meta| meta.is_dir());
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if is_folder {
            fs::create_dir_all(&target)?
        } else {
            fs::write(&target, "")?
        }
        mounts::attach(tree, &target)?;
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        let from = Path::new("/").join(name);
        if from.is_symlink() {
            symlink(fs::read_link(&from)?, stage.join(name))?;
        }
        let inner = Path::new("/usr").join(name);
        if inner.is_symlink() {
            symlink(fs::read_link(&inner)?, stage.join("usr").join(name))?;
        }
    }
    symlink("/proc/self/fd", stage.join("dev/fd"))?;
    symlink("/session", stage.join("mnt/data"))?;
    enter(stage)?;
    Ok(())
}

/// Makes the stage the root and detaches everything else.
fn enter(stage: &Path) -> io::Result<()> {
    std::env::set_current_dir(stage)?;
    nix::unistd::pivot_root(".", ".").map_err(|error| doing("enter the new root", error))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(|error| doing("let the old root go", error))?;
    std::env::set_current_dir("/")
}

fn write_files(stage: &Path, fonts: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    let own = stage.join("opt/septet");
    for (name, text) in FILES {
        fs::write(own.join(name), text)?;
    }
    for (name, bytes) in fonts {
        fs::write(own.join("mpl").join(name), bytes)?;
    }
    for (name, text) in [
        (
            "passwd",
            "root:x:0:0::/:/usr/sbin/nologin\nsandbox:x:1000:1000::/session:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n",
        ),
        ("group", "root:x:0:\nsandbox:x:1000:\nnogroup:x:65534:\n"),
        ("hosts", "127.0.0.1 localhost\n"),
        // Without egress it would try for a minute.
        ("pip.conf", "[global]\nretries = 0\ndisable-pip-version-check = true\n"),
        ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"),
    ] {
        fs::write(stage.join("etc").join(name), text)?;
    }
    fs::set_permissions(stage, fs::Permissions::from_mode(0o755))
}

/// The font cache that provisioning made. Without it the first start scans all fonts, which takes a second.
fn font_cache(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| doing(format!("read {}", folder.display()), error))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_name().map(PathBuf::from).unwrap_or_default();
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(files)
}
