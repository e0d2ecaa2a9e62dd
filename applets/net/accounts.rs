//! Accounts for those who come by radio and have none (`login create`): the host's own program makes them, and one
//! that a password would open does not stay.

use std::fs::DirBuilder;
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use wanbox_net_services::{LoginId, Rules};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::login::{free_uid, group_name, is_locked};
use wanbox_runtime::process::{Signal, set_nonblocking};

/// useradd(8), and what busybox has instead.
const USERADD: [&str; 2] = ["/usr/sbin/useradd", "/sbin/useradd"];
const ADDUSER: [&str; 3] = ["/usr/sbin/adduser", "/sbin/adduser", "/bin/adduser"];
/// What they find.
const PATH: &str = "/sbin:/usr/sbin:/bin:/usr/bin";
/// How long one may take: useradd waits 15 s for others who change the accounts.
const PATIENCE: Duration = Duration::from_secs(60);

/// An account that is being made.
pub struct Making {
    /// Who waits for it.
    pub id: LoginId,
    /// Its name.
    pub user: String,
    tool: PathBuf,
    pid: u32,
    begun: Instant,
    errors: Option<ChildStderr>,
    /// How the program ended: the text of what was wrong.
    ended: Option<Result<(), String>>,
}

impl Making {
    /// Begins.
    ///
    /// # Errors
    /// What is missing on this host, for people.
    pub fn begin(
        lp: &mut Loop,
        rules: &Rules,
        root: &Root,
        token: Token,
        (id, user): (LoginId, String),
    ) -> Result<Self, String> {
        let fail = |error: io::Error| error.to_string();
        let (low, high) = rules.uids;
        let uid = free_uid(&root.path("/etc/passwd"), low..=high).map_err(fail)?;
        let uid = uid.ok_or_else(|| format!("every number from {low} to {high} is taken"))?;
        let find = |places: &[&str]| {
            let mut paths = places.iter().map(|place| root.path(place));
            paths.find(|path| path.is_file())
        };
        let (tool, group) = match find(&USERADD) {
            Some(tool) => (tool, None),
            None => {
                let tool = find(&ADDUSER).ok_or("the host has neither useradd nor adduser")?;
                let group = group_name(&root.path("/etc/group"), rules.gid).map_err(fail)?;
                let group = group.ok_or_else(|| format!("no group has number {}", rules.gid))?;
                (tool, Some(group))
            }
        };
        if let Some(above) = root.path(rules.home(&user)).parent() {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(above);
            made.map_err(|error| format!("{}: {error}", above.display()))?;
        }
        let mut command = quiet(&tool);
        command
            .args(rules.new_account(&user, uid, group.as_deref()))
            .stderr(Stdio::piped());
        let spawned = lp.spawn(&mut command, token);
        let spawned = spawned.map_err(|error| format!("{}: {error}", tool.display()))?;
        Ok(Self {
            id,
            user,
            tool,
            pid: spawned.pid,
            begun: lp.now(),
            errors: spawned.stderr,
            ended: None,
        })
    }

    /// A program has ended, which may be this one.
    pub fn ended(&mut self, pid: u32, status: &io::Result<ExitStatus>) {
        if pid != self.pid {
            return;
        }
        self.ended = Some(match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.first_line().unwrap_or_else(|| status.to_string())),
            Err(error) => Err(error.to_string()),
        });
    }

    fn first_line(&mut self) -> Option<String> {
        let mut errors = self.errors.take()?;
        set_nonblocking(&errors).ok()?;
        let mut octets = [0; 256];
        let count = errors.read(&mut octets).ok()?;
        let text = String::from_utf8_lossy(octets.get(..count)?);
        let line = text.lines().next().filter(|line| !line.is_empty());
        line.map(str::to_owned)
    }

    /// Whether it is over: then [`Making::finish`]. A program that takes too long is ended.
    pub fn is_over(&self, lp: &Loop) -> bool {
        if self.ended.is_none() && lp.now() >= self.begun + PATIENCE {
            // It may have ended just now.
            let _ = lp.kill(self.pid, Signal::Kill);
        }
        self.ended.is_some()
    }

    /// Looks at what was made: whether it is there, and no password opens it. Else it is removed.
    ///
    /// # Errors
    /// Why there is no account, and whether that is worse than to be expected: no more are to be made.
    pub fn finish(self, lp: &mut Loop, root: &Root, token: Token) -> Result<(), (String, bool)> {
        self.ended.unwrap_or(Ok(())).map_err(|why| (why, false))?;
        let [passwd, shadow] = ["/etc/passwd", "/etc/shadow"].map(|path| root.path(path));
        let why = match is_locked(&passwd, &shadow, &self.user) {
            Ok(true) => return Ok(()),
            Ok(false) => "its password is not locked".to_owned(),
            Err(error) => error.to_string(),
        };
        // Forced: somebody may be there already.
        let (name, force) = match self.tool.ends_with("useradd") {
            true => ("userdel", Some("-f")),
            false => ("deluser", None),
        };
        let mut command = quiet(&self.tool.with_file_name(name));
        let removed = match lp.spawn(command.args(force).arg(&self.user), token) {
            Ok(_) => format!("{name} takes it away"),
            Err(error) => format!("{name}: {error}"),
        };
        Err((format!("{why}: {removed}"), true))
    }
}

/// A program of the host that nobody talks to.
fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
