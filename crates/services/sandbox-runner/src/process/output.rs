//! The output of a run: any bytes, decoded into whole characters, cut at a limit, in pieces of a reasonable size.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use crate::driver::Said;

/// Between two reads of output that is discarded: at most some 60 MiB a second.
const DISCARD_DELAY: Duration = Duration::from_millis(1);
/// Pieces of 64 KiB, each as much as a pipe holds.
const N_READS_MAX: usize = 64;

/// One of the two output pipes.
pub(super) struct Stream {
    pipe: Option<pipe::Receiver>,
    is_error: bool,
    /// Bytes of a character whose rest has not come yet.
    rest: Vec<u8>,
    n_left: u64,
    /// Whether something was left out.
    pub(super) is_cut: bool,
}

impl Stream {
    /// A stream, and the end that the worker writes to.
    pub(super) fn open(is_error: bool) -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let pipe = Some(pipe::Receiver::from_owned_fd(ours)?);
        Ok((Self { pipe, is_error, rest: Vec::new(), n_left: 0, is_cut: false }, theirs))
    }

    /// A run begins, which may write so much.
    pub(super) fn begin(&mut self, limit_bytes: u64) {
        (self.n_left, self.is_cut) = (limit_bytes, false);
    }

    /// What is in the pipe now, for when its writer has said that it is done. Does not wait; the number of
    /// reads is bounded, because another process may go on writing.
    pub(super) fn drain(&mut self) -> Option<String> {
        let mut buffer = vec![0_u8; 64 << 10];
        let mut text = String::new();
        for _ in 0..N_READS_MAX {
            let Some(pipe) = self.pipe.as_ref() else { break };
            match rustix::io::read(pipe, buffer.as_mut_slice()) {
                Ok(n_bytes) if n_bytes > 0 => text.push_str(&self.take(&buffer[..n_bytes])),
                Ok(_) | Err(_) => break,
            }
        }
        if !self.rest.is_empty() {
            text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut self.rest)));
        }
        (!text.is_empty()).then_some(text)
    }

    /// The characters that `bytes` complete, within the limit.
    fn take(&mut self, bytes: &[u8]) -> String {
        let n_kept = bytes.len().min(usize::try_from(self.n_left).unwrap_or(usize::MAX));
        self.is_cut |= n_kept < bytes.len();
        self.n_left -= n_kept as u64;
        self.rest.extend_from_slice(&bytes[..n_kept]);
        let text = decode(&mut self.rest);
        if self.n_left == 0 {
            // The rest of a character that the limit cuts will not come.
            self.rest.clear();
        }
        text
    }

    /// The next piece of text, `None` at the end. Past the limit it reads on and throws away, so that the code does
    /// not hang on a full pipe, but at a pace that leaves the processor to others. May be dropped while waiting.
    pub(super) async fn next(&mut self) -> Option<String> {
        let mut buffer = vec![0_u8; 64 << 10];
        loop {
            if self.is_cut && self.pipe.is_some() {
                tokio::time::sleep(DISCARD_DELAY).await;
            }
            let Some(pipe) = self.pipe.as_mut() else { return std::future::pending().await };
            let n_bytes = pipe.read(&mut buffer).await.unwrap_or(0);
            if n_bytes == 0 {
                self.pipe = None;
                let rest = std::mem::take(&mut self.rest);
                return (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned());
            }
            let text = self.take(&buffer[..n_bytes]);
            if !text.is_empty() {
                return Some(text);
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    pub(super) fn said(&self, text: String) -> Said {
        if self.is_error { Said::Stderr(text) } else { Said::Stdout(text) }
    }
}

/// Takes the whole characters out of `bytes` and leaves the beginning of one that is not complete.
fn decode(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut from = 0;
    loop {
        match std::str::from_utf8(&bytes[from..]) {
            Ok(valid) => {
                text.push_str(valid);
                bytes.clear();
                return text;
            }
            Err(error) => {
                let good = from + error.valid_up_to();
                text.push_str(&String::from_utf8_lossy(&bytes[from..good]));
                let Some(n_bad) = error.error_len() else {
                    bytes.drain(..good);
                    return text;
                };
                text.push(char::REPLACEMENT_CHARACTER);
                from = good + n_bad;
            }
        }
    }
}

/// Pieces that are waiting to be told, neighbours of one kind joined: a loop of tiny prints must not become a
/// million events.
#[derive(Default)]
pub(super) struct Pending(Vec<Said>);

impl Pending {
    pub(super) fn add(&mut self, said: Said) {
        match (self.0.last_mut(), said) {
            (Some(Said::Stdout(text)), Said::Stdout(more)) | (Some(Said::Stderr(text)), Said::Stderr(more)) => {
                text.push_str(&more);
            }
            (_, said) => self.0.push(said),
        }
    }

    pub(super) fn take(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_split_over_two_reads_stays_whole() {
        let mut bytes = "中".as_bytes()[..2].to_vec();
        assert_eq!(decode(&mut bytes), "");
        bytes.extend_from_slice(&"中".as_bytes()[2..]);
        assert_eq!(decode(&mut bytes), "中");
    }

    #[test]
    fn bytes_that_are_no_text_become_replacement_characters() {
        let mut bytes = b"a\xff\xfeb\xe4".to_vec();
        assert_eq!(decode(&mut bytes), "a\u{fffd}\u{fffd}b");
        assert_eq!(bytes, b"\xe4");
    }

    #[test]
    fn neighbours_of_one_kind_are_joined() {
        let mut pending = Pending::default();
        for said in
            [Said::Stdout("a".into()), Said::Stdout("b".into()), Said::Stderr("c".into()), Said::Stdout("d".into())]
        {
            pending.add(said);
        }
        assert_eq!(pending.take().len(), 3);
        assert!(pending.is_empty());
    }
}
