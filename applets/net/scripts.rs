//! `net -e COMMAND`: commands of a running station, from shells. Both ends.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wanbox_grammar::{Exit, report};
use wanbox_net_desk::{ConsoleId, Desk, Kind};
use wanbox_runtime::control::script::{self, Ended, Progress, Request};
use wanbox_runtime::control::{ClientId, ControlError, Server};
use wanbox_runtime::event_loop::{Loop, Readiness, Token};
use wanbox_runtime::files::Root;

use crate::host::Process;
use crate::options::NAME;
use crate::program::owner;

/// Where commands are taken.
pub fn socket(root: &Root) -> PathBuf {
    root.run_dir().join("net.sock")
}

/// How long the station may be silent: a name may have to be asked of all servers, one after another.
const PATIENCE: Duration = Duration::from_secs(300);
/// What may wait to be read before more is made, octets.
const ENOUGH: usize = 256 << 10;
/// What a command that goes on may print before some of it is passed on, octets.
const PIECE: usize = 4096;

/// Has the station that listens on `socket` run lines one after another, up to the first that fails. What they
/// print goes to standard output; of one that failed, to standard error.
///
/// The exit code is 0 when all was done, 1 when something failed, 3 when there is no station.
pub fn execute(socket: &Path, lines: Vec<String>, json: bool) -> Exit {
    let request = Request {
        execute: lines,
        json,
    };
    let wrong = |text: &str| report::error(NAME, text);
    match script::run(socket, &request, PATIENCE, report::output, wrong) {
        Ok(code) => Exit(code),
        Err(error) => {
            report::error(NAME, &error);
            Exit(error.exit_code())
        }
    }
}

/// A request that is being answered.
struct Running {
    client: ClientId,
    lines: VecDeque<String>,
    json: bool,
    /// Where the present line is run.
    console: Option<ConsoleId>,
    /// It is a command of the host's shell, which says itself what went wrong.
    shell: bool,
}

/// Requests of shells.
pub struct Scripts {
    server: Server,
    running: Vec<Running>,
}

impl Scripts {
    /// Listens on `path`.
    ///
    /// # Errors
    /// Those of [`Server::bind`].
    pub fn bind(lp: &mut Loop, path: &Path) -> Result<Self, ControlError> {
        Ok(Self {
            server: Server::bind(lp, owner::SCRIPTS, path, 0o600)?,
            running: Vec::new(),
        })
    }

    /// A descriptor of the requests is ready.
    pub fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        self.server.ready(lp, token, readiness);
        while let Some(request) = self.server.poll_request() {
            match request.parse::<Request>() {
                Ok(asked) => self.running.push(Running {
                    client: request.client,
                    lines: asked.execute.into(),
                    json: asked.json,
                    console: None,
                    shell: false,
                }),
                Err(failure) => self.server.fail(lp, request.client, failure),
            }
        }
    }

    /// Runs lines, and gives what they print to those who asked. Whether a line was run.
    pub fn settle(&mut self, process: &mut Process, lp: &mut Loop, desk: &mut Desk) -> bool {
        let server = &mut self.server;
        let mut ran = false;
        self.running.retain_mut(|running| {
            let code = running.go_on(process, lp, desk, server, &mut ran);
            if let Some(code) = code {
                server.reply(lp, running.client, &Ended { code });
            }
            let goes_on = code.is_none() && server.is_connected(running.client);
            if !goes_on && let Some(console) = running.console {
                desk.close(lp.now(), console);
            }
            goes_on
        });
        ran
    }

    /// Closes all.
    pub fn close(self, lp: &mut Loop) {
        self.server.close(lp);
    }
}

impl Running {
    /// Goes on as far as it gets. Its exit code, if it is done.
    fn go_on(
        &mut self,
        process: &mut Process,
        lp: &mut Loop,
        desk: &mut Desk,
        server: &mut Server,
        ran: &mut bool,
    ) -> Option<u8> {
        let Some(console) = self.console else {
            let Some(line) = self.lines.pop_front() else {
                return Some(0);
            };
            let console = match desk.open(Kind::Script { json: self.json }) {
                Ok(console) => console,
                Err(why) => {
                    server.progress(lp, self.client, &Progress::Wrong(why.to_string()));
                    return Some(1);
                }
            };
            self.console = Some(console);
            self.shell = line.starts_with('!');
            *ran = true;
            let now = lp.now();
            desk.run(now, &mut process.host(lp), console, &line);
            return None;
        };
        let ended = desk.ended(console);
        let output = desk.output(console);
        let is_enough = output.len() >= PIECE || ended.is_some();
        if is_enough && !output.is_empty() && server.unsent(self.client) < ENOUGH {
            // A character whose rest is still to come waits for it.
            let octets = match std::str::from_utf8(output) {
                Err(error) if error.error_len().is_none() && ended.is_none() => error.valid_up_to(),
                _ => output.len(),
            };
            let text = String::from_utf8_lossy(output.get(..octets).unwrap_or_default());
            let progress = match ended {
                Some(false) if !self.shell => Progress::Wrong(text.trim_end().to_owned()),
                _ => Progress::Text(text.into_owned()),
            };
            server.progress(lp, self.client, &progress);
            desk.written(console, octets);
        }
        if ended.is_none() || !desk.output(console).is_empty() {
            return None;
        }
        desk.close(lp.now(), console);
        self.console = None;
        *ran = true;
        (ended == Some(false)).then_some(1)
    }
}
