//! What a daemon leaves behind when it is killed, for the one that takes over: its slaves and limits.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wanbox_runtime::files;

use crate::control::Rate;
use crate::master::Wanted;

/// The longest such file, octets.
const MAX_FILE: u64 = 64 << 10;

/// The slaves, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub max_slaves: usize,
    pub slaves: Vec<Wanted>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Content {
    max_slaves: usize,
    slaves: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    slave: String,
    /// bit/s; none when it is measured.
    bps: Option<u64>,
    sticky: bool,
    next_hop: Option<IpAddr>,
}

impl Saved {
    /// What was left behind; `None` when nothing was.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn load(run_dir: &Path, master: &str) -> Result<Option<Self>, String> {
        let path = path(run_dir, master);
        let text = match files::read_text(&path, MAX_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let content: Content = serde_json::from_str(&text)
            .map_err(|error| format!("{}: {error}; remove it", path.display()))?;
        let slaves = content.slaves.into_iter().map(|entry| Wanted {
            slave: entry.slave,
            rate: entry.bps.map_or(Rate::Auto, Rate::Fixed),
            sticky: entry.sticky,
            next_hop: entry.next_hop,
        });
        Ok(Some(Self {
            max_slaves: content.max_slaves,
            slaves: slaves.collect(),
        }))
    }

    /// Leaves it behind.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn store(&self, run_dir: &Path, master: &str) -> Result<(), String> {
        let slaves = self.slaves.iter().map(|wanted| Entry {
            slave: wanted.slave.clone(),
            bps: match wanted.rate {
                Rate::Fixed(bps) => Some(bps),
                Rate::Auto => None,
            },
            sticky: wanted.sticky,
            next_hop: wanted.next_hop,
        });
        let content = Content {
            max_slaves: self.max_slaves,
            slaves: slaves.collect(),
        };
        let text = serde_json::to_string(&content).map_err(|error| error.to_string())?;
        files::write_atomic(&path(run_dir, master), text.as_bytes(), 0o600)
            .map_err(|error| error.to_string())
    }

    /// Nothing is left behind.
    pub fn remove(run_dir: &Path, master: &str) {
        let _ = files::remove(&path(run_dir, master));
    }
}

fn path(run_dir: &Path, master: &str) -> PathBuf {
    run_dir.join(format!("eqld-{master}.slaves"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_found() {
        let dir = std::env::temp_dir().join(format!("wanbox-saved-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(Saved::load(&dir, "eql").unwrap(), None);
        let saved = Saved {
            max_slaves: 5,
            slaves: vec![
                Wanted {
                    slave: "ppp0".into(),
                    rate: Rate::Fixed(28_800),
                    sticky: true,
                    next_hop: None,
                },
                Wanted {
                    slave: "eth1".into(),
                    rate: Rate::Auto,
                    sticky: false,
                    next_hop: Some([192, 0, 2, 1].into()),
                },
            ],
        };
        saved.store(&dir, "eql").unwrap();
        assert_eq!(Saved::load(&dir, "eql").unwrap(), Some(saved));
        assert_eq!(Saved::load(&dir, "eql1").unwrap(), None);
        std::fs::write(path(&dir, "eql"), "{").unwrap();
        let wrong = Saved::load(&dir, "eql").unwrap_err();
        assert!(wrong.contains("eqld-eql.slaves"), "{wrong}");
        Saved::remove(&dir, "eql");
        assert_eq!(Saved::load(&dir, "eql").unwrap(), None);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
