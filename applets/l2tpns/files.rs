//! The files of an access concentrator: where they are, how they are read and written.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_l2tpns_engine::config::Config;
use wanbox_runtime::files::{self, Root};

/// Where the original has its configuration.
const CONFIG: &str = "/etc/l2tpns/startup-config";

/// The longest file that is read, octets.
const MAX_FILE: u64 = 16 << 20;

/// Where the files are.
#[derive(Clone, Debug)]
pub struct Files {
    /// What is before every path.
    pub root: Root,
    /// The configuration.
    pub config: PathBuf,
}

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The networks of the address pool, with their lengths in bits.
    pub pool: Vec<(Ipv4Addr, u8)>,
    /// What is worth a word.
    pub remarks: Vec<String>,
}

impl Files {
    /// The files of the original below `root`, or another configuration.
    pub fn new(root: Root, config: Option<PathBuf>) -> Self {
        let config = config.unwrap_or_else(|| root.path(CONFIG));
        Self { root, config }
    }

    /// Reads all files.
    ///
    /// # Errors
    /// All that is wrong in them, a line each.
    pub fn load(&self) -> Result<Loaded, Vec<String>> {
        let text = read(&self.config).map_err(|error| vec![error])?;
        let name = self.config.display().to_string();
        let (config, findings) = Config::parse(&name, &text).map_err(|wrong| lines(&wrong))?;
        let mut remarks = lines(&findings);
        remarks.extend(exposed(&self.config));
        Ok(Loaded {
            config,
            pool: Vec::new(),
            remarks,
        })
    }
}

fn read(path: &Path) -> Result<String, String> {
    files::read_text(path, MAX_FILE).map_err(|error| error.to_string())
}

fn lines(findings: &Diagnostics) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// A remark when others may read what is secret. It is not refused: old installations are so.
fn exposed(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("{path}: warning: it holds secrets, but others have access to it (mode {mode:04o}): chmod 600 {path}")
    })
}
