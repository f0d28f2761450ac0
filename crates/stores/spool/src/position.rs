//! The place up to which the store has everything.
//!
//! It is one line of text, replaced as a whole by a rename: `<segment> <offset> <CRC32 of both>`.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

const NAME: &str = "position";

/// A place in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The number of the segment.
    pub(crate) segment: u64,
    /// The bytes before it in that segment.
    pub(crate) offset: u64,
}

impl Position {
    /// Reads the place that was noted last; `None` when there is none, or none that can be read.
    pub(crate) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let line = match std::fs::read_to_string(folder.join(NAME)) {
            Ok(line) => line,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            Err(error) => return Err(error),
        };
        let mut words = line.split_whitespace().map(str::parse);
        let (Some(Ok(segment)), Some(Ok(offset))) = (words.next(), words.next()) else {
            tracing::warn!("the spool's position cannot be read, everything that is there comes again");
            return Ok(None);
        };
        let place = Self { segment, offset };
        if place.line() != line {
            tracing::warn!("the spool's position is damaged, everything that is there comes again");
            return Ok(None);
        }
        Ok(Some(place))
    }

    /// Notes the place.
    pub(crate) fn write(self, folder: &Path, fsync: bool) -> io::Result<()> {
        let new = folder.join("position.new");
        let mut file = File::create(&new)?;
        file.write_all(self.line().as_bytes())?;
        if fsync {
            file.sync_data()?;
        }
        std::fs::rename(new, folder.join(NAME))
    }

    fn line(self) -> String {
        let place = format!("{} {}", self.segment, self.offset);
        format!("{place} {}\n", crc32fast::hash(place.as_bytes()))
    }
}
