//! What plugins need of the host: processes on socket pairs, and the walled garden in the packet
//! filter.
//!
//! The daemon hands over the engine's [`Work`], and the loop's calls for the owner of these; then
//! it takes what programs said with [`Plugins::poll`]. Nothing here waits: lines that a program
//! does not read are kept up to a limit, commands of the packet filter run beside the daemon.

mod garden;
mod program;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use wanbox_l2tpns_engine::plugin::{ProgramId, Work};
use wanbox_runtime::event_loop::{Loop, Readiness, Token};
use wanbox_runtime::process::{Signal, send_signal_to_group};

pub use garden::Filter;
use garden::Garden;
use program::Program;

/// How long a program may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(2);
/// The number of the packet filter's commands among the children; programs have others.
const GARDEN: u32 = 0;

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It runs.
    Started(ProgramId),
    /// It ended, or could not be started, and why.
    Ended(ProgramId, String),
    /// It wrote a line.
    Line(ProgramId, Vec<u8>),
}

/// The programs and the garden of one daemon.
pub struct Plugins {
    owner: u32,
    directory: PathBuf,
    /// The running programs, by the numbers of their processes among all that were started.
    programs: BTreeMap<u32, Program>,
    /// Those that were told to end.
    ending: BTreeMap<u32, u32>,
    last: u32,
    said: VecDeque<Said>,
    garden: Garden,
}

impl Plugins {
    /// Programs that are started from now on are in this directory.
    pub fn set_directory(&mut self, directory: PathBuf) {
        self.directory = directory;
    }

    /// Programs of a directory, a garden that this script fills in this packet filter. All tokens in
    /// the loop have this owner.
    pub fn new(owner: u32, directory: PathBuf, build_garden: PathBuf, filter: Filter) -> Self {
        Self {
            owner,
            directory,
            programs: BTreeMap::new(),
            ending: BTreeMap::new(),
            last: GARDEN,
            said: VecDeque::new(),
            garden: Garden::new(build_garden, filter),
        }
    }

    /// Does what the engine wants.
    pub fn work(&mut self, lp: &mut Loop, work: Work) {
        match work {
            Work::Start { program, name } => self.start(lp, program, &name),
            Work::Stop(program) => {
                if let Some(number) = self.number(program) {
                    self.stop(lp, number);
                }
            }
            Work::Write { program, line } => {
                let number = self.number(program);
                if let Some((number, program)) =
                    number.and_then(|n| Some((n, self.programs.get_mut(&n)?)))
                    && let Err(error) = program.write(lp, line.as_bytes())
                {
                    self.over(lp, number, &error.to_string());
                }
            }
            Work::Garden(wall) => {
                self.garden.push(wall);
                self.garden.go_on(lp, Token::new(self.owner, GARDEN));
            }
            Work::Log { level, text } => match level {
                0 | 1 => log::error!("{text}"),
                2 => log::warn!("{text}"),
                3 => log::info!("{text}"),
                _ => log::debug!("{text}"),
            },
        }
    }

    /// What programs did, in order.
    pub fn poll(&mut self) -> Option<Said> {
        self.said.pop_front()
    }

    fn number(&self, id: ProgramId) -> Option<u32> {
        let own = |(_, program): &(&u32, &Program)| program.id == id;
        self.programs.iter().find(own).map(|(number, _)| *number)
    }

    fn start(&mut self, lp: &mut Loop, id: ProgramId, name: &str) {
        self.last = self.last.wrapping_add(1).max(GARDEN + 1);
        let token = Token::new(self.owner, self.last);
        let path = self.directory.join(name);
        match Program::start(lp, token, id, &path) {
            Ok(program) => {
                self.programs.insert(self.last, program);
                self.said.push_back(Said::Started(id));
            }
            Err(error) => {
                let why = format!("{}: {error}", path.display());
                self.said.push_back(Said::Ended(id, why));
            }
        }
    }

    /// A program ended of its own, or is ended because something is wrong with it.
    fn over(&mut self, lp: &mut Loop, number: u32, why: &str) {
        if let Some(program) = self.programs.get(&number) {
            self.said.push_back(Said::Ended(program.id, why.to_owned()));
            self.stop(lp, number);
        }
    }

    fn stop(&mut self, lp: &mut Loop, number: u32) {
        let Some(program) = self.programs.remove(&number) else {
            return;
        };
        let pid = program.close(lp);
        // One that ended already is reaped soon.
        let _ = send_signal_to_group(pid, Signal::Terminate);
        self.ending.insert(number, pid);
        lp.set_timer(Token::new(self.owner, number), lp.now() + PATIENCE);
    }

    /// A program's end of its socket pair is ready.
    pub fn ready(&mut self, lp: &mut Loop, number: u32, readiness: Readiness) {
        let Some(program) = self.programs.get_mut(&number) else {
            return;
        };
        let id = program.id;
        let lines = &mut self.said;
        let result = program.ready(lp, readiness, |line| {
            lines.push_back(Said::Line(id, line.to_vec()));
        });
        if let Err(error) = result {
            self.over(lp, number, &error.to_string());
        }
    }

    /// A timer expired: a program that was told to end did not, or the packet filter's commands
    /// hang.
    pub fn timer(&mut self, lp: &mut Loop, number: u32) {
        if number == GARDEN {
            self.garden.kill();
        } else if let Some(pid) = self.ending.get(&number) {
            let _ = send_signal_to_group(*pid, Signal::Kill);
        }
        let _ = lp;
    }

    /// A child ended.
    pub fn child(&mut self, lp: &mut Loop, number: u32, status: io::Result<ExitStatus>) {
        let token = Token::new(self.owner, number);
        if number == GARDEN {
            lp.cancel_timer(token);
            self.garden.ended(status);
            return self.garden.go_on(lp, token);
        }
        let text = match status {
            Ok(status) => format!("it ended ({status})"),
            Err(error) => format!("it ended ({error})"),
        };
        // What it wrote before is still to be read.
        let whole = Readiness {
            readable: true,
            writable: false,
            hangup: false,
        };
        self.ready(lp, number, whole);
        self.over(lp, number, &text);
        self.ending.remove(&number);
        lp.cancel_timer(token);
    }

    /// Whether a script of the garden runs or waits.
    pub fn is_busy(&self) -> bool {
        self.garden.is_busy()
    }

    /// The daemon ends: programs are told, and the garden is taken away. This waits for the packet
    /// filter.
    pub fn close(&mut self, lp: &mut Loop) {
        let numbers: Vec<u32> = self.programs.keys().copied().collect();
        for number in numbers {
            self.stop(lp, number);
        }
        self.garden.close();
    }
}
