//! `wpkbdmon`: the keyboard's lamps show whether a link is connected and carries data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use argh::{ArgsInfo, FromArgs};
use wanbox_grammar::{Applet, Exit, argv, report, value};
use wanbox_runtime::daemon::{DaemonError, PidFile};
use wanbox_runtime::files::{self, Root};
use wanbox_runtime::netlink::Netlink;
use wanbox_runtime::terminal::{Interrupt, KeyboardLamps, Wake};

const NAME: &str = "wpkbdmon";
/// The interval unless given.
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest text of states that is read, octets.
const MAX_TEXT: u64 = 1 << 20;

/// The applets of this crate.
pub const APPLETS: &[Applet] = &[Applet {
    name: NAME,
    summary: "show the state of a WAN link on the keyboard's lamps",
    page: wanbox_grammar::page!(Args::get_args_info, "man/wpkbdmon.mdoc"),
    run,
}];

/// Show on the lamps of the keyboard whether a link is connected (Num Lock), sends (Caps Lock) and
/// receives (Scroll Lock).
#[derive(FromArgs, ArgsInfo)]
#[argh(help_triggers("-h", "--help"))]
struct Args {
    /// print a line a sample instead: for machines without a keyboard
    #[argh(switch)]
    print: bool,

    /// print a line of JSON a sample instead
    #[argh(switch)]
    json: bool,

    /// end after so many samples
    #[argh(option, arg_name = "n")]
    count: Option<u64>,

    /// the console that has the keyboard (default: /dev/console)
    #[argh(
        option,
        arg_name = "device",
        default = "PathBuf::from(\"/dev/console\")"
    )]
    console: PathBuf,

    /// put this directory before every path but the console's (default: $WANBOX_ROOT)
    #[argh(option, arg_name = "dir")]
    root: Option<PathBuf>,

    /// the device, such as wanpipe1
    #[argh(positional)]
    device: String,

    /// an interface of it
    #[argh(positional)]
    interface: String,

    /// the interval, 1 to 60 seconds (default: 5)
    #[argh(positional)]
    update_interval: Option<String>,
}

/// What the lamps show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lit {
    /// The link is connected.
    connected: bool,
    /// Packets were sent since the last look.
    sending: bool,
    /// Packets were received.
    receiving: bool,
}

/// Packets sent and received.
type Packets = (u64, u64);

impl Lit {
    /// What to show for a link in this state, by the packets of now and of the look before.
    fn of(connected: bool, before: Option<Packets>, now: Packets) -> Self {
        // A counter that starts again has counted nothing yet.
        let moved = |before: u64, now: u64| now != before && now != 0;
        let before = before.unwrap_or(now);
        Self {
            connected,
            sending: connected && moved(before.0, now.0),
            receiving: connected && moved(before.1, now.1),
        }
    }

    fn bits(self) -> u8 {
        u8::from(self.receiving) | u8::from(self.connected) << 1 | u8::from(self.sending) << 2
    }

    fn line(self) -> String {
        let word = |on| if on { "on" } else { "off" };
        format!(
            "link {:<3}  tx {:<3}  rx {}",
            word(self.connected),
            word(self.sending),
            word(self.receiving)
        )
    }
}

/// Where samples go.
enum Display {
    Lamps(KeyboardLamps),
    Text,
    Json,
}

impl Display {
    fn show(&self, args: &Args, lit: Lit, packets: Packets) -> Result<(), String> {
        match self {
            Self::Lamps(lamps) => lamps
                .set(lit.bits())
                .map_err(|error| format!("{}: {error}", args.console.display()))?,
            Self::Text => report::output(&format!("{}\n", lit.line())),
            Self::Json => report::output(&format!(
                "{}\n",
                serde_json::json!({
                    "device": args.device,
                    "interface": args.interface,
                    "connected": lit.connected,
                    "sending": lit.sending,
                    "receiving": lit.receiving,
                    "tx_packets": packets.0,
                    "rx_packets": packets.1,
                })
            )),
        }
        Ok(())
    }
}

fn run(args: &[String]) -> Exit {
    let args: Args = match argv::parse(NAME, args) {
        Ok(args) => args,
        Err(exit) => return exit,
    };
    let interval = match args.update_interval.as_deref().map(interval).transpose() {
        Ok(interval) => interval.unwrap_or(INTERVAL),
        Err(what) => return report::misuse(NAME, what),
    };
    for name in [&args.device, &args.interface] {
        if let Err(what) = value::interface_name(name) {
            return report::misuse(NAME, what);
        }
    }
    match watch(&args, interval) {
        Ok(()) => Exit::DONE,
        Err(Ended::Absent(what)) => {
            report::error(NAME, what);
            Exit::ABSENT
        }
        Err(Ended::Failed(what)) => report::failure(NAME, what),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    value::duration(text, Duration::from_secs(1))
        .ok()
        .filter(|interval| (1_000..=60_000).contains(&interval.as_millis()))
        .ok_or_else(|| format!("'{text}' is no update interval: 1 to 60 seconds"))
}

/// Why it ended before it was told to.
enum Ended {
    Absent(String),
    Failed(String),
}

fn watch(args: &Args, interval: Duration) -> Result<(), Ended> {
    let failed = |error: &dyn std::fmt::Display| Ended::Failed(error.to_string());
    let root = Root::new(args.root.as_deref());
    let run_dir = root.run_dir();
    let status = run_dir.join("net/wanrouter/status");
    let mut netlink = Netlink::open().map_err(|error| failed(&error))?;
    look(&status, &mut netlink, args)?;
    // One keyboard has one set of lamps; what is printed is everybody's own.
    let (display, _only) = if args.json {
        (Display::Json, None)
    } else if args.print {
        (Display::Text, None)
    } else {
        let only = PidFile::claim(&run_dir.join("wpkbdmon.pid")).map_err(|error| match error {
            DaemonError::AlreadyRunning { pid, .. } => Ended::Failed(match pid {
                Some(pid) => format!("process {pid} uses the lamps already"),
                None => "another wpkbdmon uses the lamps already".into(),
            }),
            error => failed(&error),
        })?;
        let lamps = KeyboardLamps::open(&args.console).map_err(|error| {
            Ended::Failed(format!(
                "{}: {error}; --print does without a keyboard",
                args.console.display()
            ))
        })?;
        (Display::Lamps(lamps), Some(only))
    };
    let mut interrupt = Interrupt::signals().map_err(|error| failed(&error))?;
    let mut before = None;
    let mut samples = 0;
    loop {
        let (connected, packets) = look(&status, &mut netlink, args)?;
        let lit = Lit::of(connected, before, packets);
        display.show(args, lit, packets).map_err(Ended::Failed)?;
        before = connected.then_some(packets);
        samples += 1;
        if args.count == Some(samples) {
            return Ok(());
        }
        let wake = interrupt.wait(interval).map_err(|error| failed(&error))?;
        if wake != Wake::Timeout {
            return Ok(());
        }
    }
}

/// The state of the link and the packets of the interface.
fn look(status: &Path, netlink: &mut Netlink, args: &Args) -> Result<(bool, Packets), Ended> {
    let down = || Ended::Absent(format!("{} is not running", args.device));
    let text = match files::read_text(status, MAX_TEXT) {
        Ok(text) => text,
        Err(error) if error.is_absent() => return Err(down()),
        Err(error) => return Err(Ended::Failed(error.to_string())),
    };
    let connected = match state_of(&text, &args.device) {
        None | Some("unconfigured") => return Err(down()),
        Some(state) => state == "connected",
    };
    let link = netlink.link(&args.interface).map_err(|_| {
        let what = format!("{}: no such interface of {}", args.interface, args.device);
        Ended::Absent(what)
    })?;
    Ok((connected, (link.stats.tx_packets, link.stats.rx_packets)))
}

/// The word of a device in the text of states: its row's last column.
fn state_of<'t>(text: &'t str, device: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        // Whole: wanpipe1 is not wanpipe10.
        if columns.next() != Some(device) {
            return None;
        }
        columns.rfind(|column| !column.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lamps_follow_counters() {
        let idle = Lit {
            connected: true,
            ..Lit::default()
        };
        assert_eq!(Lit::of(true, None, (5, 5)), idle);
        assert_eq!(Lit::of(true, Some((5, 5)), (5, 5)), idle);
        assert_eq!(Lit::of(true, Some((5, 5)), (6, 5)).bits(), 0b110);
        assert_eq!(Lit::of(true, Some((5, 5)), (5, 9)).bits(), 0b011);
        // Counters that were cleared, and that have counted again since.
        assert_eq!(Lit::of(true, Some((5, 5)), (0, 3)).bits(), 0b011);
        // Without a link nothing is lit.
        assert_eq!(Lit::of(false, Some((5, 5)), (6, 6)).bits(), 0);
    }

    #[test]
    fn the_state_is_that_of_the_whole_name() {
        let text = "Device name    | protocol | state\n\
                    wanpipe10      | FR     | CPE   |connecting  \n\
                    wanpipe1       | FR     | CPE   |connected   |\n";
        assert_eq!(state_of(text, "wanpipe1"), Some("connected"));
        assert_eq!(state_of(text, "wanpipe10"), Some("connecting"));
        assert_eq!(state_of(text, "wanpipe"), None);
        assert_eq!(state_of("", "wanpipe1"), None);
    }

    #[test]
    fn intervals_have_limits() {
        assert_eq!(interval("1"), Ok(Duration::from_secs(1)));
        assert_eq!(interval("60"), Ok(Duration::from_secs(60)));
        for wrong in ["0", "61", "-1", "x", "", "500ms"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
