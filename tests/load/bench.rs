//! `make bench-l2tp`: wanbox's l2tpns beside Debian's, in the same run: A, B, A, B, and medians.
//!
//! Three network namespaces in a row: the LAC with its subscribers, the LNS, and a host beyond it.
//! The LNS has a processor, everything else the other one. What the kernel would segment late is
//! segmented before the wire, as on a network.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to a person"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use argh::FromArgs;
use serde_json::Value;
use wanbox_rig::error::Context;
use wanbox_rig::netns::veth;
use wanbox_rig::{Error, Netns, Result, TempDir, need, sandbox};

/// Compares wanbox's l2tpns with Debian's.
#[derive(FromArgs)]
struct Options {
    /// the executable of wanbox
    #[argh(positional)]
    wanbox: PathBuf,
    /// times that each is measured (5)
    #[argh(option, default = "5")]
    runs: u32,
    /// sessions (1000)
    #[argh(option, default = "1000")]
    sessions: u32,
    /// seconds of each measurement of traffic (0.4)
    #[argh(option, default = "0.4")]
    traffic: f64,
    /// also hold 100,000 sessions for 60 s, with wanbox alone
    #[argh(switch)]
    many: bool,
}

/// Whose network server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Wanbox,
    Debian,
}

/// One line of the table at the end.
#[derive(tabled::Tabled)]
struct Row {
    what: String,
    wanbox: String,
    debian: String,
    ratio: String,
    wanted: String,
    met: &'static str,
}

fn main() -> ExitCode {
    match sandbox::enter() {
        Ok(None) => {}
        Ok(Some(code)) => return code,
        Err(error) => {
            eprintln!("l2tp-bench: {error}");
            return ExitCode::FAILURE;
        }
    }
    match run(&argh::from_env()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("l2tp-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let wanbox = fs::canonicalize(&options.wanbox)?;
    println!(
        "kernel {}, {} processors",
        fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
        std::thread::available_parallelism()?
    );
    let sessions = options.sessions.to_string();
    let traffic = options.traffic.to_string();
    let words = [
        "--sessions",
        &sessions,
        "--tunnels",
        "4",
        "--outstanding",
        "64",
    ];
    let words = [&words[..], &["--traffic", &traffic]].concat();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 1..=options.runs {
        for whose in [Whose::Wanbox, Whose::Debian] {
            let report = Place::new(whose, &wanbox)?.load(&words)?;
            println!(
                "run {number}, {}: {} of {sessions} sessions, {:.0} a second",
                whose.name(),
                report["up"],
                report["set_ups_per_second"].as_f64().unwrap_or(f64::NAN)
            );
            match whose {
                Whose::Wanbox => ours.push(report),
                Whose::Debian => theirs.push(report),
            }
        }
    }
    let mut rows = compare(&ours, &theirs);
    if options.many {
        rows.push(many(&wanbox)?);
    }
    println!(
        "\n{}",
        tabled::Table::new(rows).with(tabled::settings::Style::psql())
    );
    Ok(())
}

/// A hundred thousand sessions, held for a minute.
fn many(wanbox: &Path) -> Result<Row> {
    let words = ["--sessions", "100000", "--tunnels", "16", "--hold", "60"];
    let report = Place::new(Whose::Wanbox, wanbox)?.load(&words)?;
    let (up, lost) = (report["up"].as_u64(), report["lost"].as_u64());
    Ok(Row {
        what: "100,000 sessions for 60 s".to_owned(),
        wanbox: format!(
            "{} up, {} lost, {:.0} a second, {} octets each",
            report["up"],
            report["lost"],
            report["set_ups_per_second"].as_f64().unwrap_or(f64::NAN),
            memory(&report) as u64 / up.unwrap_or(0).max(1),
        ),
        debian: String::new(),
        ratio: String::new(),
        wanted: "all up, none lost".to_owned(),
        met: met(up == Some(100_000) && lost == Some(0)),
    })
}

/// Octets that the LNS took more with all sessions than before.
fn memory(report: &Value) -> f64 {
    let at = |place: usize| report["resident"][place].as_f64().unwrap_or(f64::NAN);
    (at(1) - at(0)).max(0.0)
}

impl Whose {
    const fn name(self) -> &'static str {
        match self {
            Self::Wanbox => "wanbox",
            Self::Debian => "Debian",
        }
    }
}

/// The networks, and an LNS that runs in the middle one.
struct Place {
    lac: Netns,
    far: Netns,
    _lns: Netns,
    server: Child,
    _files: TempDir,
}

impl Place {
    fn new(whose: Whose, wanbox: &Path) -> Result<Self> {
        let (lac, lns, far) = (Netns::new()?, Netns::new()?, Netns::new()?);
        veth(&lac, "lac0", &lns, "lns0")?;
        veth(&far, "far0", &lns, "lns1")?;
        for (network, words) in [
            (&lac, "addr add 10.9.0.2/24 dev lac0"),
            (&lns, "addr add 10.9.0.1/24 dev lns0"),
            (&lns, "addr add 10.8.0.1/24 dev lns1"),
            (&far, "addr add 10.8.0.2/24 dev far0"),
            (&far, "route add default via 10.8.0.1"),
        ] {
            network.ip(words)?;
        }
        lns.inside(|| Ok(fs::write("/proc/sys/net/ipv4/ip_forward", "1")?))?;
        for (network, name) in [
            (&lac, "lac0"),
            (&lns, "lns0"),
            (&lns, "lns1"),
            (&far, "far0"),
        ] {
            segment_before(network, name)?;
        }
        let files = TempDir::new()?;
        let server = lns.spawn(&mut command(whose, wanbox, files.path())?)?;
        let place = Self {
            lac,
            far,
            _lns: lns,
            server,
            _files: files,
        };
        // Debian's takes some time until it is the master of a cluster of one.
        place.load(&["--sessions", "1", "--tunnels", "1"])?;
        Ok(place)
    }

    /// Runs the load, and reads what it says.
    fn load(&self, words: &[&str]) -> Result<Value> {
        let program = std::env::current_exe()?.with_file_name("l2tp-load");
        let pid = self.server.id().to_string();
        let network = self.far.path();
        let mut command = Command::new(tool("taskset")?);
        command
            .args(["-c", "0"])
            .arg(program)
            .args(["--json", "--lns", "10.9.0.1", "--secret", "s3cret"])
            .args(["--far", "10.8.0.2:9000", "--far-netns", &network])
            .args(["--radius", "10.8.0.2:1812", "--radius-netns", &network])
            .args(["--pid", &pid])
            .args(words);
        let finished = self.lac.finish(&mut command, Duration::from_secs(900))?;
        if finished.code > 1 {
            finished.code(0)?;
            return Err(Error::new("the load did not run"));
        }
        serde_json::from_str(&finished.stdout).context(finished.stderr)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn tool(name: &'static str) -> Result<PathBuf> {
    need::find_tool(name).ok_or_else(|| Error::new(format!("{name} is missing")))
}

/// Cuts super-datagrams before they pass an interface.
fn segment_before(network: &Netns, name: &str) -> Result<()> {
    let mut command = Command::new(tool("ethtool")?);
    command.args(["-K", name, "tx-udp-segmentation", "off"]);
    network
        .finish(&mut command, Duration::from_secs(10))?
        .ok()?;
    Ok(())
}

/// The LNS with its files below a directory, on the second processor.
fn command(whose: Whose, wanbox: &Path, directory: &Path) -> Result<Command> {
    let etc = directory.join("etc/l2tpns");
    fs::create_dir_all(&etc)?;
    let mut config = String::from(
        "set debug 1\n\
         set hostname \"lns\"\n\
         set l2tp_secret \"s3cret\"\n\
         set bind_address 10.9.0.1\n\
         set cli_bind_address 127.0.0.1\n\
         set primary_radius 10.8.0.2\n\
         set radius_secret \"radsec\"\n\
         set radius_authtypes \"pap\"\n\
         set multi_read_count 100\n",
    );
    if whose == Whose::Debian {
        let log = directory.join("log");
        config.push_str(&format!(
            "set log_file \"{}\"\n\
             set cluster_interface \"lns1\"\n\
             set cluster_hb_interval 1\n\
             set cluster_hb_timeout 15\n",
            log.display()
        ));
    }
    for (name, text) in [
        ("startup-config", config.as_str()),
        ("ip_pool", "10.64.0.0/15\n"),
        ("users", ""),
    ] {
        fs::write(etc.join(name), text)?;
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(etc.join(name), fs::Permissions::from_mode(0o600))?;
    }
    let mut command = Command::new(tool("unshare")?);
    command.arg("--mount").arg("--").arg(tool("taskset")?);
    command.args(["-c", "1"]);
    match whose {
        Whose::Wanbox => {
            command
                .arg(wanbox)
                .arg("l2tpns")
                .arg("--root")
                .arg(directory);
        }
        // Its pool has a fixed place.
        Whose::Debian => {
            tool("l2tpns")?;
            command
                .args(["sh", "-c", "mount --bind \"$0\" /etc/l2tpns && exec l2tpns"])
                .arg(&etc);
        }
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(directory.join("errors"))?);
    Ok(command)
}

/// The table: medians of both, and their relation.
fn compare(ours: &[Value], theirs: &[Value]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |what: &str, more_is_better: bool, wanted: f64, of: &dyn Fn(&Value) -> f64| {
        let middle = |reports: &[Value]| median(reports.iter().map(of).collect());
        let (a, b) = (middle(ours), middle(theirs));
        let ratio = a / b;
        let is = if more_is_better {
            ratio >= wanted
        } else {
            ratio <= wanted
        };
        rows.push(Row {
            what: what.to_owned(),
            wanbox: format!("{a:.1}"),
            debian: format!("{b:.1}"),
            ratio: format!("{ratio:.2}"),
            wanted: match (wanted, more_is_better) {
                (0.0, true) => String::new(),
                (wanted, true) => format!("at least {wanted}"),
                (wanted, false) => format!("at most {wanted}"),
            },
            met: met(is),
        });
    };
    let number = |report: &Value, name: &str| report[name].as_f64().unwrap_or(f64::NAN);
    add("set-ups a second", true, 5.0, &|r| {
        number(r, "set_ups_per_second")
    });
    add("processor a set-up, ms", false, 1.0, &|r| {
        number(r, "cpu_ms_per_set_up")
    });
    add("resident with all sessions, MB", false, 0.25, &|r| {
        r["resident"][1].as_f64().unwrap_or(f64::NAN) / 1e6
    });
    let gone = |reports: &[Value]| -> f64 {
        let of = |report| number(report, "lost") + number(report, "failed");
        reports.iter().map(of).sum()
    };
    let measured = ours.first().and_then(|report| report["traffic"].as_array());
    for (place, row) in measured.into_iter().flatten().enumerate() {
        let flows = row["flows"].as_u64().unwrap_or(0);
        let what = |unit: &str| {
            let direction = row["direction"].as_str().unwrap_or("?");
            format!("{flows} flows, {} octets {direction}, {unit}", row["size"])
        };
        let wanted = if flows == 1 { 2.5 } else { 1.0 };
        let of = move |report: &Value, name: &str| {
            report["traffic"][place][name].as_f64().unwrap_or(f64::NAN)
        };
        add(&what("packets/s without loss"), true, wanted, &|r| {
            of(r, "received")
        });
        add(&what("packets/s of a flood"), true, 0.0, &|r| {
            of(r, "flooded")
        });
        add(&what("us of processor a packet"), false, 1.0, &|r| {
            of(r, "cpu")
        });
    }
    let (a, b) = (gone(ours), gone(theirs));
    rows.push(Row {
        what: "sessions failed or lost, all runs".to_owned(),
        wanbox: a.to_string(),
        debian: b.to_string(),
        ratio: String::new(),
        wanted: "none".to_owned(),
        met: met(a == 0.0),
    });
    rows
}

fn met(is: bool) -> &'static str {
    if is { "yes" } else { "NO" }
}

/// The value in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
