//! FreeRADIUS with a tree of files of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::error::Context;
use crate::need::find_tool;
use crate::{Error, Netns, Result, Running, TempDir, wait_for};

/// A server on ports 1812 and 1813 of all addresses of a network namespace. It demands
/// Message-Authenticator, and keeps what it is asked and told.
#[derive(Debug)]
pub struct Radius {
    server: Running,
    files: TempDir,
}

/// One packet that it kept: names and values as its dictionary has them, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(pub Vec<(String, String)>);

impl Record {
    /// The first value of an attribute, without quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of an attribute.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.trim_matches('"'))
    }
}

/// Where Debian and others have its modules.
const MODULES: [&str; 3] = [
    "/usr/lib/freeradius",
    "/usr/lib64/freeradius",
    "/usr/local/lib",
];

impl Radius {
    /// Starts it and waits until it serves. `users` is in the form of its file `users`. Its answers
    /// have a Message-Authenticator, as those of releases from 2024 on have without being told.
    ///
    /// # Errors
    /// It is not here, or does not start; the error has what it said.
    pub fn start(at: &Netns, secret: &str, users: &str) -> Result<Self> {
        let signed = "update reply {\n      Message-Authenticator := 0x00\n    }";
        Self::start_with(at, secret, users, ("yes", signed))
    }

    /// One that knows nothing of Message-Authenticator: requests need none, and answers have none
    /// unless its release adds it by itself.
    ///
    /// # Errors
    /// As for [`Radius::start`].
    pub fn start_old(at: &Netns, secret: &str, users: &str) -> Result<Self> {
        Self::start_with(at, secret, users, ("no", ""))
    }

    fn start_with(at: &Netns, secret: &str, users: &str, signed: (&str, &str)) -> Result<Self> {
        let program = find_tool("freeradius").ok_or_else(|| Error::new("freeradius is missing"))?;
        let files = TempDir::new()?;
        let dir = files.path();
        let modules = MODULES
            .into_iter()
            .find(|path| Path::new(path).join("rlm_pap.so").exists())
            .ok_or_else(|| Error::new("the modules of freeradius are missing"))?;
        fs::write(dir.join("users"), users)?;
        fs::write(
            dir.join("radiusd.conf"),
            configuration(&dir.display().to_string(), modules, secret, signed),
        )?;
        let log = fs::File::create(dir.join("log"))?;
        let mut command = Command::new(program);
        command
            .args(["-f", "-l", "stdout", "-n", "radiusd", "-d"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let server = at.spawn(&mut command)?.into();
        let mut radius = Self { server, files };
        wait_for("freeradius", Duration::from_secs(60), || {
            if let Some(status) = radius.server.status()? {
                let log = radius.log();
                return Err(Error::new(format!(
                    "freeradius ended with {status}:\n{log}"
                )));
            }
            Ok(radius.log().contains("Ready to process").then_some(()))
        })
        .context("starting freeradius")?;
        Ok(radius)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }

    /// What it was told, in the order in which it came.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn accounting(&self) -> Result<Vec<Record>> {
        self.records("accounting")
    }

    /// What it was asked, in the order in which it came; retransmissions are kept once.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn access(&self) -> Result<Vec<Record>> {
        self.records("access")
    }

    /// The records of a file: a line with the time, attributes on lines of their own behind a
    /// tabulator, and an empty line.
    fn records(&self, name: &str) -> Result<Vec<Record>> {
        let path = self.files.path().join(name);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let text = fs::read_to_string(&path).context(path.display())?;
        // What is not yet ended is still being written.
        let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
        Ok(whole
            .split("\n\n")
            .filter(|record| !record.trim().is_empty())
            .map(|record| {
                let attributes = record
                    .lines()
                    .filter_map(|line| line.strip_prefix('\t')?.split_once(" = "))
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .collect();
                Record(attributes)
            })
            .collect())
    }
}

/// `signed` is whether requests have to be, and what makes answers so.
fn configuration(
    dir: &str,
    modules: &str,
    secret: &str,
    (required, post_auth): (&str, &str),
) -> String {
    format!(
        r#"
prefix = /usr
name = radiusd
raddbdir = {dir}
logdir = {dir}
run_dir = {dir}
db_dir = {dir}
libdir = {modules}
correct_escapes = true
max_request_time = 30
cleanup_delay = 2
max_requests = 16384
hostname_lookups = no
log {{
  destination = stdout
  auth = no
}}
security {{
  reject_delay = 0
  status_server = yes
}}
proxy_requests = no
client everybody {{
  ipaddr = 0.0.0.0/0
  secret = {secret}
  require_message_authenticator = {required}
}}
thread pool {{
  start_servers = 2
  max_servers = 4
  min_spare_servers = 1
  max_spare_servers = 3
  max_requests_per_server = 0
}}
modules {{
  pap {{
  }}
  chap {{
  }}
  mschap {{
    use_mppe = no
    with_ntdomain_hack = yes
  }}
  files {{
    usersfile = {dir}/users
  }}
  detail access {{
    filename = {dir}/access
  }}
  detail accounting {{
    filename = {dir}/accounting
  }}
}}
server wanbox {{
  listen {{
    type = auth
    ipaddr = *
    port = 1812
  }}
  listen {{
    type = acct
    ipaddr = *
    port = 1813
  }}
  authorize {{
    access
    files
    chap
    mschap
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type CHAP {{
      chap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
  }}
  post-auth {{
    {post_auth}
    Post-Auth-Type REJECT {{
      {post_auth}
    }}
  }}
  accounting {{
    accounting
  }}
}}
"#
    )
}
