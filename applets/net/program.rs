//! The station as a process: what is opened, in which order, and what a turn of its poll loop does.

use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wanbox_grammar::{Exit, report};
use wanbox_net_desk::{ConsoleId, Desk, Kind};
use wanbox_net_engine::Station;
use wanbox_net_services::Services;
use wanbox_runtime::daemon::{self, Readiness as Report, Started};
use wanbox_runtime::event_loop::{Handler, Interest, Loop, Priority, Readiness, Token};
use wanbox_runtime::files::{self, FileError, FileProblem};
use wanbox_runtime::process::{self, Capability, Signal};
use wanbox_runtime::service::{self, Service};
use wanbox_runtime::terminal;
use wanbox_runtime::wall_clock::WallTimer;

use crate::agwpe::Agwpe;
use crate::attach;
use crate::consoles::{Consoles, Terminal};
use crate::devices::Devices;
use crate::files::{Files, MAX_FILE, State, Watched, reason};
use crate::gates::Gates;
use crate::host::Process;
use crate::journal::{Journal, present};
use crate::logins::Logins;
use crate::options::NAME;
use crate::scripts::{self, Scripts};
use crate::shells::Shells;
use crate::traces::Traces;

/// The owners of tokens.
pub mod owner {
    /// Lines and interfaces; the number is that of the interface.
    pub const DEVICES: u32 = 1;
    /// The terminal.
    pub const TERMINAL: u32 = 2;
    /// Attached consoles.
    pub const CONSOLES: u32 = 3;
    /// Commands from shells.
    pub const SCRIPTS: u32 = 4;
    /// Commands of the host's shell; the number is that of the console.
    pub const SHELLS: u32 = 5;
    /// The deadline of the desk.
    pub const DESK: u32 = 6;
    /// What was learned is to be saved.
    pub const STATE: u32 = 7;
    /// Files that may have changed are to be looked at.
    pub const WATCHED: u32 = 8;
    /// The clock on the wall was set.
    pub const CLOCK: u32 = 9;
    /// The host's ends of gates; the number is that of the gate.
    pub const GATES: u32 = 10;
    /// Names of hosts that gates lead to.
    pub const NAMES: u32 = 11;
    /// Programs that use packet radio by AGWPE's protocol.
    pub const AGWPE: u32 = 14;
    /// Programs for those who come by radio.
    pub const LOGINS: u32 = 15;
}

/// How long the daemon may take to start, with all its commands.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long of it commands may wait for the names of hosts; then they go on beside everything else.
const STARTUP: Duration = Duration::from_secs(20);
/// How long after a change what was learned is saved.
const SAVE_AFTER: Duration = Duration::from_secs(600);
/// How often files are looked at that may have changed.
const WATCH_EVERY: Duration = Duration::from_secs(600);

/// How it is started.
pub struct Start {
    /// Its files.
    pub files: Files,
    /// It goes to the background.
    pub background: bool,
    /// It leaves alone what outlives it.
    pub debug: bool,
    /// Lines of the startup file are shown.
    pub verbose: bool,
    /// Programs may run as other users.
    pub logins: bool,
}

/// Runs it to its end.
pub fn run(start: &Start) -> Exit {
    let readiness = match daemon::start(!start.background, PATIENCE) {
        Ok(Started::Starter { .. }) => return Exit::DONE,
        Ok(Started::Daemon(readiness)) => readiness,
        Err(error) => return report::failure(NAME, error),
    };
    let (mut lp, program) = match open(start) {
        Ok(opened) => opened,
        Err(text) => {
            if !readiness.failed(&text) {
                report::error(NAME, text);
            }
            return Exit::FAILED;
        }
    };
    match program.live(start, &mut lp, readiness) {
        Ok(()) => Exit::DONE,
        Err(text) => report::failure(NAME, text),
    }
}

/// The station, and everything around it.
struct Program {
    desk: Desk,
    process: Process,
    consoles: Consoles,
    scripts: Scripts,
    gates: Gates,
    logins: Logins,
    clock: WallTimer,
    /// What outlives the program; not with `-g`.
    state: Option<State>,
    watched: Watched,
    /// Where the startup file's commands print, and whether a person sees it.
    startup: Option<ConsoleId>,
    _service: Service,
}

/// Opens all that does not depend on commands.
fn open(start: &Start) -> Result<(Loop, Program), String> {
    let files = start.files.clone();
    let run = files.root.run_dir();
    let options = service::Options {
        name: NAME,
        subject: None,
        pid_file: &run.join("net.pid"),
        log_file: None,
        level: log::LevelFilter::Warn,
        // What it has to say to people it says on consoles.
        foreground: false,
    };
    let mut service = Service::open(&files.root, options)?;
    let mut lp = std::mem::replace(&mut service.lp, Loop::new().map_err(|e| e.to_string())?);
    let failed = |error: io::Error| format!("cannot watch the clock: {error}");
    let clock = WallTimer::new().map_err(failed)?;
    clock.wait_for(None).map_err(failed)?;
    let token = Token::new(owner::CLOCK, 0);
    lp.register(&clock, token, Interest::Read, Priority::Control)
        .map_err(failed)?;
    let consoles = Consoles::bind(&mut lp, &attach::socket(&files.root));
    let consoles = consoles.map_err(|error| format!("consoles: {error}"))?;
    let scripts = Scripts::bind(&mut lp, &scripts::socket(&files.root));
    let scripts = scripts.map_err(|error| format!("commands: {error}"))?;
    if start.background {
        // Where paths without a directory are: not below the prefix would be nobody's wish.
        files::make_dir(&files.state).map_err(|error| error.to_string())?;
        let entered = std::env::set_current_dir(&files.state);
        entered.map_err(|error| format!("{}: {error}", files.state.display()))?;
    }
    if !start.debug {
        process::raise_priority();
    }
    // For interfaces and routes of the host, tunnels, and gates below port 1024; behind them what login(1), its
    // modules and useradd(8) do.
    let keep = [
        Capability::NetAdmin,
        Capability::NetRaw,
        Capability::NetBindService,
        Capability::SetGid,
        Capability::SetUid,
        Capability::Chown,
        Capability::DacOverride,
        Capability::Fowner,
        Capability::Kill,
        Capability::SysResource,
        Capability::SysTtyConfig,
        Capability::AuditWrite,
        Capability::AuditControl,
    ];
    let (network, _) = keep.split_at(3);
    let keep = if start.logins { &keep } else { network };
    process::drop_privileges(None, keep).map_err(|error| error.to_string())?;

    let seed = process::random().map_err(|error| format!("no random numbers: {error}"))?;
    let mut entropy = Entropy::new(seed);
    let mut station = Station::new(lp.now(), unix_micros(), Box::new(move || entropy.next()));
    let (hosts, wrong) = files.hosts();
    station.resolver.hosts = hosts;
    for line in wrong {
        log::warn!("{line}");
    }
    let locks = files.root.path("/run/lock");
    let gates = Gates::new(&files.root);
    let process = Process {
        devices: Devices::new(owner::DEVICES, locks.is_dir().then_some(locks)),
        journal: Journal::new(),
        traces: Traces::default(),
        shells: Shells::default(),
        agwpe: Agwpe::default(),
        terminal: None,
        started: lp.now(),
        leaving: false,
        files,
    };
    let mut state = (!start.debug).then(State::default);
    if let Some(state) = &mut state
        && let Some(wrong) = state.load_arp(&process.files, lp.now(), &mut station)
    {
        log::warn!("{wrong}");
    }
    if !start.debug {
        let at = lp.now() + WATCH_EVERY;
        lp.set_timer(Token::new(owner::WATCHED, 0), at);
    }
    let watched = Watched::new(&process.files.startup);
    let mut services = Services::default();
    services.rules.privileged = start.logins;
    let program = Program {
        desk: Desk::new(station, services),
        process,
        consoles,
        scripts,
        gates,
        logins: Logins::new(),
        clock,
        state,
        watched,
        startup: None,
        _service: service,
    };
    Ok((lp, program))
}

fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

impl Program {
    /// Runs the startup file, says that all is ready, and takes turns until somebody wants the end.
    fn live(mut self, start: &Start, lp: &mut Loop, readiness: Report) -> Result<(), String> {
        let is_interactive = !start.background && terminal::is_interactive();
        let id = if is_interactive {
            report::output(&banner());
            let terminal = Terminal::open(lp, &mut self.desk)?;
            self.process.terminal.insert(terminal).console
        } else {
            let opened = self.desk.open(Kind::Script { json: false });
            let id = opened.map_err(|error| error.to_string())?;
            self.startup = Some(id);
            id
        };
        if !start.background && !is_interactive {
            daemon::leave_terminal().map_err(|error| format!("/dev/null: {error}"))?;
        }
        self.start_up(start, lp, id);
        let deadline = lp.now() + STARTUP;
        let mut turned = Ok(());
        while self.startup.is_some() && !self.process.leaving && Instant::now() < deadline {
            turned = lp.turn(&mut self, Some(deadline));
        }
        // Whatever it still has to say, nobody is there to read it.
        readiness.ready();
        if turned.is_ok() && !self.process.leaving {
            turned = lp.run(&mut self);
        }
        let closed = self.close(lp);
        turned.map_err(|error| format!("the poll loop failed: {error}"))?;
        closed
    }

    fn start_up(&mut self, start: &Start, lp: &mut Loop, id: ConsoleId) {
        let now = lp.now();
        let path = &start.files.startup;
        let text = match files::read(path, MAX_FILE) {
            Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
            Err(error) => {
                let why = match error {
                    FileError {
                        problem: FileProblem::Io { error, .. },
                        ..
                    } => reason(&error),
                    error => error.to_string(),
                };
                let what = format!("Can't read config file {}: {why}\n", path.display());
                self.desk.shell_output(id, what.as_bytes());
                String::new()
            }
        };
        let mut host = self.process.host(lp);
        self.desk.startup(now, &mut host, id, &text, start.verbose);
        // The interfaces of the startup file are there now.
        if let Some(state) = &mut self.state {
            let station = &mut self.desk.station;
            let files = &self.process.files;
            let routes = state.load_routes(files, now, station);
            for wrong in routes
                .into_iter()
                .chain(state.load_ax25(files, now, station))
            {
                log::warn!("{wrong}");
            }
        }
        self.turn_end(lp);
    }

    /// Shows what the commands of the startup file print, where there is no console.
    fn show_startup(&mut self, now: Instant) {
        let Some(id) = self.startup else {
            return;
        };
        let output = self.desk.output(id);
        let octets = output.len();
        if octets > 0 {
            report::output(&String::from_utf8_lossy(output));
            self.desk.written(id, octets);
        }
        if self.desk.ended(id).is_some() {
            self.desk.close(now, id);
            self.startup = None;
        }
    }

    /// Everybody is told that this is the end. What was learned and could not be saved is an error.
    fn close(self, lp: &mut Loop) -> Result<(), String> {
        let Self {
            mut desk,
            mut process,
            mut consoles,
            mut scripts,
            mut state,
            // Until all is done.
            _service,
            ..
        } = self;
        let now = lp.now();
        let station = &mut desk.station;
        let all: Vec<_> = station.tcp.views(now).map(|view| view.id).collect();
        for id in all {
            // It was there a moment ago.
            let _ = station.tcp.abort(id);
        }
        station.flush(now, process.devices.sink());
        process.devices.turn_end(lp, station);
        let unsaved = save(&mut state, &process.files, now, station);
        let told = process.traces.take(&mut process.devices, &mut desk, now);
        for text in unsaved.iter().chain(&told) {
            process.tell(&mut desk, text);
        }
        process.shells.close();
        // Whoever wanted the end, and others whose lines are done, are told so.
        while scripts.settle(&mut process, lp, &mut desk) {}
        consoles.settle(lp, &mut desk);
        if let Some(terminal) = &process.terminal {
            terminal.settle(lp, &mut desk);
            terminal.end_line();
        }
        let last = format!("NOS was stopped at {}", present());
        // There is no new file that could not be opened.
        let _ = process.journal.switch(None, &last);
        process.devices.close(lp, &mut desk.station);
        consoles.close(lp, &mut desk);
        scripts.close(lp);
        match unsaved.as_slice() {
            [] => Ok(()),
            unsaved => Err(unsaved.join("; ")),
        }
    }
}

/// Writes what was learned. What went wrong is returned.
fn save(
    state: &mut Option<State>,
    files: &Files,
    now: Instant,
    station: &mut Station,
) -> Vec<String> {
    let state = state.as_mut();
    state.map_or_else(Vec::new, |state| state.save(files, now, station))
}

impl Handler for Program {
    fn ready(&mut self, lp: &mut Loop, token: Token, readiness: Readiness) {
        let Self { desk, process, .. } = self;
        match token.owner {
            owner::DEVICES => {
                let devices = &mut process.devices;
                devices.ready(lp, &mut desk.station, token, readiness);
            }
            owner::TERMINAL => {
                // Whoever took the terminal away wants the end.
                process.leaving |= !Terminal::ready(process, lp, desk, readiness);
            }
            owner::CONSOLES => self.consoles.ready(process, lp, desk, token, readiness),
            owner::SCRIPTS => self.scripts.ready(lp, token, readiness),
            owner::AGWPE => process.agwpe.ready(lp.now(), desk),
            owner::GATES => self.gates.ready(lp, desk, token, readiness),
            owner::NAMES => self.gates.names().ready(lp, token, readiness),
            owner::CLOCK => {
                self.clock.clear();
                // It was there a moment ago.
                let _ = self.clock.wait_for(None);
                desk.station.set_clock(lp.now(), unix_micros());
            }
            // What shells print is passed on at the end of the turn.
            _ => {}
        }
    }

    fn timer(&mut self, lp: &mut Loop, token: Token) {
        let now = lp.now();
        let Self { desk, process, .. } = self;
        match token.owner {
            owner::DEVICES => process.devices.timer(lp, &mut desk.station, token),
            owner::DESK => desk.handle_timeout(now, &mut process.host(lp)),
            owner::NAMES => self.gates.names().timer(lp, token),
            owner::STATE => {
                for wrong in save(&mut self.state, &process.files, now, &mut desk.station) {
                    process.tell(desk, &wrong);
                }
            }
            _ => {
                if let Some(path) = self.watched.changed() {
                    process
                        .journal
                        .line(&format!("- {} has changed", path.display()));
                    process.leaving = true;
                }
                lp.set_timer(token, now + WATCH_EVERY);
            }
        }
    }

    fn signal(&mut self, _: &mut Loop, signal: Signal) {
        match signal {
            Signal::Hangup => {
                self.process.journal.reopen();
                // Tried again by whoever has something to say.
                let _ = self._service.logging.reopen();
            }
            _ => self.process.leaving = true,
        }
    }

    fn child(&mut self, _: &mut Loop, _: Token, pid: u32, status: io::Result<ExitStatus>) {
        self.logins.ended(pid, &status);
        self.process.shells.ended(pid, status);
    }

    fn turn_end(&mut self, lp: &mut Loop) {
        let now = lp.now();
        let Self { desk, process, .. } = self;
        desk.after(now, &mut process.host(lp));
        loop {
            let terminal = process.terminal.as_mut();
            let Some((console, status)) = process.shells.poll(lp, desk, terminal) else {
                break;
            };
            desk.shell_done(now, &mut process.host(lp), console, status);
        }
        self.gates.settle(lp, desk);
        let again = process.agwpe.settle(now, desk);
        let mut told = self.logins.settle(lp, desk, &process.files.root);
        desk.station.flush(now, process.devices.sink());
        told.extend(process.traces.take(&mut process.devices, desk, now));
        for text in told {
            process.tell(desk, &text);
        }
        if let Some(text) = process.journal.trouble.take() {
            desk.tell(&text);
        }
        self.consoles.settle(lp, desk);
        let ran = self.scripts.settle(process, lp, desk);
        if let Some(terminal) = &mut process.terminal {
            process.leaving |= !terminal.settle(lp, desk);
            if let Some((console, error)) = process.shells.begin(lp, desk, terminal) {
                let why = format!("{}\n", reason(&error));
                desk.shell_output(console, why.as_bytes());
                desk.shell_done(now, &mut process.host(lp), console, -1);
            }
        }
        process.devices.turn_end(lp, &mut desk.station);
        // What a line that was run just now has done is looked at in a turn of its own.
        let next = if ran || again {
            Some(now)
        } else {
            desk.poll_timeout()
        };
        lp.set_timer_to(Token::new(owner::DESK, 0), next);
        let save = Token::new(owner::STATE, 0);
        let state = self.state.as_ref();
        if lp.timer(save).is_none() && state.is_some_and(|state| state.wants_saving(&desk.station))
        {
            lp.set_timer(save, now + SAVE_AFTER);
        }
        self.show_startup(now);
        if self.process.leaving {
            lp.stop();
        }
    }
}

/// What is shown before anything else.
fn banner() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "\n================ net of wanbox {version} ================\n\
         A packet-radio station with the commands of WAMPES 960528.\n\
         ? lists them; net(8) explains what is different.\n\n"
    )
}

/// Numbers that nobody can guess: the kernel's, and what follows from them.
struct Entropy(Vec<u64>);

impl Entropy {
    fn new(seed: u128) -> Self {
        Self(vec![seed as u64, (seed >> 64) as u64])
    }

    fn next(&mut self) -> u64 {
        if let Some(next) = self.0.pop() {
            return next;
        }
        let mut octets = [0; 512];
        // It worked a moment ago; should it not, the clock is all there is.
        if getrandom::fill(&mut octets).is_err() {
            return unix_micros().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        let (words, _) = octets.as_chunks::<8>();
        self.0
            .extend(words.iter().map(|word| u64::from_ne_bytes(*word)));
        self.0.pop().unwrap_or(0)
    }
}
