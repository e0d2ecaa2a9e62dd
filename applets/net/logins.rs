//! Programs of the host for those who come over a network: each has a terminal of its own. By radio they run as the
//! account of a call sign; by Telnet, and where nobody is known by a call sign, it is the host's login, which asks
//! for a password.
//!
//! What nobody reads waits: what the program prints in its terminal, what comes by radio in the connection.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use wanbox_net_desk::Desk;
use wanbox_net_services::{LoginId, Notice, Program, Quota, Rules};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::files::Root;
use wanbox_runtime::logging::RateLimit;
use wanbox_runtime::login::{Account, at_terminal, open_terminal, set_window};

use crate::accounts::Making;
use crate::attach::again;
use crate::files::reason;
use crate::growing::Growing;
use crate::journal::present;
use crate::program::owner;

/// What is read of one program in a turn, octets.
const BUDGET: usize = 2048;
/// Octets of a line for a program: then it is ended.
const LONGEST: usize = 250;
/// The host's login, below the root.
const LOGIN: &str = "/bin/login";
/// What a program finds.
const PATH: &str = "/bin:/usr/bin:/usr/local/bin";
/// What is told of callers, who come as often as they like: so many lines in so long.
const TOLD: RateLimit = RateLimit::new(10, Duration::from_secs(600));

/// A program that runs.
struct Running {
    id: LoginId,
    pid: u32,
    /// The host asks for passwords: what is typed is for nobody else.
    at_host: bool,
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
    file: Growing,
    carriage_return: bool,
}

impl Log {
    /// What people are to be told of the file is returned.
    fn take(&mut self, now: Instant, octets: &[u8]) -> Option<String> {
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
        let count = text.len() as u64;
        (count > 0).then(|| self.file.take(now, &text, count))?
    }
}

/// The programs that run.
pub struct Logins {
    running: Vec<Running>,
    next: u32,
    /// One at a time.
    making: Option<Making>,
    quota: Quota,
    limit: RateLimit,
    /// What people are to be told.
    told: Vec<String>,
}

impl Logins {
    /// None.
    pub fn new() -> Self {
        Self {
            running: Vec::new(),
            next: 0,
            making: None,
            quota: Quota::default(),
            limit: TOLD,
            told: Vec::new(),
        }
    }

    /// Does what those who come by radio want, and passes on what programs print. What people are to be told is
    /// returned.
    pub fn settle(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root) -> Vec<String> {
        while let Some(notice) = desk.poll_login() {
            match notice {
                Notice::LoginOpened(id) => self.comes(lp, desk, root, id),
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
        self.made(lp, desk, root);
        let now = lp.now();
        for place in (0..self.running.len()).rev() {
            let Some(running) = self.running.get_mut(place) else {
                continue;
            };
            if running.pass(lp, desk, now, &mut self.told) {
                desk.services
                    .login_closed(now, &mut desk.station, running.id);
                self.close(lp, place);
            }
        }
        let mut told = std::mem::take(&mut self.told);
        told.retain(|_| self.limit.allow(now).is_some());
        told.iter_mut()
            .for_each(|text| text.insert_str(0, "login: "));
        told
    }

    /// Somebody came.
    fn comes(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root, id: LoginId) {
        if !self.makes(lp, desk, root, id) {
            self.begin(lp, desk, root, id);
        }
    }

    /// Has an account made for somebody who has none: whether that was begun. Who comes meanwhile with the same call
    /// sign gets the console.
    fn makes(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root, id: LoginId) -> bool {
        let now = lp.now();
        let services = &mut desk.services;
        if !id.is_guest() {
            return false;
        }
        let Some((who, _)) = services.login_name(now, &desk.station, id) else {
            return false;
        };
        let Some(user) = services.rules.new_user(&who) else {
            return false;
        };
        if self.making.as_ref().is_some_and(|known| known.user == user) {
            desk.guest(now, id);
            return true;
        }
        if !matches!(Account::find(&root.path("/etc/passwd"), &user), Ok(None)) {
            return false;
        }
        let token = self.token();
        let begun = match &self.making {
            Some(_) => Err("another account is being made".to_owned()),
            None => self
                .quota
                .take(now)
                .and_then(|()| Making::begin(lp, &services.rules, root, token, (id, user))),
        };
        match begun {
            Ok(making) => {
                self.making = Some(making);
                true
            }
            Err(why) => {
                services.counters.accounts_refused += 1;
                services.log_text(now, format!("{who} - no account: {why}"));
                false
            }
        }
    }

    /// Goes on with whoever waited for an account.
    fn made(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root) {
        let Some(making) = self.making.take_if(|making| making.is_over(lp)) else {
            return;
        };
        let (id, user) = (making.id, making.user.clone());
        let now = lp.now();
        let services = &mut desk.services;
        let (text, is_bad) = match making.finish(lp, root, self.token()) {
            Ok(()) => {
                services.counters.accounts += 1;
                (format!("{user} - account made"), false)
            }
            Err((why, is_bad)) => {
                services.counters.accounts_refused += 1;
                (format!("{user} - no account: {why}"), is_bad)
            }
        };
        if is_bad {
            log::error!("login: {text}; login create is off now");
            services.rules.create = false;
        }
        services.log_text(now, text);
        if !is_bad {
            self.begin(lp, desk, root, id);
        } else if services.login_name(now, &desk.station, id).is_some() {
            // The account may still be there, and nothing may run as it.
            desk.guest(now, id);
        }
    }

    /// Begins what somebody gets, who may be gone meanwhile.
    fn begin(&mut self, lp: &mut Loop, desk: &mut Desk, root: &Root, id: LoginId) {
        let now = lp.now();
        let Some(known) = desk.services.login_name(now, &desk.station, id) else {
            return;
        };
        // It may have been taken back while an account was made.
        if id.is_guest() && desk.services.rules.program == Program::Console {
            desk.guest(now, id);
        } else if let Err(why) = self.open(lp, desk, root, id, &known) {
            self.told.push(why);
            if id.is_guest() {
                desk.guest(now, id);
            } else {
                desk.services.login_closed(now, &mut desk.station, id);
            }
        }
    }

    fn token(&mut self) -> Token {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        Token::new(owner::LOGINS, number)
    }

    /// Closing the terminal hangs up whatever runs there.
    fn close(&mut self, lp: &mut Loop, place: usize) {
        let running = self.running.swap_remove(place);
        // It is registered and open.
        let _ = lp.deregister(running.source, &running.terminal);
    }

    /// A program ended: what it has printed still goes out.
    pub fn ended(&mut self, pid: u32, status: &io::Result<ExitStatus>) {
        if let Some(making) = &mut self.making {
            making.ended(pid, status);
        }
        for running in self.running.iter_mut().filter(|known| known.pid == pid) {
            running.ended = true;
        }
    }

    /// Begins a program at a terminal.
    ///
    /// # Errors
    /// Why it cannot begin; for whoever keeps the host.
    fn open(
        &mut self,
        lp: &mut Loop,
        desk: &Desk,
        root: &Root,
        id: LoginId,
        (who, protocol): &(String, &'static str),
    ) -> Result<(), String> {
        let rules = &desk.services.rules;
        let at_host = desk.services.is_at_host(id);
        let mut command = if at_host {
            host_login(desk, root, id, (who, protocol))
        } else {
            let account = account(rules, root, who)?;
            let mut command = program(rules, &account);
            command
                .env_clear()
                .current_dir("/")
                .env("PATH", PATH)
                .env("TERM", "dumb")
                .env("HOME", &account.home)
                .env("SHELL", &account.shell)
                .env("USER", &account.name)
                .env("LOGNAME", &account.name)
                .env("REMOTE_CALL", who)
                .env("REMOTE_PROTOCOL", protocol);
            if account.home.is_dir() {
                command.current_dir(&account.home);
            }
            account.runs(&mut command);
            command
        };
        let fail = |error: io::Error| error.to_string();
        let (terminal, slave) = open_terminal(!id.is_guest()).map_err(fail)?;
        at_terminal(&mut command, &slave).map_err(fail)?;
        let token = self.token();
        let source = lp.register(&terminal, token, Interest::Read, Priority::Normal);
        let source = source.map_err(fail)?;
        let spawned = match lp.spawn(&mut command, token) {
            Ok(spawned) => spawned,
            Err(error) => {
                // It is registered and open.
                let _ = lp.deregister(source, &terminal);
                let program = command.get_program().display();
                return Err(format!("{program} for {who}: {error}"));
            }
        };
        let log = match rules.log_dir.as_str() {
            "" => None,
            dir => {
                let first = format!("{protocol} at {} by {who}\n", present());
                match open_log(&root.path(dir), token.id) {
                    Ok(mut log) => {
                        self.told.extend(log.take(lp.now(), first.as_bytes()));
                        Some(log)
                    }
                    Err(error) => {
                        self.told.push(format!("{dir}: {}", reason(&error)));
                        None
                    }
                }
            }
        };
        self.running.push(Running {
            id,
            pid: spawned.pid,
            at_host,
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

/// The host's login, which knows the name of whoever may be known by a call sign, and asks for the password always.
fn host_login(desk: &Desk, root: &Root, id: LoginId, (who, protocol): (&str, &str)) -> Command {
    let services = &desk.services;
    let (from, terminal) = match services.login_remote(id) {
        Some((address, _)) => (
            address.to_string(),
            services.login_terminal(id).unwrap_or("vt100"),
        ),
        None => (protocol.to_owned(), "dumb"),
    };
    let mut command = Command::new(root.path(LOGIN));
    command
        .env_clear()
        .env("TERM", terminal)
        .current_dir("/")
        .args(["-h", &from]);
    if let Ok(account) = account(&services.rules, root, who) {
        command.args(["--", &account.name]);
    }
    command
}

fn program(rules: &Rules, account: &Account) -> Command {
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

fn open_log(dir: &Path, number: u32) -> io::Result<Log> {
    fs::create_dir_all(dir)?;
    let name = format!("log.{:05}.{:04}", std::process::id(), number % 10_000);
    let path = dir.join(name);
    let file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .mode(0o600)
        .open(&path)?;
    Ok(Log {
        file: Growing::new(path.display().to_string(), file, "octets", true),
        carriage_return: false,
    })
}

impl Running {
    /// Passes on what there is. Whether that was all.
    fn pass(
        &mut self,
        lp: &mut Loop,
        desk: &mut Desk,
        now: Instant,
        told: &mut Vec<String>,
    ) -> bool {
        let (services, station) = (&mut desk.services, &mut desk.station);
        if let Some((columns, rows)) = services.login_window(self.id) {
            // It is a terminal.
            let _ = set_window(&self.terminal, columns, rows);
        }
        if self.reads && self.typed.is_empty() {
            let mut octets = Vec::new();
            services.login_input(now, station, self.id, LONGEST, &mut octets);
            self.reads = octets.len() >= LONGEST;
            // What a login's terminal shows of it comes from there; the rest is passwords.
            if let Some(log) = self.log.as_mut().filter(|_| !self.at_host) {
                told.extend(log.take(now, &octets));
            }
            for octet in octets {
                self.typed.push(octet);
                let ends = matches!(octet, b'\r' | b'\n') || !self.id.is_guest();
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
                        told.extend(log.take(now, octets));
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
