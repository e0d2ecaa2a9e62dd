//! The walled garden in the packet filter: what `iptables`, or else `nft`, is told.
//!
//! With iptables there are the chains `garden`, which build-garden fills, and `garden_users`, in
//! the table `nat`, as the manual has them. With nft alone there is the table `ip garden` with the
//! chain `garden` and the set `users`. Rules of others are left alone, always.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use wanbox_l2tpns_engine::plugin::Wall;
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_runtime::process::{Signal, in_own_group, send_signal_to_group};

/// Where the programs are.
const PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
/// How long a script may run.
const LIMIT: Duration = Duration::from_secs(30);
/// Changes that one script makes at most.
const MAX_CHANGES: usize = 64;
/// The status of a script whose program does not work here.
const NOT_HERE: i32 = 64;

/// Which program filters packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// iptables; nft if that does not work here.
    #[default]
    Iptables,
    /// nft.
    Nft,
}

/// A script that runs.
struct Running {
    pid: u32,
    changes: Vec<Wall>,
    /// What it complains of.
    complaints: UnixStream,
}

/// The garden.
pub(super) struct Garden {
    build_garden: PathBuf,
    waiting: VecDeque<Wall>,
    running: Option<Running>,
    filter: Filter,
    built: bool,
}

impl Garden {
    pub(super) fn new(build_garden: PathBuf, filter: Filter) -> Self {
        Self {
            build_garden,
            waiting: VecDeque::new(),
            running: None,
            filter,
            built: false,
        }
    }

    pub(super) fn push(&mut self, wall: Wall) {
        self.waiting.push_back(wall);
    }

    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// Starts the next script, unless one runs.
    pub(super) fn go_on(&mut self, lp: &mut Loop, token: Token) {
        if self.running.is_some() || self.waiting.is_empty() {
            return;
        }
        // Building and removing are scripts of their own.
        let single = |wall: &Wall| matches!(wall, Wall::Build | Wall::Remove);
        let count = match self.waiting.iter().position(single) {
            Some(0) => 1,
            Some(at) => at,
            None => self.waiting.len(),
        };
        let changes: Vec<Wall> = self.waiting.drain(..count.min(MAX_CHANGES)).collect();
        match self.spawn(lp, token, &changes) {
            Ok((pid, complaints)) => {
                self.running = Some(Running {
                    pid,
                    changes,
                    complaints,
                });
                lp.set_timer(token, lp.now() + LIMIT);
            }
            Err(error) => log::error!("walled garden: /bin/sh: {error}"),
        }
    }

    fn spawn(
        &self,
        lp: &mut Loop,
        token: Token,
        changes: &[Wall],
    ) -> io::Result<(u32, UnixStream)> {
        let (complaints, theirs) = UnixStream::pair()?;
        complaints.set_nonblocking(true)?;
        let mut command = shell(&script(self.filter, changes, &self.build_garden));
        command.stderr(Stdio::from(OwnedFd::from(theirs)));
        in_own_group(&mut command, None);
        let spawned = lp.spawn(&mut command, token)?;
        Ok((spawned.pid, complaints))
    }

    /// The script runs for too long.
    pub(super) fn kill(&self) {
        if let Some(running) = &self.running {
            log::error!("walled garden: the packet filter does not answer");
            let _ = send_signal_to_group(running.pid, Signal::Kill);
        }
    }

    /// The script ended.
    pub(super) fn ended(&mut self, status: io::Result<ExitStatus>) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let mut complaints = [0; 2048];
        let length = running.complaints.read(&mut complaints).unwrap_or(0);
        let complaints = String::from_utf8_lossy(complaints.get(..length).unwrap_or_default());
        for line in complaints.lines() {
            log::warn!("walled garden: {}", line.escape_debug());
        }
        let code = status.ok().and_then(|status| status.code());
        match running.changes.first() {
            Some(Wall::Build) if code == Some(NOT_HERE) && self.filter == Filter::Iptables => {
                self.filter = Filter::Nft;
                self.waiting.push_front(Wall::Build);
                return;
            }
            Some(Wall::Build) => self.built = code != Some(NOT_HERE),
            Some(Wall::Remove) => self.built = false,
            _ => {}
        }
        if code == Some(NOT_HERE) {
            log::error!("walled garden: neither iptables nor nft works here: it has no walls");
        } else if code != Some(0) {
            log::error!(
                "walled garden: the packet filter refused {:?}",
                running.changes
            );
        }
    }

    /// Takes it away, and waits for that.
    pub(super) fn close(&mut self) {
        self.waiting.clear();
        if let Some(running) = self.running.take() {
            self.built |= running.changes.contains(&Wall::Build);
            let _ = send_signal_to_group(running.pid, Signal::Kill);
        }
        if std::mem::take(&mut self.built) {
            let script = script(self.filter, &[Wall::Remove], &self.build_garden);
            let done = shell(&script).stderr(Stdio::null()).status();
            if !done.is_ok_and(|status| status.success()) {
                log::error!("walled garden: the packet filter keeps it");
            }
        }
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(script)
        .env("PATH", PATH)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// What the shell is to do.
pub(super) fn script(filter: Filter, changes: &[Wall], build_garden: &Path) -> String {
    let mut script = String::from(match filter {
        Filter::Iptables => "nat() { iptables -w 20 -t nat \"$@\"; }\nfailed=0\n",
        Filter::Nft => "failed=0\n",
    });
    for change in changes {
        let line = match (filter, change) {
            (Filter::Iptables, Wall::Build) => iptables_build(build_garden),
            (Filter::Nft, Wall::Build) => nft_build(build_garden),
            (Filter::Iptables, Wall::Remove) => IPTABLES_REMOVE.to_owned(),
            (Filter::Nft, Wall::Remove) => "nft delete table ip garden || failed=1".to_owned(),
            (Filter::Iptables, Wall::Add(address)) => format!(
                "nat -C garden_users -s {address} -j garden 2>/dev/null || \
                 nat -A garden_users -s {address} -j garden || failed=1"
            ),
            (Filter::Nft, Wall::Add(address)) => {
                format!("nft add element ip garden users '{{ {address} }}' || failed=1")
            }
            // As often as it is there.
            (Filter::Iptables, Wall::Delete(address)) => format!(
                "n=0; while [ $n -lt 39 ] && nat -D garden_users -s {address} -j garden 2>/dev/null; \
                 do n=$((n+1)); done"
            ),
            (Filter::Nft, Wall::Delete(address)) => {
                format!("nft delete element ip garden users '{{ {address} }}' 2>/dev/null")
            }
        };
        script.push_str(&line);
        script.push('\n');
    }
    script.push_str("exit $failed\n");
    script
}

/// The chains may be left from before; rules of others in PREROUTING stay.
fn iptables_build(build_garden: &Path) -> String {
    format!(
        "nat -S PREROUTING >/dev/null 2>&1 || exit {NOT_HERE}\n\
         nat -N garden 2>/dev/null; nat -F garden || failed=1\n\
         {}\n\
         nat -N garden_users 2>/dev/null; nat -F garden_users || failed=1\n\
         nat -C PREROUTING -j garden_users 2>/dev/null || nat -A PREROUTING -j garden_users || failed=1",
        source(build_garden)
    )
}

const IPTABLES_REMOVE: &str = "\
nat -D PREROUTING -j garden_users || failed=1
nat -F garden_users; nat -X garden_users || failed=1
nat -F garden; nat -X garden || failed=1";

fn nft_build(build_garden: &Path) -> String {
    format!(
        "nft list tables >/dev/null 2>&1 || exit {NOT_HERE}\n\
         nft delete table ip garden 2>/dev/null\n\
         nft -f - <<'GARDEN' || failed=1\n\
         table ip garden {{\n\
         set users {{ type ipv4_addr; }}\n\
         chain garden {{ }}\n\
         chain prerouting {{ type nat hook prerouting priority -100; ip saddr @users jump garden; }}\n\
         }}\n\
         GARDEN\n\
         {}",
        source(build_garden)
    )
}

/// Runs build-garden, in a shell of its own so that an `exit` in it ends nothing else.
fn source(build_garden: &Path) -> String {
    let path = build_garden.to_string_lossy().replace('\'', "'\\''");
    format!(
        "if [ -r '{path}' ]; then (. '{path}') || failed=1; \
         else echo '{path} is missing: the garden has no walls' >&2; fi"
    )
}
