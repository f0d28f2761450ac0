//! How much is kept, and how much more there is room for.

use std::path::Path;

use septet_blobs::Blobs;

use super::{Finding, fine};
use crate::config::Config;

/// Below this much free space a large upload may fail.
const SCARCE_BYTES: u64 = 1 << 30;

pub(super) async fn finding(config: &Config) -> Finding {
    let what = "storage";
    let uri = config.stores.blobs.clone().unwrap_or_else(|| Blobs::file_uri(&config.data.join("blobs")));
    let folder = Path::new(uri.strip_prefix("file://").unwrap_or(&uri));
    if !folder.is_dir() {
        return fine(what, "nothing is kept yet");
    }
    let failed = |detail: String| Finding { what: what.to_owned(), ok: false, detail, how: None };
    let usage = match Blobs::open(&uri) {
        Ok(blobs) => blobs.usage().await,
        Err(error) => return failed(septet_kernel::causes(&error)),
    };
    let usage = match usage {
        Ok(usage) => usage,
        Err(error) => return failed(septet_kernel::causes(&error)),
    };
    let mut detail = format!("{} files, {} in {}", usage.n_blobs, size(usage.bytes), folder.display());
    if usage.unfinished_bytes > 0 {
        detail.push_str(&format!(", {} in unfinished uploads", size(usage.unfinished_bytes)));
    }
    let Ok(disk) = nix::sys::statvfs::statvfs(folder) else { return fine(what, detail) };
    let free_bytes = disk.blocks_available().saturating_mul(disk.fragment_size());
    detail.push_str(&format!("; {} free", size(free_bytes)));
    if free_bytes < SCARCE_BYTES {
        let how = "delete files and conversations that are not needed, or move the data folder to a larger disk";
        return Finding { how: Some(how.to_owned()), ..failed(detail) };
    }
    fine(what, detail)
}

/// In the largest unit that leaves a whole number before the point.
fn size(n_bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut number, mut unit) = (n_bytes as f64, 0);
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1024.0, unit + 1);
    }
    if unit == 0 { format!("{n_bytes} bytes") } else { format!("{number:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_read_well() {
        assert_eq!([size(12), size(1536), size(3 << 30)], ["12 bytes", "1.5 KiB", "3.0 GiB"]);
    }
}
