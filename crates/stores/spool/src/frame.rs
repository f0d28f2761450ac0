//! How a record lies in a segment: a head of 20 bytes, then the record.
//!
//! ```text
//! length u32 | appended at, ms since 1970, i64 | CRC32 of the record u32 | CRC32 of the 16 bytes before u32 | record
//! ```
//! All little-endian. The head has a sum of its own, so that a damaged record can be stepped over without looking
//! inside it for the next head: a record is written by others and might hold something that looks like one.

/// The bytes before a record.
pub(crate) const HEAD: usize = 20;

/// What the bytes at some place are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The length of the record in bytes.
    pub(crate) n_bytes: usize,
    /// When it was appended.
    pub(crate) at_ms: i64,
    crc: u32,
}

impl Head {
    /// Reads a head; `None` when there is none or it is damaged.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEAD>()?;
        let (summed, sum) = head.split_at(HEAD - 4);
        if crc32fast::hash(summed).to_le_bytes() != sum {
            return None;
        }
        let n_bytes = u32::from_le_bytes(*summed.first_chunk()?) as usize;
        let at_ms = i64::from_le_bytes(*summed[4..].first_chunk()?);
        let crc = u32::from_le_bytes(*summed[12..].first_chunk()?);
        Some(Self { n_bytes, at_ms, crc })
    }

    /// Whether this is the record that was written.
    pub(crate) fn fits(&self, record: &[u8]) -> bool {
        record.len() == self.n_bytes && crc32fast::hash(record) == self.crc
    }
}

/// Puts the frame of `record` into `frame`, replacing what was there. `n_bytes` is the length of the record.
pub(crate) fn write(frame: &mut Vec<u8>, record: &[u8], n_bytes: u32, at_ms: i64) {
    frame.clear();
    frame.extend_from_slice(&n_bytes.to_le_bytes());
    frame.extend_from_slice(&at_ms.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(record).to_le_bytes());
    let sum = crc32fast::hash(frame);
    frame.extend_from_slice(&sum.to_le_bytes());
    frame.extend_from_slice(record);
}
