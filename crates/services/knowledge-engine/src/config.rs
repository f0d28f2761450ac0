//! The settings of the knowledge engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::parse::{Limits, Reader};

/// How files are read and searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the search index. It is derived data: when it is deleted it is built anew. Default `knowledge-index`
    /// below the data folder, set by the binary.
    pub index_folder: PathBuf,
    /// Program and first arguments of the child process that reads a file. Default: this program with
    /// `internal parse`.
    pub parse_command: Vec<String>,
    /// The PDF library. Default: `lib/libpdfium.so` in the run-time folder, then beside this program. Without any, a
    /// slower reader is used that is weaker at tables.
    pub pdfium_library: Option<PathBuf>,
    /// The folder that holds the provisioned run-time, `lib/libpdfium.so` among it. Default `/var/cache/septet/runtime`
    /// for root and `~/.cache/septet/runtime` for anybody else.
    pub runtime_folder: PathBuf,
    /// The largest file in bytes. Default 200 MiB.
    pub max_file_bytes: u64,
    /// The bytes of all files that a tenant may keep; 0 is without limit. Default 100 GiB.
    pub tenant_storage_bytes: u64,
    /// The most pages a PDF may have. Default 5000.
    pub max_pages: u32,
    /// Processor seconds for reading one file. Default 300.
    pub parse_cpu_s: u64,
    /// Wall-clock seconds for reading one file. Default 900.
    pub parse_wall_s: u64,
    /// Wall-clock seconds for one page, after which the page is given up. Default 60.
    pub parse_page_s: u64,
    /// Address space of the reading child in bytes. Default 2 GiB.
    pub parse_memory_bytes: u64,
    /// How many files are read at a time; others wait. One tenant reads all but one of them, so that the others have
    /// room. Default 3.
    pub n_concurrent_readings: usize,
    /// The embedding model, by its name at the model gateway. Empty (the default): search by words alone.
    pub embedding_model: String,
    /// Texts in one call to the embedding model. Default 32.
    pub embedding_batch: usize,
    /// Weight of the ranking by vectors against the one by words, which is 1. Default 1.
    pub vector_weight: f32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            index_folder: PathBuf::from("knowledge-index"),
            parse_command: Vec::new(),
            pdfium_library: None,
            runtime_folder: provisioned(),
            max_file_bytes: 200 << 20,
            tenant_storage_bytes: 100 << 30,
            max_pages: 5_000,
            parse_cpu_s: 300,
            parse_wall_s: 900,
            parse_page_s: 60,
            parse_memory_bytes: 2 << 30,
            n_concurrent_readings: 3,
            embedding_model: String::new(),
            embedding_batch: 32,
            vector_weight: 1.0,
        }
    }
}

impl Config {
    /// Whether the values make sense together.
    ///
    /// # Errors
    /// A sentence that names the setting and its bounds.
    pub fn check(&self) -> Result<(), String> {
        let bounds = [
            ("max_pages", u64::from(self.max_pages), 1, 100_000),
            ("parse_cpu_s", self.parse_cpu_s, 1, 86_400),
            ("parse_wall_s", self.parse_wall_s, 1, 86_400),
            ("parse_page_s", self.parse_page_s, 1, 3_600),
            ("parse_memory_bytes", self.parse_memory_bytes, 256 << 20, 1 << 40),
            ("max_file_bytes", self.max_file_bytes, 1, 1 << 40),
            ("n_concurrent_readings", self.n_concurrent_readings as u64, 1, 256),
            ("embedding_batch", self.embedding_batch as u64, 1, 2_048),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(format!("knowledge.{name} = {value}: choose {least} to {most}"));
            }
        }
        if !(0.0..=10.0).contains(&self.vector_weight) {
            return Err(format!("knowledge.vector_weight = {}: choose 0 to 10", self.vector_weight));
        }
        Ok(())
    }

    /// The places where libpdfium is looked for, best first.
    pub fn pdfium_places(&self) -> Vec<PathBuf> {
        if let Some(library) = &self.pdfium_library {
            return vec![library.clone()];
        }
        let mut places = vec![self.runtime_folder.join("lib/libpdfium.so")];
        if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
            places.push(folder.join("libpdfium.so"));
        }
        places
    }

    /// The first place where libpdfium is, `None` when PDFs will be read by the slower reader. For `doctor`.
    pub fn pdfium_found(&self) -> Option<PathBuf> {
        self.pdfium_places().into_iter().find(|place| place.is_file())
    }

    /// How files are read.
    ///
    /// # Errors
    /// When no command is set and the path of this program is not known.
    pub fn reader(&self) -> std::io::Result<Reader> {
        let command = if self.parse_command.is_empty() {
            let program = std::env::current_exe()?;
            vec![program.to_string_lossy().into_owned(), "internal".to_owned(), "parse".to_owned()]
        } else {
            self.parse_command.clone()
        };
        Ok(Reader {
            command,
            pdfium: self.pdfium_places(),
            limits: Limits {
                cpu: Duration::from_secs(self.parse_cpu_s),
                wall: Duration::from_secs(self.parse_wall_s),
                page: Duration::from_secs(self.parse_page_s),
                memory_bytes: self.parse_memory_bytes,
                // A page of text is a few kilobytes with its places; this allows for the densest.
                output_bytes: 512 << 20,
                max_pages: self.max_pages,
            },
        })
    }
}

/// Where the run-time is provisioned to when nobody says otherwise.
fn provisioned() -> PathBuf {
    let user = nix::unistd::geteuid();
    if user.is_root() {
        return PathBuf::from("/var/cache/septet/runtime");
    }
    let home = nix::unistd::User::from_uid(user).ok().flatten().map(|user| user.dir);
    home.unwrap_or_else(|| PathBuf::from("/")).join(".cache/septet/runtime")
}
