//! The files of an access concentrator: where they are, how they are read and written.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use wanbox_grammar::diagnostic::{Diagnostics, Severity};
use wanbox_l2tpns_engine::config::{AddressPools, Config, parse_pool};
use wanbox_l2tpns_engine::subscribers::Subscribers;
use wanbox_runtime::files::{self, Root};

use crate::cli::Users;

/// Where the original has its configuration.
const CONFIG: &str = "/etc/l2tpns/startup-config";
/// Where the original has the addresses of the pool.
const POOL: &str = "/etc/l2tpns/ip_pool";
/// Where the original has those who may log in.
const USERS: &str = "/etc/l2tpns/users";

/// The longest file that is read, octets.
const MAX_FILE: u64 = 64 << 20;

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
    /// The address pools.
    pub pool: AddressPools,
    /// The users of `subscribers_file`.
    pub subscribers: Subscribers,
    /// Who may log in to the command line.
    pub users: Users,
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
    /// All that is wrong in any of them, a line each.
    pub fn load(&self) -> Result<Loaded, Vec<String>> {
        let mut said = Said::default();
        let config = said.secret(&self.config).and_then(|text| {
            let name = self.config.display().to_string();
            match Config::parse(&name, &text) {
                Ok((config, findings)) => {
                    said.found::<()>(&findings);
                    Some(config)
                }
                Err(findings) => said.found(&findings),
            }
        });
        let listen = config.as_ref().map(Config::listen_addresses);
        let pool = self.pool(&mut said, &listen.unwrap_or_default());
        let subscribers = config
            .as_ref()
            .map(|config| self.subscribers(&mut said, config));
        let users = self.users(&mut said);
        match (config, pool, subscribers) {
            (Some(config), Some(pool), Some(subscribers)) if said.wrong.is_empty() => Ok(Loaded {
                config,
                pool,
                subscribers,
                users,
                remarks: said.remarks,
            }),
            _ => {
                said.wrong.append(&mut said.remarks);
                Err(said.wrong)
            }
        }
    }

    /// The address pool. Without a file, RADIUS or the file of users has to give addresses.
    fn pool(&self, said: &mut Said, listen: &[IpAddr]) -> Option<AddressPools> {
        let path = self.root.path(POOL);
        let name = path.display().to_string();
        let text = match files::read_text(&path, MAX_FILE) {
            Ok(text) => text,
            Err(error) if error.is_absent() => {
                let what = "is not there: only RADIUS and subscribers_file give addresses";
                said.remarks.push(format!("{name}: warning: {what}"));
                return Some(AddressPools::default());
            }
            Err(error) => {
                said.wrong.push(error.to_string());
                return None;
            }
        };
        match parse_pool(&name, &text, listen) {
            Ok((pools, findings)) => {
                said.found::<()>(&findings);
                Some(pools)
            }
            Err(findings) => said.found(&findings),
        }
    }

    /// Who may log in to the command line; without a file, only this machine is served.
    fn users(&self, said: &mut Said) -> Users {
        let path = self.root.path(USERS);
        if !path.exists() {
            return Users::default();
        }
        let text = said.secret(&path).unwrap_or_default();
        match Users::parse(&path.display().to_string(), &text) {
            Ok((users, findings)) => {
                said.found::<()>(&findings);
                users
            }
            Err(findings) => said.found(&findings).unwrap_or_default(),
        }
    }

    fn subscribers(&self, said: &mut Said, config: &Config) -> Subscribers {
        if config.subscribers_file.is_empty() {
            return Subscribers::default();
        }
        let path = self.root.path(&config.subscribers_file);
        let text = said.secret(&path).unwrap_or_default();
        let mut findings = Diagnostics::new(path.display().to_string());
        let subscribers = Subscribers::parse(&text, &mut findings);
        said.found::<()>(&findings);
        subscribers
    }
}

/// What there is to say about files.
#[derive(Default)]
struct Said {
    wrong: Vec<String>,
    remarks: Vec<String>,
}

impl Said {
    /// Takes the findings of a file. `None`, for a value that there is not.
    fn found<T>(&mut self, findings: &Diagnostics) -> Option<T> {
        for finding in findings.iter() {
            let list = match finding.severity {
                Severity::Error => &mut self.wrong,
                Severity::Warning => &mut self.remarks,
            };
            list.push(finding.to_string());
        }
        None
    }

    /// The text of a file that has secrets. Others who may read it are remarked on and not refused:
    /// old installations are so. Others who may write it are refused.
    fn secret(&mut self, path: &Path) -> Option<String> {
        let mode = std::fs::metadata(path).map_or(0, |is| is.permissions().mode() & 0o7777);
        let shown = path.display();
        if mode & 0o022 != 0 {
            self.wrong.push(format!(
                "{shown}: others may write to it (mode {mode:04o}): chmod 600 {shown}"
            ));
        } else if mode & 0o077 != 0 {
            self.remarks.push(format!(
                "{shown}: warning: it holds secrets, but others may read it (mode {mode:04o}): \
                 chmod 600 {shown}"
            ));
        }
        match files::read_text(path, MAX_FILE) {
            Ok(text) => Some(text),
            Err(error) => {
                self.wrong.push(error.to_string());
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn files(name: &str) -> Files {
        let top = std::env::temp_dir().join(format!("wanbox-l2tpns-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&top);
        std::fs::create_dir_all(top.join("etc/l2tpns")).unwrap();
        Files::new(Root::new(Some(&top)), None)
    }

    fn put(files: &Files, name: &str, text: &str) {
        let path = files.root.path("/etc/l2tpns").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn done(files: &Files) {
        std::fs::remove_dir_all(files.root.prefix()).unwrap();
    }

    #[test]
    fn all_files_are_read_and_all_that_is_wrong_is_said() {
        let files = files("load");
        let wrong = files.load().unwrap_err();
        assert!(wrong[0].starts_with("cannot read "), "{wrong:?}");
        let config = "set subscribers_file \"/etc/l2tpns/who\"\n";
        put(&files, "startup-config", config);
        put(&files, "who", "joe secret\njoe\n");
        put(&files, "ip_pool", "10.0.0.0/24\nnowhere\n");
        put(&files, "users", "joe\n");
        let wrong = files.load().unwrap_err();
        assert!(wrong.iter().any(|line| line.contains("users:1: ")));
        put(&files, "users", "joe:secret\n");
        assert!(wrong.iter().any(|line| line.contains("ip_pool:2: ")));
        assert!(wrong.iter().any(|line| line.contains("who:2: ")));
        put(&files, "who", "joe secret\n");
        put(&files, "ip_pool", "10.0.0.0/24\n");
        let loaded = files.load().unwrap();
        assert_eq!(loaded.subscribers.len(), 1);
        assert_eq!(loaded.pool.own, [(Ipv4Addr::new(10, 0, 0, 0), 24)]);
        assert!(loaded.remarks.is_empty(), "{:?}", loaded.remarks);
        std::fs::remove_file(files.root.path(POOL)).unwrap();
        assert_eq!(files.load().unwrap().remarks.len(), 1);
        done(&files);
    }

    #[test]
    fn the_modes_of_files_with_secrets() {
        let files = files("modes");
        put(&files, "startup-config", "");
        put(&files, "ip_pool", "10.0.0.0/24\n");
        let mode = |mode| {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&files.config, permissions).unwrap();
        };
        mode(0o644);
        assert!(files.load().unwrap().remarks[0].contains("others may read it (mode 0644)"));
        mode(0o620);
        assert!(files.load().unwrap_err()[0].contains("others may write to it"));
        done(&files);
    }
}
