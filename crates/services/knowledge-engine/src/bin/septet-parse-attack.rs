//! What a file could try that took over the process reading it. For the tests alone: it builds the walls of the reader
//! and then says, one line for each attempt, whether it was refused.
//!
//! Its argument is JSON: `{"walls": true, "key": PATH, "folder": PATH, "port": N, "socket": PATH}`.

use std::fs::File;
use std::io::{self, IoSliceMut, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::thread;

use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::{Pid, Uid, chroot, getppid, setuid};
use septet_knowledge_engine::parse::walls;

#[derive(serde::Deserialize)]
struct Targets {
    walls: bool,
    key: PathBuf,
    folder: PathBuf,
    port: u16,
    socket: PathBuf,
}

fn main() -> ExitCode {
    let Some(targets) = std::env::args().nth(1).and_then(|json| serde_json::from_str::<Targets>(&json).ok()) else {
        return ExitCode::from(2);
    };
    if targets.walls {
        walls::set_limits(walls::Limits { cpu_seconds: 20, memory_bytes: 1 << 30 });
        let fonts = walls::drop_privileges();
        if walls::filter_calls(fonts).is_err() {
            return ExitCode::from(5);
        }
    }
    let mut lines = String::new();
    for (name, attempt) in attempts() {
        let outcome = match attempt(&targets) {
            Ok(()) => "done".to_owned(),
            Err(error) => format!("refused: {error}"),
        };
        lines.push_str(&format!("{name}\t{outcome}\n"));
    }
    match io::stdout().lock().write_all(lines.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(3),
    }
}

type Attempt = fn(&Targets) -> io::Result<()>;

fn attempts() -> Vec<(&'static str, Attempt)> {
    vec![
        ("read the signing key", |to| File::open(&to.key).map(drop)),
        ("append to the database", |to| File::options().append(true).open(to.folder.join("septet.db")).map(drop)),
        ("list the data folder", |to| std::fs::read_dir(&to.folder).map(drop)),
        ("see whether a file is there", |to| std::fs::metadata(&to.key).map(drop)),
        ("write a file", |to| File::create(to.folder.join("left-behind")).map(drop)),
        ("delete a file", |to| std::fs::remove_file(to.folder.join("doomed"))),
        ("make a folder", |to| std::fs::create_dir(to.folder.join("made"))),
        ("read the machine's users", |_| File::open("/etc/passwd").map(drop)),
        ("read the memory of the service as a file", |_| File::open(format!("/proc/{}/mem", getppid())).map(drop)),
        ("read the memory of the service", |_| {
            let mut byte = [0_u8; 1];
            // Where a program of this kind has its own code; the service is one of its kind.
            let base = attempts as *const () as usize;
            let remote = [RemoteIoVec { base, len: 1 }];
            match process_vm_readv(getppid(), &mut [IoSliceMut::new(&mut byte)], &remote) {
                // A wrong address means that we were allowed to look.
                Ok(_) | Err(nix::errno::Errno::EFAULT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }),
        ("signal the service", |_| kill(getppid(), None::<Signal>).map_err(Into::into)),
        ("signal everybody", |_| kill(Pid::from_raw(-1), None::<Signal>).map_err(Into::into)),
        ("connect to a port", |to| TcpStream::connect(("127.0.0.1", to.port)).map(drop)),
        ("send a datagram", |to| UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", ("127.0.0.1", to.port)).map(|_sent| ())),
        ("connect to a socket of the machine", |to| UnixStream::connect(&to.socket).map(drop)),
        ("make a pair of sockets", |_| UnixStream::pair().map(drop)),
        ("start a program", |_| Command::new("/bin/true").spawn()?.wait().map(drop)),
        ("start a thousand threads", |_| {
            let threads: io::Result<Vec<_>> =
                (0..1_000).map(|_| thread::Builder::new().stack_size(64 << 10).spawn(|| {})).collect();
            threads.map(|threads| threads.into_iter().for_each(|thread| drop(thread.join())))
        }),
        ("take four gigabytes", |_| {
            let mut bytes: Vec<u8> = Vec::new();
            bytes.try_reserve_exact(4 << 30).map_err(|_| io::ErrorKind::OutOfMemory.into())
        }),
        ("become root", |_| {
            setuid(Uid::from_raw(0))?;
            // Who is root already needs no leave for it.
            Ok(())
        }),
        ("make namespaces", |_| {
            nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS).map_err(Into::into)
        }),
        ("change the root folder", |_| chroot("/").map_err(Into::into)),
        ("load a library", |_| File::open("/proc/self/exe").map(drop)),
        ("raise its limits", |_| {
            use nix::sys::resource::{Resource, getrlimit, setrlimit};
            let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
            setrlimit(Resource::RLIMIT_NOFILE, soft, hard).map_err(Into::into)
        }),
    ]
}
