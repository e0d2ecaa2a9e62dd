//! Watching the frames of a line: enable, poll, show or write, disable.

mod characters;
mod clock;
mod decode;
mod ppp;
mod show;
#[cfg(test)]
mod tests;
mod x25;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wanbox_runtime::terminal::{Interrupt, Wake};
use wanbox_wire::lapb::{self, Modulo, ethernet};
use wanbox_wire::pcap::{FileHeader, LinkType};
use wanbox_wire::pipemon::trace::{self, Element, Frames, OUTGOING, STATUS, chdlc, fr};
use wanbox_wire::pipemon::{Protocol, code, opcode};

use crate::client::{Client, malformed};
use crate::commands::Command;
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::options::Options;
use crate::request::{Format, Request};
use characters::Characters;
use clock::Clock;
use decode::{Decoded, decode};
use show::Style;

/// How long to wait when no frame was there.
const PAUSE: Duration = Duration::from_millis(20);
/// The pcap file unless told otherwise.
const PCAP_FILE: &str = "wp_trace_pcap.bin";
/// Names of `-prot`.
const PROTOCOLS: [&str; 7] = ["FR", "LAPB", "X25", "PPP", "CHDLC", "ETH", "IP"];
/// IP packets without a link header, of either version (LINKTYPE_RAW).
const LINK_RAW_IP: LinkType = LinkType::Other(101);
/// Ethernet frames (LINKTYPE_ETHERNET).
const LINK_ETHERNET: LinkType = LinkType::Other(1);

/// What `-traceinfo` says.
pub fn help(monitor: Monitor) -> String {
    let name = monitor.name();
    format!(
        "\nTraces: {name} -i <ip-address or interface name> -c t<letters> [option...]\n\n\
         Letters: ti interpreted, tr raw; then nothing for all frames, p for protocol frames\n\
         only, d for data frames only. fpipemon ti4 interprets IPv4 packets in detail.\n\n\
         Interpreted traces show no passwords; raw traces and pcap files have every octet.\n\n\
         \x20 -full            whole frames instead of their first octets\n\
         \x20 -brief           a line a frame; with -hex its octets too\n\
         \x20 -ascii, -ebcdic  the data of packets as characters, dots for what is none (xpipemon)\n\
         \x20 -d <dlci>        only frames of this DLCI (fpipemon)\n\
         \x20 -lcn <lcn>       only packets of this logical channel (xpipemon)\n\
         \x20 -x25opt <which>  only data packets (DATA), or only the others (PROT) (xpipemon)\n\
         \x20 -prot <list>     only frames of FR LAPB X25 PPP CHDLC ETH IP, joined by '-'\n\
         \x20 -systime         time of day instead of milliseconds\n\
         \x20 -pcap            into the file {PCAP_FILE} instead of the screen\n\
         \x20 -pcap_file <f>   into the file <f>; -prot IP or ETH writes bare packets\n\
         \x20 --json           a JSON object a line\n\
         \x20 --count <n>, --seconds <s>   end by itself\n\n\
         ENTER ends a trace.\n\n"
    )
}

/// The options of a trace, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    style: Style,
    channel: Option<u16>,
    /// Data packets of X.25 alone, or the others.
    data: Option<bool>,
    protocols: Option<Vec<&'static str>>,
    pcap: Option<PathBuf>,
    count: Option<u64>,
    seconds: Option<u64>,
    mask: Vec<u8>,
}

impl Settings {
    /// Checks the options of a trace with this command.
    pub fn new(command: Command, request: &Request, options: &Options) -> Result<Self, Failure> {
        let letters = command.letters;
        let protocols = match options.prot.as_deref() {
            None => None,
            Some(list) => Some(
                list.split('-')
                    .map(|word| {
                        PROTOCOLS
                            .into_iter()
                            .find(|name| name.eq_ignore_ascii_case(word))
                            .ok_or_else(|| {
                                Failure::usage(format!(
                                    "ERROR: -prot '{word}' is none of {}",
                                    PROTOCOLS.join(" ")
                                ))
                            })
                    })
                    .collect::<Result<Vec<_>, _>>()?,
            ),
        };
        let pcap = match (&options.pcap_file, options.pcap) {
            (Some(file), _) => Some(PathBuf::from(file)),
            (None, true) => Some(PathBuf::from(PCAP_FILE)),
            (None, false) => None,
        };
        if request.format == Format::Xml {
            return Err(Failure::usage("ERROR: traces have no XML form"));
        }
        let named_ip = protocols.as_ref().is_some_and(|p| p.contains(&"IP"));
        let mask = match (request.monitor.protocol(), letters.get(2..3)) {
            (Protocol::FrameRelay, Some("p")) => fr::ACTIVE | fr::SIGNALLING,
            (Protocol::FrameRelay, Some("d")) => fr::ACTIVE | fr::INFORMATION,
            (Protocol::FrameRelay, _) => fr::ALL,
            (Protocol::CiscoHdlc, Some("p")) => chdlc::SLARP | chdlc::CDP,
            (Protocol::CiscoHdlc, Some("d")) => chdlc::DATA,
            (Protocol::CiscoHdlc, _) => chdlc::ALL,
            (Protocol::Ppp, Some("p")) => trace::ppp::SIGNALLING,
            (Protocol::Ppp, Some("d")) => trace::ppp::DATA,
            (Protocol::Ppp, _) => trace::ppp::ALL,
            (Protocol::X25, Some("p")) => {
                use trace::x25::{ACTIVE, SUPERVISORY, TIMESTAMP, UNNUMBERED};
                ACTIVE | TIMESTAMP | SUPERVISORY | UNNUMBERED
            }
            (Protocol::X25, Some("d")) => {
                trace::x25::ACTIVE | trace::x25::TIMESTAMP | trace::x25::DATA
            }
            (Protocol::X25, _) => trace::x25::ALL,
        };
        let mut mask = vec![mask];
        if request.monitor == Monitor::X25 {
            // When it ends by itself, which it does not.
            mask.push(0);
        }
        let data = match options.x25opt.as_deref() {
            None => None,
            Some(word) if word.eq_ignore_ascii_case("data") => Some(true),
            Some(word) if word.eq_ignore_ascii_case("prot") => Some(false),
            Some(word) => {
                let text = format!("ERROR: -x25opt '{word}' is neither DATA nor PROT");
                return Err(Failure::usage(text));
            }
        };
        let characters = match (options.hex, options.ascii, options.ebcdic) {
            (_, false, false) => None,
            (false, true, false) => Some(Characters::Ascii),
            (false, false, true) => Some(Characters::Ebcdic),
            _ => {
                let text = "ERROR: give one of -hex, -ascii and -ebcdic";
                return Err(Failure::usage(text));
            }
        };
        Ok(Self {
            style: Style {
                interpret: letters.starts_with("ti"),
                ip: letters == "ti4" || named_ip,
                full: options.full,
                brief: options.brief,
                hex: options.hex,
                characters,
                systime: options.systime,
            },
            channel: (request.channel != 0).then_some(request.channel),
            data,
            protocols,
            pcap,
            count: options.count,
            seconds: options.seconds,
            mask,
        })
    }

    /// Whether the frame passes the filters.
    fn wants(&self, monitor: Monitor, decoded: &Decoded<'_>) -> bool {
        let other = self.channel.is_some() && decoded.dlci.or(decoded.lcn) != self.channel;
        let packet = self
            .data
            .is_none_or(|data| decoded.lcn.is_some() && decoded.data == data);
        if other || !packet {
            return false;
        }
        self.protocols.as_ref().is_none_or(|names| {
            names.iter().any(|&name| match name {
                "FR" => monitor == Monitor::FrameRelay,
                "CHDLC" => monitor == Monitor::CiscoHdlc,
                "PPP" => monitor.is_ppp(),
                "IP" => decoded.ip.is_some(),
                "LAPB" => monitor == Monitor::X25,
                "X25" => decoded.lcn.is_some(),
                "ETH" => monitor == Monitor::X25 || decoded.ethernet.is_some(),
                _ => false,
            })
        })
    }

    fn link_type(&self, monitor: Monitor) -> LinkType {
        match (self.protocols.as_deref(), monitor) {
            (Some(["IP"]), _) => LINK_RAW_IP,
            (Some(["ETH"]), _) => LINK_ETHERNET,
            (_, Monitor::FrameRelay) => LinkType::FrameRelay,
            (_, Monitor::CiscoHdlc) => LinkType::CiscoHdlc,
            (_, Monitor::Ppp | Monitor::MultiPpp) => LinkType::PppHdlc,
            (_, Monitor::X25) => LinkType::Lapb,
        }
    }
}

/// Where frames go.
struct Sink<'o> {
    settings: &'o Settings,
    request: &'o Request,
    out: &'o mut dyn Write,
    pcap: Option<Pcap>,
    clock: Clock,
    /// The modulo of LAPB, as it was seen.
    modulo: Modulo,
    shown: u64,
    left_out: u64,
}

struct Pcap {
    path: PathBuf,
    file: BufWriter<File>,
    header: FileHeader,
    record: Vec<u8>,
}

impl Pcap {
    fn create(path: &std::path::Path, link_type: LinkType) -> Result<Self, Failure> {
        let fail = |e: std::io::Error| Failure::failed(format!("Error: {}: {e}", path.display()));
        let header = FileHeader::new(link_type);
        let mut file = BufWriter::new(File::create(path).map_err(fail)?);
        file.write_all(&header.encode()).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            header,
            record: Vec::new(),
        })
    }

    fn write(
        &mut self,
        time: SystemTime,
        head: &[u8],
        frame: &[u8],
        length: usize,
    ) -> Result<(), Failure> {
        self.record.clear();
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.header
            .append_cut(time, head, frame, length, &mut self.record);
        let Self {
            path, file, record, ..
        } = self;
        file.write_all(record)
            .map_err(|e| Failure::failed(format!("Error: {}: {e}", path.display())))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let path = &self.path;
        self.file
            .flush()
            .map_err(|e| Failure::failed(format!("Error: {}: {e}", path.display())))
    }
}

impl Sink<'_> {
    fn is_full(&self) -> bool {
        self.settings.count.is_some_and(|count| self.shown >= count)
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        if self.request.format == Format::Json {
            return Ok(());
        }
        self.out
            .write_all(text.as_bytes())
            .map_err(|e| Failure::output(&e))
    }

    fn take(&mut self, element: &Element<'_>, now: SystemTime) -> Result<(), Failure> {
        let monitor = self.request.monitor;
        let time = match element.date {
            Some(date) => clock::of_date(date, element.timestamp, now),
            None => self.clock.time_of(element.timestamp, now),
        };
        let frame = element.frame().unwrap_or_default();
        if monitor == Monitor::X25 {
            self.modulo = x25::modulo_of(frame).unwrap_or(self.modulo);
        }
        let decoded = decode(monitor, self.modulo, frame);
        if self.is_full() || !self.settings.wants(monitor, &decoded) {
            return Ok(());
        }
        if let Some(pcap) = &mut self.pcap {
            let link_type = self.settings.link_type(monitor);
            let bare = match link_type {
                LINK_RAW_IP => decoded.ip,
                LINK_ETHERNET if monitor != Monitor::X25 => decoded.ethernet,
                _ => Some(frame),
            };
            let mut head = match monitor {
                Monitor::X25 if link_type != LINK_RAW_IP => {
                    lapb::capture_head(element.outgoing(), frame).to_vec()
                }
                _ => Vec::new(),
            };
            // What a long frame lacks was cut on its way here.
            let mut length = bare.map_or(0, <[u8]>::len);
            if monitor == Monitor::X25 && bare == Some(frame) {
                length = element.real_length.into();
            }
            if monitor == Monitor::X25 && link_type == LINK_ETHERNET {
                let rest = head.split_off(1);
                let octets = u16::try_from(rest.len() + length).unwrap_or(u16::MAX);
                // Its last octet says who sent it.
                let source = [2, 0, 0, 0, 0, 1 + u8::from(element.outgoing())];
                head = ethernet::header(source, octets).to_vec();
                head.extend(rest);
            }
            // What was broken on the line, or not kept, is no frame of that link type.
            let sound = element.status & STATUS & !OUTGOING == 0 && !frame.is_empty();
            match bare.filter(|_| sound) {
                Some(octets) => {
                    pcap.write(time, &head, octets, length)?;
                    self.shown += 1;
                }
                None => self.left_out += 1,
            }
            return Ok(());
        }
        self.shown += 1;
        let style = self.settings.style;
        let text = match self.request.format {
            Format::Json => format!("{}\n", show::json(monitor, style, element, time, &decoded)),
            Format::Text | Format::Xml => show::text(style, element, time, &decoded),
        };
        self.out
            .write_all(text.as_bytes())
            .map_err(|e| Failure::output(&e))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match &mut self.pcap {
            Some(pcap) => pcap.flush(),
            None => self.out.flush().map_err(|e| Failure::output(&e)),
        }
    }
}

struct Opcodes {
    enable: u8,
    disable: u8,
    get: u8,
}

fn opcodes(protocol: Protocol) -> Opcodes {
    match protocol {
        Protocol::FrameRelay => Opcodes {
            enable: opcode::fr::ENABLE_TRACING,
            disable: opcode::fr::DISABLE_TRACING,
            get: opcode::fr::GET_TRACE_INFO,
        },
        Protocol::CiscoHdlc => Opcodes {
            enable: opcode::chdlc::ENABLE_TRACING,
            disable: opcode::chdlc::DISABLE_TRACING,
            get: opcode::chdlc::GET_TRACE_INFO,
        },
        Protocol::Ppp => Opcodes {
            enable: opcode::ppp::ENABLE_TRACING,
            disable: opcode::ppp::DISABLE_TRACING,
            get: opcode::ppp::GET_TRACE_INFO,
        },
        Protocol::X25 => Opcodes {
            enable: opcode::x25::TRACE_CONFIGURE,
            disable: opcode::x25::TRACE_CONFIGURE,
            get: opcode::x25::GET_TRACE_INFO,
        },
    }
}

/// Traces until the user, a signal, the count or the time ends it.
pub fn run(
    client: &mut Client,
    request: &Request,
    settings: &Settings,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let bounded = settings.count.is_some() || settings.seconds.is_some();
    let mut interrupt = Interrupt::new(!bounded)
        .map_err(|e| Failure::failed(format!("Error: waiting for ENTER: {e}")))?;
    let opcodes = opcodes(request.monitor.protocol());
    let pcap = match &settings.pcap {
        None => None,
        Some(path) => Some(Pcap::create(path, settings.link_type(request.monitor))?),
    };
    let mut sink = Sink {
        settings,
        request,
        out,
        pcap,
        clock: Clock::default(),
        modulo: Modulo::default(),
        shown: 0,
        left_out: 0,
    };
    // What an earlier trace left over is not wanted.
    let off: &[u8] = match request.monitor {
        Monitor::X25 => &[0, 0],
        _ => &[],
    };
    client.call(opcodes.disable, 0, off)?;
    let answer = client.call(opcodes.enable, 0, &settings.mask)?;
    match answer.code {
        code::OK => sink.say("Starting trace...(Press ENTER to exit)\n")?,
        code::TRACE_STATE => {
            sink.say("Starting trace...(although it's already enabled!)\nPress ENTER to exit.\n")?
        }
        code::FR_INVALID_COMMAND => {
            return Err(Failure::failed(
                "Line Tracing is possible only with S508 board.",
            ));
        }
        code::NOT_FROM_NETWORK => {
            return Err(Failure::failed(
                "Cannot Enable Line Tracing from Underneath.",
            ));
        }
        other => {
            return Err(Failure::failed(format!(
                "Failed to Enable Line Tracing. Return code: 0x{other:02X}"
            )));
        }
    }
    let watched = watch(client, &mut sink, opcodes.get, &mut interrupt);
    let disabled = client.call(opcodes.disable, 0, off);
    let flushed = sink.flush();
    watched?;
    flushed?;
    disabled?;
    if let Some(pcap) = &sink.pcap {
        let left_out = match sink.left_out {
            0 => String::new(),
            n => format!(" ({n} broken or missing frames left out)"),
        };
        let text = format!(
            "{} frames in {}{left_out}\n",
            sink.shown,
            pcap.path.display()
        );
        sink.say(&text)?;
    }
    Ok(())
}

fn watch(
    client: &mut Client,
    sink: &mut Sink<'_>,
    get: u8,
    interrupt: &mut Interrupt,
) -> Result<(), Failure> {
    let end = sink
        .settings
        .seconds
        .and_then(|s| Instant::now().checked_add(Duration::from_secs(s)));
    sink.flush()?;
    while !sink.is_full() {
        let answer = client.call(get, 0, &[])?;
        let more = match answer.code {
            code::OK => {
                let message = answer.message()?;
                let frames = Frames::of(&message);
                let more = frames.more();
                let now = SystemTime::now();
                for element in frames {
                    sink.take(&element.map_err(malformed)?, now)?;
                }
                sink.flush()?;
                more
            }
            code::X25_NO_FRAME if sink.request.monitor == Monitor::X25 => {
                sink.flush()?;
                false
            }
            code::TRACE_STATE | code::X25_NO_TRACE => {
                return Err(Failure::failed("Error: somebody else ended the trace"));
            }
            other => {
                return Err(Failure::failed(format!(
                    "Error: reading the trace: return code 0x{other:02X}"
                )));
            }
        };
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        let pause = if more { Duration::ZERO } else { PAUSE };
        let woken = interrupt
            .wait(left.map_or(pause, |left| left.min(pause)))
            .map_err(|e| Failure::failed(format!("Error: waiting for ENTER: {e}")))?;
        if woken != Wake::Timeout {
            break;
        }
    }
    Ok(())
}

/// Fuzz target: any octets are shown somehow, without control characters but tabs and newlines,
/// and what is found in a frame lies within it.
pub fn fuzz_trace(frame: &[u8]) {
    let element = Element {
        status: OUTGOING,
        real_length: u16::try_from(frame.len()).unwrap_or(u16::MAX),
        timestamp: 1,
        octets: frame,
        fcs: 0,
        lost: 0,
        date: None,
    };
    for (monitor, modulo) in [
        (Monitor::FrameRelay, Modulo::Eight),
        (Monitor::CiscoHdlc, Modulo::Eight),
        (Monitor::Ppp, Modulo::Eight),
        (Monitor::X25, Modulo::Eight),
        (Monitor::X25, Modulo::OneTwentyEight),
    ] {
        let _ = x25::modulo_of(frame);
        let decoded = decode(monitor, modulo, frame);
        assert!(decoded.secret.start <= decoded.secret.end && decoded.secret.end <= frame.len());
        for part in [decoded.ip, decoded.ethernet].into_iter().flatten() {
            assert!(part.len() < frame.len());
        }
        assert!(!decoded.summary.contains(char::is_control));
        assert!(!decoded.summary.is_empty());
        for (brief, characters) in [
            (true, None),
            (false, None),
            (true, Some(Characters::Ascii)),
            (false, Some(Characters::Ebcdic)),
        ] {
            let style = Style {
                interpret: true,
                ip: true,
                full: true,
                brief,
                hex: true,
                characters,
                systime: true,
            };
            let text = show::text(style, &element, UNIX_EPOCH, &decoded);
            assert!(!text.contains(|c: char| c.is_control() && c != '\t' && c != '\n'));
            assert!(show::json(monitor, style, &element, UNIX_EPOCH, &decoded).is_object());
        }
    }
}
