//! Commands of the host's shell, for consoles.
//!
//! One at the process's own terminal gets that terminal, and the station goes on beside it. One of another
//! console has no keyboard; what it prints comes through a pipe.

use std::env;
use std::io::{self, PipeReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

use wanbox_net_desk::{ConsoleId, Desk};
use wanbox_runtime::event_loop::{Interest, Loop, Priority, Source, Token};
use wanbox_runtime::process::{
    Signal, in_foreground, in_own_group, send_signal_to_group, set_nonblocking,
};

use crate::attach::again;
use crate::consoles::Terminal;
use crate::program::owner;

/// What is read of one command in a turn, octets.
const BUDGET: usize = 4096;

/// The shell of commands.
const SHELL: &str = "/bin/sh";

/// What a command finds where the one who started the station has nothing.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("HOME", "/root"),
    ("LOGNAME", "root"),
    ("PATH", "/bin:/usr/bin:/sbin:/usr/sbin:/usr/local/bin"),
    ("SHELL", SHELL),
];

/// A command of these words, or a shell where there are none.
fn shell(words: &str) -> Command {
    let mut command = match words {
        "" => Command::new(env::var_os("SHELL").unwrap_or_else(|| SHELL.into())),
        words => {
            let mut command = Command::new(SHELL);
            command.args(["-c", words]);
            command
        }
    };
    for (name, value) in ENVIRONMENT {
        if env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command
}

struct Running {
    console: ConsoleId,
    pid: u32,
    /// What it prints, unless it has the terminal.
    output: Option<Output>,
    /// How it ended.
    status: Option<i32>,
}

struct Output {
    reader: PipeReader,
    source: Source,
    /// Nobody can print any more.
    at_end: bool,
}

/// The commands that are running, one a console.
#[derive(Default)]
pub struct Shells {
    running: Vec<Running>,
    /// What gets the terminal once everything is shown there.
    waiting: Option<String>,
}

impl Shells {
    /// Starts a command, or a shell where there are no words. `terminal`: the console is the terminal; then it
    /// begins with [`Shells::begin`].
    ///
    /// # Errors
    /// As the system says; or a shell is wanted where there are no keys for it.
    pub fn start(
        &mut self,
        lp: &mut Loop,
        console: ConsoleId,
        words: &str,
        terminal: bool,
    ) -> io::Result<()> {
        if terminal {
            self.waiting = Some(words.to_owned());
            return Ok(());
        }
        if words.is_empty() {
            let why = "a shell needs the terminal of the station: give it a command";
            return Err(io::Error::other(why));
        }
        let mut command = shell(words);
        in_own_group(&mut command, None);
        let (reader, writer) = io::pipe()?;
        set_nonblocking(&reader)?;
        command
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let token = Token::new(owner::SHELLS, console.0);
        let spawned = lp.spawn(&mut command, token)?;
        let source = lp.register(&reader, token, Interest::Read, Priority::Normal)?;
        self.running.push(Running {
            console,
            pid: spawned.pid,
            output: Some(Output {
                reader,
                source,
                at_end: false,
            }),
            status: None,
        });
        Ok(())
    }

    /// Gives the terminal to the command that waits for it, once everything is shown there. The console, and why it
    /// cannot begin.
    pub fn begin(
        &mut self,
        lp: &mut Loop,
        desk: &Desk,
        terminal: &mut Terminal,
    ) -> Option<(ConsoleId, io::Error)> {
        let console = terminal.console;
        if !desk.output(console).is_empty() {
            return None;
        }
        let words = self.waiting.take()?;
        let mut command = shell(&words);
        in_foreground(&mut command);
        let token = Token::new(owner::SHELLS, console.0);
        let spawned = terminal.lend().and_then(|()| lp.spawn(&mut command, token));
        match spawned {
            Ok(spawned) => {
                self.running.push(Running {
                    console,
                    pid: spawned.pid,
                    output: None,
                    status: None,
                });
                None
            }
            Err(error) => {
                // Gone, which its own end will tell.
                let _ = terminal.retake();
                Some((console, error))
            }
        }
    }

    /// The command of a console ended.
    pub fn ended(&mut self, pid: u32, status: io::Result<ExitStatus>) {
        // As a shell has it: a signal counts from 128.
        let code = |status: ExitStatus| {
            let signal = status.signal().map(|signal| signal.saturating_add(128));
            status.code().or(signal)
        };
        let status = status.ok().and_then(code).unwrap_or(-1);
        if let Some(running) = self.running.iter_mut().find(|running| running.pid == pid) {
            running.status = Some(status);
        }
    }

    /// Gives consoles what their commands print, as far as they have room. The next command that is done: its
    /// console and its status.
    pub fn poll(
        &mut self,
        lp: &mut Loop,
        desk: &mut Desk,
        terminal: Option<&mut Terminal>,
    ) -> Option<(ConsoleId, i32)> {
        let mut done = None;
        for (place, running) in self.running.iter_mut().enumerate() {
            if !desk.consoles().any(|(id, _)| id == running.console) {
                // Nobody is left to read it.
                if running.status.is_none() {
                    let _ = send_signal_to_group(running.pid, Signal::Hangup);
                }
                done = Some((place, running.status.unwrap_or(-1)));
                break;
            }
            if let (true, Some(status)) = (running.pass(lp, desk), running.status) {
                done = Some((place, status));
                break;
            }
        }
        let (place, status) = done?;
        let running = self.running.swap_remove(place);
        match running.output {
            // It is registered and open.
            Some(output) => drop(lp.deregister(output.source, &output.reader)),
            None => {
                if let Some(terminal) = terminal {
                    // Gone, which its own end will tell.
                    let _ = terminal.retake();
                }
            }
        }
        Some((running.console, status))
    }

    /// Hangs up whatever is running.
    pub fn close(&mut self) {
        for running in self
            .running
            .iter()
            .filter(|running| running.status.is_none())
        {
            let _ = send_signal_to_group(running.pid, Signal::Hangup);
        }
    }
}

impl Running {
    /// Passes on what there is. Whether that is all: of a command that ended nothing more is waited for, though
    /// something that it left in the background may hold the pipe.
    fn pass(&mut self, lp: &mut Loop, desk: &mut Desk) -> bool {
        let Some(output) = &mut self.output else {
            return true;
        };
        let mut octets = [0; BUDGET];
        let has_room = desk.has_room(self.console);
        let mut is_all = output.at_end;
        if has_room && !output.at_end {
            match again(output.reader.read(&mut octets)) {
                Ok(Some(count @ 1..)) => {
                    desk.shell_output(self.console, octets.get(..count).unwrap_or_default());
                }
                Ok(None) => is_all = true,
                Ok(Some(_)) | Err(_) => (output.at_end, is_all) = (true, true),
            }
        }
        // Not even its end is told while nothing is wanted of it: it would be, again and again.
        let interest = if has_room && !output.at_end {
            Interest::Read
        } else {
            Interest::None
        };
        // It is registered and open.
        let _ = lp.modify(output.source, &output.reader, interest);
        is_all
    }
}
