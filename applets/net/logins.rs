//! Programs of the host for those who come by radio: each has a terminal of its own.
//!
//! What nobody reads waits: what the program prints in its terminal, what comes by radio in the connection.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use wanbox_net_desk::Desk;
use wanbox_net_services::{LoginId, Notice, Program, Rules};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::login::{Account, at_terminal, open_terminal};

use crate::attach::again;
use crate::journal::present;
use crate::program::owner;

/// What is read of one program in a turn, octets.
const BUDGET: usize = 2048;
/// Octets of a line for a program: then it is ended.
const LONGEST: usize = 250;
/// What a program finds.
const PATH: &str = "/bin:/usr/bin:/usr/local/bin";

/// A program that runs.
struct Running {
    id: LoginId,
    pid: u32,
    terminal: File,
    source: Source,
    /// What came by radio and the terminal has not taken.
    typed: Vec<u8>,
    /// Octets since the last end of a line.
    column: usize,
    /// What the connection has not taken.
    printed: Vec<u8>,
    /// What comes is looked at.
    reads: bool,
    /// Nobody prints any more.
    ended: bool,
    log: Option<Log>,
}

/// What is said both ways, in a file.
struct Log {
    file: File,
    carriage_return: bool,
}

impl Log {
    fn take(&mut self, octets: &[u8]) {
        let mut text = Vec::with_capacity(octets.len());
        for &octet in octets {
            let behind = std::mem::replace(&mut self.carriage_return, octet == b'\r');
            match octet {
                0 => {}
                b'\n' if behind => {}
                b'\r' => text.push(b'\n'),
                _ => text.push(octet),
            }
        }
        // A full disk ends no session.
        let _ = self.file.write_all(&text);
    }
}

/// The programs that run.
#[derive(Default)]
pub struct Logins {
    running: Vec<Running>,
    next: u32,
}

impl Logins {
    /// Does what those who come by radio want, and passes on what programs print.
    pub fn settle(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root) {
        while let Some(notice) = desk.poll_login() {
            match notice {
                Notice::LoginOpened(id) => {
                    if let Err(why) = self.open(lp, desk, root, id) {
                        log::warn!("login: {why}");
                        desk.guest(lp.now(), id);
                    }
                }
                Notice::LoginReadable(id) => {
                    if let Some(running) = self.running.iter_mut().find(|known| known.id == id) {
                        running.reads = true;
                    }
                }
                Notice::LoginClosed(id) => {
                    let place = self.running.iter().position(|known| known.id == id);
                    if let Some(place) = place {
                        self.close(lp, place);
                    }
                }
                _ => {}
            }
        }
        let now = lp.now();
        for place in (0..self.running.len()).rev() {
            let Some(running) = self.running.get_mut(place) else {
                continue;
            };
            if running.pass(lp, desk, now) {
                desk.services
                    .login_closed(now, &mut desk.station, running.id);
                self.close(lp, place);
            }
        }
    }

    /// Closing the terminal hangs up whatever runs there.
    fn close(&mut self, lp: &mut Loop, place: usize) {
        let running = self.running.swap_remove(place);
        // It is registered and open.
        let _ = lp.deregister(running.source, &running.terminal);
    }

    /// A program ended: what it has printed still goes out.
    pub fn ended(&mut self, pid: u32) {
        for running in self.running.iter_mut().filter(|known| known.pid == pid) {
            running.ended = true;
        }
    }

    fn open(&mut self, lp: &mut Loop, desk: &Desk, root: &Root, id: LoginId) -> Result<(), String> {
        let rules = &desk.services.rules;
        let (who, protocol) = desk.services.guest_name(id).ok_or("they are gone")?;
        let account = account(rules, root, &who)?;
        let fail = |error: io::Error| error.to_string();
        let (terminal, slave) = open_terminal().map_err(fail)?;
        let mut command = command(rules, &account);
        command
            .env_clear()
            .current_dir("/")
            .env("PATH", PATH)
            .env("TERM", "dumb")
            .env("HOME", &account.home)
            .env("SHELL", &account.shell)
            .env("USER", &account.name)
            .env("LOGNAME", &account.name)
            .env("REMOTE_CALL", &who)
            .env("REMOTE_PROTOCOL", protocol);
        if account.home.is_dir() {
            command.current_dir(&account.home);
        }
        at_terminal(&mut command, &slave).map_err(fail)?;
        account.runs(&mut command);
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let token = Token::new(owner::LOGINS, number);
        let source = lp.register(&terminal, token, Interest::Read, Priority::Normal);
        let source = source.map_err(fail)?;
        let spawned = match lp.spawn(&mut command, token) {
            Ok(spawned) => spawned,
            Err(error) => {
                // It is registered and open.
                let _ = lp.deregister(source, &terminal);
                return Err(format!("{} for {who}: {error}", account.name));
            }
        };
        let log = match rules.log_dir.as_str() {
            "" => None,
            dir => {
                let path = root.path(dir);
                let log = open_log(
                    path,
                    number,
                    &format!("{protocol} at {} by {who}", present()),
                );
                log.map_err(|error| log::warn!("login: {dir}: {error}"))
                    .ok()
            }
        };
        self.running.push(Running {
            id,
            pid: spawned.pid,
            terminal,
            source,
            typed: Vec::new(),
            column: 0,
            printed: Vec::new(),
            reads: true,
            ended: false,
            log,
        });
        Ok(())
    }
}

/// The account of somebody: one that programs may run as.
fn account(rules: &Rules, root: &Root, who: &str) -> Result<Account, String> {
    let path = root.path("/etc/passwd");
    for user in rules.users(who) {
        let found = Account::find(&path, &user).map_err(|error| error.to_string())?;
        if let Some(account) =
            found.filter(|account| (rules.uids.0.max(1)..=rules.uids.1).contains(&account.uid))
        {
            return Ok(account);
        }
    }
    Err(format!("{who} has no account here"))
}

fn command(rules: &Rules, account: &Account) -> Command {
    if let Program::Command(words) = &rules.program
        && let Some((program, rest)) = words.split_first()
    {
        let mut command = Command::new(program);
        command.args(rest);
        return command;
    }
    let shell = match rules.shell.as_str() {
        "" => account.shell.clone(),
        shell => shell.into(),
    };
    let name = shell.file_name().unwrap_or_default().to_string_lossy();
    let login = format!("-{name}");
    let mut command = Command::new(shell);
    command.arg0(login);
    command
}

fn open_log(dir: PathBuf, number: u32, first: &str) -> io::Result<Log> {
    fs::create_dir_all(&dir)?;
    let name = format!("log.{:05}.{:04}", std::process::id(), number % 10_000);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(dir.join(name))?;
    writeln!(file, "{first}")?;
    Ok(Log {
        file,
        carriage_return: false,
    })
}

impl Running {
    /// Passes on what there is. Whether that was all.
    fn pass(&mut self, lp: &mut Loop, desk: &mut Desk, now: Instant) -> bool {
        let (services, station) = (&mut desk.services, &mut desk.station);
        if self.reads && self.typed.is_empty() {
            let mut octets = Vec::new();
            services.login_input(now, station, self.id, LONGEST, &mut octets);
            self.reads = octets.len() >= LONGEST;
            if let Some(log) = &mut self.log {
                log.take(&octets);
            }
            for octet in octets {
                self.typed.push(octet);
                let ends = matches!(octet, b'\r' | b'\n');
                self.column = if ends { 0 } else { self.column + 1 };
                if self.column >= LONGEST {
                    self.typed.push(b'\n');
                    self.column = 0;
                }
            }
        }
        if let Ok(Some(count)) = again((&self.terminal).write(&self.typed)) {
            self.typed.drain(..count);
        }
        let mut is_all = false;
        for _ in 0..BUDGET / 256 {
            if !self.printed.is_empty() {
                let taken = services.login_output(now, station, self.id, &self.printed);
                self.printed.drain(..taken);
                if !self.printed.is_empty() {
                    break;
                }
            }
            let mut octets = [0; 256];
            match again((&self.terminal).read(&mut octets)) {
                Ok(Some(count @ 1..)) => {
                    let octets = octets.get(..count).unwrap_or_default();
                    if let Some(log) = &mut self.log {
                        log.take(octets);
                    }
                    self.printed.extend_from_slice(octets);
                }
                // What it left in the background may hold the terminal.
                Ok(None) => {
                    is_all = self.ended;
                    break;
                }
                // Nobody has the other end.
                Ok(Some(_)) | Err(_) => {
                    is_all = true;
                    break;
                }
            }
        }
        let interest = match Interest::of(self.printed.is_empty(), !self.typed.is_empty()) {
            Interest::Hangup => Interest::None,
            interest => interest,
        };
        // It is registered and open.
        let _ = lp.modify(self.source, &self.terminal, interest);
        is_all && self.printed.is_empty()
    }
}
