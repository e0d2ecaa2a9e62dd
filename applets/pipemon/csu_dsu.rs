//! The on-board CSU/DSU (FT1 unit) of adapters that have one: its lamps, tests and settings.

use std::io::Write;
use std::time::{Duration, Instant};

use wanbox_runtime::terminal::{Interrupt, Wake};
use wanbox_wire::pipemon::cisco_hdlc::Ft1Config;
use wanbox_wire::pipemon::opcode::{chdlc, fr, ppp, x25};
use wanbox_wire::pipemon::{Protocol, code};

use crate::client::{Client, malformed};
use crate::failure::Failure;
use crate::monitor::Monitor;

const SAMPLE: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_secs(1);
const STEPS: u32 = 10;
const REMOTE_WAIT: u32 = 10;
const ABSENT: &str = "This command is only possible with S508/FT1 board!";

/// What the unit is watched for: control values of the monitor command.
const WATCH_OFF: u8 = 0x00;
const WATCH_STATUS: u8 = 0x01;
const WATCH_STATISTICS: u8 = 0x02;
const FLUSH_STATISTICS: u8 = 0x04;

/// The colour of a lamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lamp {
    Off,
    Red,
    Green,
    Orange,
}

impl Lamp {
    /// From the two bits of a status octet that are clear while the red, the green part is lit.
    fn of(octet: u8, not_red: u8, not_green: u8) -> Self {
        match (octet & not_red == 0, octet & not_green == 0) {
            (false, false) => Self::Off,
            (true, false) => Self::Red,
            (false, true) => Self::Green,
            (true, true) => Self::Orange,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Off => ' ',
            Self::Red => 'R',
            Self::Green => 'G',
            Self::Orange => 'O',
        }
    }
}

/// The lamps, as the two ports show them. LL and DL have a red, TxD and RxD a green part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lamps {
    ins: Lamp,
    err: Lamp,
    txd: Lamp,
    rxd: Lamp,
    st: Lamp,
    dl: Lamp,
    ll: Lamp,
    rt: Lamp,
}

impl Lamps {
    fn decode(a: u8, b: u8) -> Self {
        const NONE: u8 = 0;
        // A part that does not exist is never lit.
        let red = |octet: u8, bit| {
            if octet & bit == 0 {
                Lamp::Red
            } else {
                Lamp::Off
            }
        };
        let green = |octet: u8, bit| {
            if octet & bit == NONE {
                Lamp::Green
            } else {
                Lamp::Off
            }
        };
        Self {
            ins: Lamp::of(b, 0x10, 0x20),
            err: Lamp::of(b, 0x08, 0x04),
            txd: green(b, 0x02),
            rxd: green(b, 0x01),
            st: Lamp::of(b, 0x80, 0x40),
            dl: red(a, 0x08),
            ll: red(a, 0x04),
            rt: Lamp::of(a, 0x01, 0x02),
        }
    }

    fn in_test(&self) -> bool {
        [self.st, self.dl, self.ll, self.rt]
            .into_iter()
            .any(|lamp| lamp != Lamp::Off)
    }

    fn mode(&self) -> &'static str {
        if self.st != Lamp::Off {
            "Self Test"
        } else if self.dl != Lamp::Off {
            "Digital Loop"
        } else if self.ll != Lamp::Off {
            "Local Loop"
        } else if self.rt != Lamp::Off {
            "Remote Test"
        } else {
            "In-service"
        }
    }

    fn line(&self) -> String {
        let mut line = String::from("|");
        for lamp in [
            self.ins, self.err, self.txd, self.rxd, self.st, self.dl, self.ll, self.rt,
        ] {
            line.push_str(&format!("  {}  |", lamp.letter()));
        }
        format!("{line}  Current mode: {:<12}", self.mode())
    }
}

/// The commands that every protocol has, by their numbers. The others are Cisco HDLC's.
#[derive(Clone, Copy)]
struct Opcodes {
    watch: u8,
    lamps: u8,
    step: u8,
}

impl Opcodes {
    fn of(protocol: Protocol) -> Self {
        let (watch, lamps, step) = match protocol {
            Protocol::FrameRelay => (fr::FT1_STATUS_CTRL, fr::FT1_READ_STATUS, fr::SET_FT1_MODE),
            Protocol::CiscoHdlc => (
                chdlc::FT1_MONITOR_STATUS_CTRL,
                chdlc::FT1_READ_STATUS,
                chdlc::SET_FT1_MODE,
            ),
            Protocol::Ppp => (
                ppp::FT1_MONITOR_STATUS_CTRL,
                ppp::FT1_READ_STATUS,
                ppp::SET_FT1_MODE,
            ),
            Protocol::X25 => (
                x25::FT1_STATUS_CTRL,
                x25::FT1_READ_STATUS,
                x25::SET_FT1_MODE,
            ),
        };
        Self { watch, lamps, step }
    }
}

/// The unit behind a connection, and the terminal in front of it.
struct Unit<'u> {
    client: &'u mut Client,
    opcodes: Opcodes,
    out: &'u mut dyn Write,
    interrupt: Interrupt,
    last_step: Option<Instant>,
}

/// Runs a `T` command. `words` are the settings of Tset.
pub fn run(
    client: &mut Client,
    monitor: Monitor,
    interface: &str,
    letters: &str,
    words: &[String],
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let settings = match letters {
        "Tset" => Some(settings(words)?),
        _ => None,
    };
    let interrupt = Interrupt::new(false)
        .map_err(|e| Failure::failed(format!("Error: waiting for ENTER: {e}")))?;
    let mut unit = Unit {
        client,
        opcodes: Opcodes::of(monitor.protocol()),
        out,
        interrupt,
        last_step: None,
    };
    if let Some(settings) = settings {
        return unit.configure(&settings);
    }
    match letters {
        "Tread" => return unit.read_config(interface),
        "Tf" => return unit.watch(FLUSH_STATISTICS),
        "Tp" => {
            unit.watch(WATCH_STATISTICS)?;
            let done = unit.statistics();
            unit.watch(WATCH_OFF)?;
            return done;
        }
        _ => {}
    }
    unit.watch(WATCH_STATUS)?;
    let done = match letters {
        "Tv" => unit.view(),
        "Ts" => unit.self_test(),
        "Td" => unit.loop_test("digital loop", |lamps| lamps.dl == Lamp::Red),
        "Tl" => unit.loop_test("line loop", |lamps| lamps.ll == Lamp::Red),
        "Tr" => unit.remote_test(),
        _ => unit.operational(),
    };
    unit.watch(WATCH_OFF)?;
    done
}

impl Unit<'_> {
    fn command(&mut self, opcode: u8, data: &[u8]) -> Result<(u8, Vec<u8>), Failure> {
        let answer = self.client.call(opcode, 0, data)?;
        if answer.code == code::NOT_FROM_NETWORK {
            return Err(Failure::failed(
                "Error: This command is not allowed from the far end",
            ));
        }
        Ok((answer.code, answer.data().to_vec()))
    }

    fn watch(&mut self, what: u8) -> Result<(), Failure> {
        match self.command(self.opcodes.watch, &[what])? {
            (code::OK, _) => Ok(()),
            _ => Err(Failure::failed(ABSENT)),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush())
            .map_err(|e| Failure::output(&e))
    }

    /// Waits; `true` when the user wants to end.
    fn pause(&mut self, time: Duration) -> Result<bool, Failure> {
        self.interrupt
            .wait(time)
            .map(|wake| wake != Wake::Timeout)
            .map_err(|e| Failure::failed(format!("Error: waiting: {e}")))
    }

    fn lamps(&mut self) -> Result<Lamps, Failure> {
        match self.command(self.opcodes.lamps, &[])? {
            (code::OK, data) => match *data.as_slice() {
                [a, b, ..] => Ok(Lamps::decode(a, b)),
                _ => Err(Failure::failed("Error: malformed answer: CSU/DSU status")),
            },
            _ => Err(Failure::failed(ABSENT)),
        }
    }

    /// Looks at the lamps until they are as wanted, up to `samples` times.
    fn wait_for(&mut self, samples: u32, wanted: impl Fn(&Lamps) -> bool) -> Result<bool, Failure> {
        for _ in 0..samples {
            if wanted(&self.lamps()?) {
                return Ok(true);
            }
            if self.pause(SAMPLE)? {
                return Err(Failure::failed("Interrupted"));
            }
        }
        Ok(false)
    }

    /// Steps through the modes until the lamps are as wanted.
    fn enter(&mut self, wanted: impl Fn(&Lamps) -> bool) -> Result<(), Failure> {
        for _ in 0..STEPS {
            self.step()?;
            if self.wait_for(20, &wanted)? {
                return Ok(());
            }
        }
        Err(Failure::failed("Failed"))
    }

    /// One mode further, at most once a second; the unit may need to be told several times.
    fn step(&mut self) -> Result<(), Failure> {
        for _ in 0..STEPS {
            let wait = self
                .last_step
                .map_or(Duration::ZERO, |last| STEP.saturating_sub(last.elapsed()));
            if self.pause(wait)? {
                return Err(Failure::failed("Interrupted"));
            }
            self.last_step = Some(Instant::now());
            if self.command(self.opcodes.step, &[])?.0 == code::OK {
                return Ok(());
            }
        }
        Err(Failure::failed("Failed"))
    }

    fn operational(&mut self) -> Result<(), Failure> {
        self.say("Setting the CSU/DSU to operational mode... ")?;
        for _ in 0..=STEPS {
            // In service is what shows no test lamp in twenty looks.
            if !self.wait_for(20, Lamps::in_test)? {
                return self.say("Done\n");
            }
            self.step()?;
        }
        Err(Failure::failed("Failed"))
    }

    fn self_test(&mut self) -> Result<(), Failure> {
        self.say("Starting the self test... ")?;
        self.enter(|lamps| lamps.st == Lamp::Red)?;
        let passed = self.wait_for(120, |lamps| lamps.st == Lamp::Green)?;
        self.say(if passed {
            "Self Test passed\n"
        } else {
            "Self Test failed\n"
        })?;
        self.operational()?;
        verdict(passed)
    }

    fn loop_test(&mut self, mode: &str, wanted: impl Fn(&Lamps) -> bool) -> Result<(), Failure> {
        self.say(&format!("Setting the CSU/DSU to {mode} mode... "))?;
        self.enter(wanted)?;
        self.say(&format!(
            "Done\nIMPORTANT: This FT1 device is in the {mode} mode and is not in service.\n"
        ))
    }

    fn remote_test(&mut self) -> Result<(), Failure> {
        let solid = !self.wait_for(20, |lamps| lamps.rt != Lamp::Green)?;
        if solid {
            return Err(Failure::failed("The remote end runs a remote test"));
        }
        self.say("Starting the remote test")?;
        self.enter(|lamps| lamps.rt == Lamp::Red)?;
        for _ in 0..REMOTE_WAIT {
            self.say(".")?;
            if self.pause(STEP)? {
                return Err(Failure::failed("Interrupted"));
            }
        }
        let passed = self.wait_for(40, |lamps| lamps.rt == Lamp::Green)?
            && self.wait_for(40, |lamps| lamps.rt == Lamp::Off)?;
        self.say(if passed {
            "\nRemote Test passed\n"
        } else {
            "\nRemote Test failed\n"
        })?;
        self.operational()?;
        verdict(passed)
    }

    fn view(&mut self) -> Result<(), Failure> {
        self.say(
            "R red, G green, O orange; ENTER ends\n\n   INS   ERR   TxD   RxD    ST    DL    LL    RT\n",
        )?;
        loop {
            let line = self.lamps()?.line();
            self.say(&format!("\r{line}"))?;
            if self.pause(SAMPLE)? {
                return self.say("\n");
            }
        }
    }

    fn statistics(&mut self) -> Result<(), Failure> {
        self.say("   TIME    ES   BES   SES   UAS  LOFC    ESF\n")?;
        loop {
            if let (code::OK, data) = self.command(chdlc::READ_FT1_OP_STATS, &[])? {
                let text: String = String::from_utf8_lossy(&data)
                    .chars()
                    .filter(|&c| !c.is_control() || c == '\n')
                    .collect();
                self.say(&text)?;
            }
            if self.pause(SAMPLE)? {
                return self.say("\n");
            }
        }
    }

    fn configure(&mut self, settings: &Ft1Config) -> Result<(), Failure> {
        match self.command(chdlc::SET_FT1_CONFIG, &settings.encode())? {
            (code::OK, _) => self.say("CSU/DSU Configuration Successfull!\n"),
            (code::CHDLC_NO_FT1, _) => Err(Failure::failed(ABSENT)),
            _ => Err(Failure::failed("Error: Command failed!")),
        }
    }

    fn read_config(&mut self, interface: &str) -> Result<(), Failure> {
        let (code, data) = self.command(chdlc::READ_FT1_CONFIG, &[])?;
        match code {
            code::OK => {}
            code::CHDLC_NO_FT1 => return Err(Failure::failed(ABSENT)),
            _ => return Err(Failure::failed("Error: Command failed!")),
        }
        let c = Ft1Config::decode(&data).map_err(malformed)?;
        let framing = if c.framing == 0 { "ESF" } else { "D4" };
        let encoding = if c.encoding == 0 { "B8ZS" } else { "AMI" };
        let clock = if c.clock == 0 { "NORMAL" } else { "MASTER" };
        let line = usize::from(c.line_build_out);
        let line = LINE_BUILD_OUT.get(line).copied().unwrap_or("unknown");
        self.say(&format!(
            "CSU/DSU {interface} Configuration:\n\tFraming\t\t{framing}\n\tEncoding\t{encoding}\n\
             \tLine Build\t{line}\n\tChannel Base\t{}\n\tBaud Rate\t{}\n\tClock Mode\t{clock}\n",
            c.channel_base, c.kbps
        ))
    }
}

const LINE_BUILD_OUT: [&str; 8] = [
    "CSU 0 dB, DSX 0-133 ft",
    "DSX 133-266 ft",
    "DSX 266-399 ft",
    "DSX 399-533 ft",
    "DSX 533-655 ft",
    "-7.5 dB",
    "-15 dB",
    "-22.5 dB",
];

fn verdict(passed: bool) -> Result<(), Failure> {
    // The text said it already.
    if passed {
        Ok(())
    } else {
        Err(Failure::failed(""))
    }
}

/// Checks the settings of Tset: framing, encoding, line build-out, channel, kbit/s, clock.
fn settings(words: &[String]) -> Result<Ft1Config, Failure> {
    let wrong = |what: &str| {
        Failure::usage(format!(
            "ERROR: Tset: {what}\n\
             Tset <framing 0-1> <encoding 0-1> <linebuild 0-7> <channel 0-24> <kbps> <clock 0-1>"
        ))
    };
    let numbers: Vec<u16> = words
        .iter()
        .map(|word| {
            word.parse()
                .map_err(|_| wrong(&format!("'{word}' is no number")))
        })
        .collect::<Result<_, _>>()?;
    let &[framing, encoding, line_build_out, channel_base, kbps, clock] = numbers.as_slice() else {
        return Err(wrong(&format!(
            "six settings are needed, {} given",
            words.len()
        )));
    };
    let most = if encoding == 0 { 1536 } else { 1344 };
    let unit = most / 24;
    for (name, value, limit) in [
        ("framing", framing, 1),
        ("encoding", encoding, 1),
        ("line build-out", line_build_out, 7),
        ("channel", channel_base, 24),
        ("kbps", kbps, most),
        ("clock", clock, 1),
    ] {
        if value > limit {
            return Err(wrong(&format!("{name} {value} is more than {limit}")));
        }
    }
    if kbps < unit || kbps % unit != 0 {
        return Err(wrong(&format!("kbps {kbps} is no multiple of {unit}")));
    }
    Ok(Ft1Config {
        framing,
        encoding,
        line_build_out,
        channel_base,
        kbps,
        clock,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn settings_are_checked() {
        let good = settings(&words("0 0 0 1 1536 1")).unwrap();
        assert_eq!((good.kbps, good.clock), (1536, 1));
        assert!(settings(&words("0 1 0 1 1344 0")).is_ok());
        for (bad, why) in [
            ("0 1 0 1 1400 0", "kbps 1400 is more than 1344"),
            ("0 0 0 1 100 0", "multiple of 64"),
            ("0 0 0 1 0 0", "multiple of 64"),
            ("0 0 8 1 64 0", "line build-out 8"),
            ("0 0 0 25 64 0", "channel 25"),
            ("0 0 0 1 64", "five"),
            ("0 0 0 1 x 0", "'x'"),
        ] {
            let text = settings(&words(bad)).unwrap_err().text;
            assert!(text.contains(why) || why == "five", "{bad}: {text}");
        }
    }

    #[test]
    fn lamps_are_lit_while_their_bits_are_clear() {
        let dark = Lamps::decode(0xFF, 0xFF);
        assert!(!dark.in_test());
        assert_eq!(dark.mode(), "In-service");
        let service = Lamps::decode(0xFF, !(0x20 | 0x01));
        assert_eq!((service.ins, service.rxd), (Lamp::Green, Lamp::Green));
        let test = Lamps::decode(0xFF, !0x80);
        assert_eq!((test.st, test.mode()), (Lamp::Red, "Self Test"));
        let looped = Lamps::decode(!0x04, 0xFF);
        assert_eq!((looped.ll, looped.mode()), (Lamp::Red, "Local Loop"));
        assert_eq!(Lamps::decode(!0x03, 0xFF).rt, Lamp::Orange);
        assert!(service.line().starts_with("|  G  |     |     |  G  |"));
    }
}
