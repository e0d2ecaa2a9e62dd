//! The HOWTO's test of load balancing in real time: a file of its length by TCP over paced lines,
//! an `eqld` at each end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wanbox_rig::{Error, Lines, Need, Result, ensure, need, run::finish};

use crate::{Row, median, met};

/// The length of the HOWTO's file, octets.
const OCTETS: u64 = 289_284;
/// Measurements of each kind.
const ROUNDS: usize = 3;
/// What is wanted of the rate that is left after the headers of TCP, IP and HDLC, per cent.
const WANTED: f64 = 97.0;
/// Headers of IPv4 and TCP with timestamps, octets.
const HEADERS: u64 = 52;

/// A row of the HOWTO's table.
struct Howto {
    what: &'static str,
    lines: usize,
    /// Of each line, bit/s.
    rate: u64,
    mtu: u32,
    /// How long it took then.
    seconds: f64,
    /// What the HOWTO calls that of the maximum, per cent.
    percent: u32,
}

const TABLE: [Howto; 3] = [
    Howto {
        what: "eqld: 2 x 115200, MTU 600",
        lines: 2,
        rate: 115_200,
        mtu: 600,
        seconds: 18.1,
        percent: 69,
    },
    Howto {
        what: "eqld: 4 x 38400, MTU 900",
        lines: 4,
        rate: 38_400,
        mtu: 900,
        seconds: 25.2,
        percent: 74,
    },
    Howto {
        what: "eqld: 2 x 57600, MTU 400",
        lines: 2,
        rate: 57_600,
        mtu: 400,
        seconds: 32.3,
        percent: 77,
    },
];

pub fn run(wanbox: &Path) -> Result<Vec<Row>> {
    for need in [Need::Tun, Need::Tool("ip"), Need::Tool("socat")] {
        if let Some(missing) = need.missing() {
            return Err(Error::new(format!("needs {missing}")));
        }
    }
    // A router has nothing else to do; this machine may have.
    let raised = Raised::new();
    println!(
        "{OCTETS} octets by TCP, in real time{}",
        match raised {
            Some(_) => "; the daemons have real-time priority",
            None => ": real-time priority is not allowed here",
        }
    );
    println!("#lines  speed  mtu  seconds  % of max  % after framing   HOWTO: seconds  % of max");
    TABLE.iter().map(|howto| measure(wanbox, howto)).collect()
}

fn measure(wanbox: &Path, howto: &Howto) -> Result<Row> {
    let lines = Lines::up(wanbox, &vec![howto.rate; howto.lines], howto.mtu)?;
    for (end, router) in [&lines.a, &lines.b].into_iter().enumerate() {
        router.ok(&format!("eqld eql --mtu {}", howto.mtu))?;
        let (here, there) = (end + 1, 2 - end);
        router.netns.ip(&format!(
            "addr add 10.1.0.{here} peer 10.1.0.{there} dev eql"
        ))?;
        router.netns.ip("link set eql up")?;
        for (n, rate) in (1..).zip(&lines.rates) {
            router.ok(&format!("eql_enslave eql wp{n} {rate}"))?;
        }
    }
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        seconds.push(transfer(&lines)?);
    }
    let seconds = median(&mut seconds);
    let total = (howto.rate * howto.lines as u64) as f64;
    let payload = u64::from(howto.mtu) - HEADERS;
    let framed = OCTETS + OCTETS.div_ceil(payload) * (HEADERS + Lines::FRAMING);
    let of_max = OCTETS as f64 * 8.0 / total / seconds * 100.0;
    let of_framed = framed as f64 * 8.0 / total / seconds * 100.0;
    println!(
        "{:6}  {:6} {:4}  {seconds:7.2}  {of_max:8.1}  {of_framed:15.1}   {:14.1}  {:8}",
        howto.lines, howto.rate, howto.mtu, howto.seconds, howto.percent
    );
    Ok(Row {
        what: howto.what,
        wanbox: format!("{seconds:.1} s, {of_framed:.1} % after framing"),
        other: format!("HOWTO {:.1} s", howto.seconds),
        ratio: format!("{:.2}", howto.seconds / seconds),
        wanted: format!("at least {WANTED} %"),
        met: met(of_framed >= WANTED),
    })
}

/// One file, and how long it took until its last octet had arrived, seconds.
fn transfer(lines: &Lines) -> Result<f64> {
    let socat = need::find_tool("socat").ok_or_else(|| Error::new("socat is missing"))?;
    let (here, there) = (lines.a.path("/file"), lines.b.path("/file"));
    let file: Vec<u8> = (0..OCTETS).map(|n| (n ^ (n >> 8)) as u8).collect();
    std::fs::write(&here, &file)?;
    let mut receiver = lines.b.netns.spawn(
        Command::new(&socat)
            .args(["-u", "TCP-LISTEN:9,reuseaddr"])
            .arg(format!("CREATE:{}", there.display()))
            .stdin(Stdio::null()),
    )?;
    // Without the listener's answer over the lines, which would be a packet of the test.
    std::thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    let sent = lines.a.netns.inside(|| {
        finish(
            Command::new(&socat).args([
                "-u",
                &format!("FILE:{}", here.display()),
                "TCP:10.1.0.2:9",
            ]),
            Duration::from_secs(180),
        )
    });
    if let Err(error) = sent.and_then(|finished| finished.ok()) {
        let _ = receiver.kill();
        receiver.wait()?;
        return Err(error);
    }
    let ended = receiver.wait()?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(ended.success(), "the receiver ended with {ended}");
    ensure!(std::fs::read(&there)? == file, "the file arrived damaged");
    Ok(seconds)
}

/// Real-time priority for this thread and what it starts, while this lives.
struct Raised;

impl Raised {
    /// `None` where it is not allowed, or `chrt` is missing.
    fn new() -> Option<Self> {
        Self::set(&["-r", "-p", "10"]).then_some(Self)
    }

    fn set(words: &[&str]) -> bool {
        Command::new("chrt")
            .args(words)
            .arg(std::process::id().to_string())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        Self::set(&["-o", "-p", "0"]);
    }
}
