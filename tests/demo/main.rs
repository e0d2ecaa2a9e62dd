//! `make demo`: two routers joined by a 2 Mbit/s Frame Relay line, started from
//! the sample files beside this one, pinged, filled, watched, cut and repaired;
//! and a packet-radio station that the host pings.
//!
//! It needs `/dev/net/tun` and network namespaces (root, or user namespaces),
//! and no program but the executable it shows.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use wanbox_rig::{Error, Need, Result, Router, TempDir, sandbox, until};

mod echo;
mod station;
mod transfer;

/// The files of one router: path there, contents.
type Files = [(&'static str, &'static str); 4];

macro_rules! files {
    ($router:literal) => {
        [
            (
                "/etc/wanpipe/wanrouter.rc",
                include_str!(concat!($router, "/wanrouter.rc")),
            ),
            (
                "/etc/wanpipe/wanpipe1.conf",
                include_str!(concat!($router, "/wanpipe1.conf")),
            ),
            (
                "/etc/wanpipe/interfaces/wp1_fr16",
                include_str!(concat!($router, "/interfaces/wp1_fr16")),
            ),
            (
                "/etc/wanpipe/interfaces/wp1_fr17",
                include_str!(concat!($router, "/interfaces/wp1_fr17")),
            ),
        ]
    };
}

const HQ: Files = files!("hq");
const BRANCH: Files = files!("branch");

/// What the transfer carries: some six seconds of the line.
const OCTETS: u64 = 1_400_000;

/// The longest wait for anything: T391 is 5 s, and three polls may go wrong.
const PATIENCE: Duration = Duration::from_secs(25);

fn main() -> ExitCode {
    match sandbox::enter() {
        Ok(None) => {}
        Ok(Some(code)) => return code,
        Err(error) => {
            eprintln!("demo: {error}");
            return ExitCode::FAILURE;
        }
    }
    match std::env::args_os().nth(1).map(PathBuf::from) {
        Some(wanbox) => match show(&wanbox) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("demo: {error}");
                ExitCode::FAILURE
            }
        },
        None => {
            eprintln!("demo: usage: demo PATH-OF-WANBOX");
            ExitCode::from(2)
        }
    }
}

fn show(wanbox: &Path) -> Result {
    for need in [Need::Namespaces, Need::Tun] {
        if let Some(missing) = need.missing() {
            return Err(Error::new(format!("this machine lacks {missing}")));
        }
    }
    let wanbox = std::fs::canonicalize(wanbox)?;
    let started = Instant::now();

    heading("Two routers, hq (the switch side) and branch, from the files of tests/demo");
    let cables = TempDir::new()?;
    let hq = Side::new("hq", &wanbox, &HQ, cables.path())?;
    let branch = Side::new("branch", &wanbox, &BRANCH, cables.path())?;
    for line in BRANCH[1].1.lines().filter(|line| !line.starts_with('#')) {
        println!("    {line}");
    }

    heading("Both start their line, as an administrator would");
    hq.show("wanrouter start")?;
    branch.show("wanrouter start")?;

    heading("The LMI brings the link and its two PVCs up");
    let took = until("both PVCs", PATIENCE, || Ok(hq.is_up() && branch.is_up()))?;
    println!("up after {:.1} s", took.as_secs_f32());

    heading("Ping from branch to hq through DLCI 16");
    branch.ping(4)?;

    heading("A transfer from hq to branch over the 2 Mbit/s line");
    transfer::run(&hq.router.netns, &branch.router.netns, OCTETS)?;

    heading("What the commands show");
    branch.show("wanrouter status")?;
    branch.show("fpipemon -i wp1_fr16 -u 9000 -c sg")?;

    heading("A trace of the line, interpreted");
    branch.trace()?;

    heading("The cable is cut");
    hq.show("wanconfig card wanpipe1 line cut")?;
    let took = until("the link to go down", PATIENCE, || Ok(!branch.is_up()))?;
    println!("branch saw it after {:.1} s", took.as_secs_f32());
    branch.show("wanrouter list")?;
    branch.show("wanconfig card wanpipe1 status")?;

    heading("and joined again; nobody has to do anything else");
    hq.show("wanconfig card wanpipe1 line join")?;
    let took = until("both PVCs again", PATIENCE, || {
        Ok(hq.is_up() && branch.is_up())
    })?;
    println!("up again after {:.1} s", took.as_secs_f32());
    branch.ping(2)?;

    heading("Both stop");
    branch.show("wanrouter stop")?;
    hq.show("wanrouter stop")?;

    heading("A packet-radio station with a TCP/IP of its own, and the host as its neighbour");
    station::show(&wanbox)?;

    println!(
        "\nThat took {:.0} s; everything is cleaned up. What to try next:\n\
         \n  build/wanbox fpipemon --help      the monitor's commands\
         \n  make test                         everything, judged by tshark, ping and ip\
         \n  make bench                        beside busybox and socat\
         \n  README.md                         a first link between two real machines",
        started.elapsed().as_secs_f32()
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text}\n");
}

/// One of the two routers.
struct Side {
    name: &'static str,
    router: Router,
}

impl Side {
    fn new(name: &'static str, wanbox: &Path, files: &Files, cables: &Path) -> Result<Self> {
        let router = Router::new(wanbox)?;
        router.plug(cables)?;
        for (path, text) in files {
            router.write(path, text)?;
        }
        Ok(Self { name, router })
    }

    /// Runs a command, and shows it with what it prints.
    fn show(&self, line: &str) -> Result {
        println!("{}# {line}", self.name);
        print!("{}", self.router.ok(line)?);
        Ok(())
    }

    fn is_up(&self) -> bool {
        ["wp1_fr16", "wp1_fr17"]
            .iter()
            .all(|interface| self.router.is_channel_up("wanpipe1", interface))
    }

    fn ping(&self, count: u16) -> Result {
        self.router
            .netns
            .inside(|| echo::ping("10.0.16.1".parse()?, count))
    }

    /// Some interpreted frames while pings go through.
    fn trace(&self) -> Result {
        let line = "fpipemon -i wp1_fr16 -u 9000 -c ti --count 6 --timeout 5s";
        println!("{}# {line}", self.name);
        std::thread::scope(|scope| {
            let pings = scope.spawn(|| self.quiet_pings());
            print!("{}", self.router.ok(line)?);
            pings.join().unwrap_or(Ok(()))
        })
    }

    fn quiet_pings(&self) -> Result {
        // The trace begins when the monitor is ready: a few pings more than it shows frames.
        self.router.netns.inside(|| {
            for _ in 0..12 {
                echo::once("10.0.16.1".parse()?)?;
                std::thread::sleep(Duration::from_millis(250));
            }
            Ok(())
        })
    }
}
