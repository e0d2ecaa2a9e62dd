//! Scripts of what is done, what comes in, and what has to go out.
//!
//! | line | means |
//! |---|---|
//! | `connect`, `open N` (which sends at once), `listen`, `accept`, `send N`, `read N`, `close`, `release`, `abort`, `kick` | calls |
//! | `< FLAGS FROM:TO ack N win N <options> ce` | a segment comes in |
//! | `> FLAGS FROM:TO ack N win N <options>` | the next one to go out; parts left out may be anything |
//! | `nothing` | there is none |
//! | `+SECONDS` | time passes |
//! | `state NAME`, `event NAME`, `gone`, `count NAME N` | how things are |
//!
//! Sequence numbers count from each side's SYN, and TO does not count SYN and FIN. Flags are S, F, R,
//! P, E, W, U and `.` for ACK. Options: `mss N`, `sackOK`, `TS VALUE ECHO`, `wscale N`, `sack A:B ...`
//! with commas between. Text is what its place in the stream makes it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use wanbox_net_tcp::{
    Endpoint, Event, Flow, Id, Incoming, Key, ListenerId, Offload, Options, Parameters, State, Tcp,
};
use wanbox_sim::Clock;
use wanbox_wire::ip::{
    self, SackBlocks, Sum, TcpFlags, TcpOptions, TcpRepr, TcpTimestamps, protocol,
};

use crate::peer::addr;

/// The other side's initial sequence number: near the end, so that numbers wrap.
const PEER_ISS: u32 = 0xffff_ff80;
const FLAGS: &str = "FSRP.UEW";

/// The octet at a place of a stream; places count from 1.
fn octet(place: u32) -> u8 {
    (place % 251) as u8
}

struct Script {
    tcp: Tcp,
    now: Instant,
    flow: Flow,
    id: Option<Id>,
    listener: Option<ListenerId>,
    iss: Option<u32>,
    sent: u32,
    read: u32,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    options: Options,
}

/// Runs a script with these parameters.
pub fn run(parameters: Parameters, script: &str) {
    let now = Clock::new().now();
    let mut runner = Script {
        tcp: Tcp::new(now, Key([1, 2]), parameters),
        // Not at the very start of the clock.
        now: now + Duration::from_secs(1),
        flow: Flow {
            local: Endpoint::new(addr(4), 1000),
            remote: Endpoint::new(addr(5), 2000),
        },
        id: None,
        listener: None,
        iss: None,
        sent: 0,
        read: 0,
        out: VecDeque::new(),
        events: VecDeque::new(),
        options: parameters.options,
    };
    for (number, line) in script.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Err(why) = runner.line(line) {
            let next = runner.out.front().map(|octets| runner.show(octets));
            let view = runner.id.and_then(|id| runner.tcp.view(runner.now, id));
            panic!(
                "line {}, {line}: {why}\nnext: {next:?}\n{view:?}\n{:?}",
                number + 1,
                runner.tcp.counters()
            );
        }
    }
    if let Some(octets) = runner.out.front() {
        panic!("also sent: {}", runner.show(octets));
    }
}

type Outcome = Result<(), String>;

impl Script {
    fn line(&mut self, line: &str) -> Outcome {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u32>().map_err(|e| e.to_string());
        let fail = |error: wanbox_net_tcp::Error| error.to_string();
        match word {
            "connect" => self.line("connect!")?,
            "open" => {
                self.line("connect!")?;
                return self.line(&format!("send {rest}"));
            }
            "connect!" => {
                let Flow { local, remote } = self.flow;
                let id = self.tcp.connect(self.now, local, remote, &self.options, 0);
                self.id = Some(id.map_err(fail)?);
                return Ok(());
            }
            "listen" => {
                let port = self.flow.local.port;
                let id = self.tcp.listen(None, port, 2, &self.options);
                self.listener = Some(id.map_err(fail)?);
            }
            "accept" => {
                let listener = self.listener.ok_or("no server")?;
                self.id = Some(self.tcp.accept(listener).ok_or("nobody to accept")?);
            }
            "send" => {
                let text: Vec<u8> = (0..number()?).map(|at| octet(self.sent + at + 1)).collect();
                let taken = self.tcp.send(self.id()?, &text).map_err(fail)?;
                if taken != text.len() {
                    return Err(format!("only {taken} octets were taken"));
                }
                self.sent += text.len() as u32;
            }
            "read" => {
                let mut text = vec![0; number()? as usize];
                let read = self.tcp.receive(self.id()?, &mut text).map_err(fail)?;
                if read != text.len() {
                    return Err(format!("{read} octets were there"));
                }
                for (at, found) in text.iter().enumerate() {
                    assert_eq!(*found, octet(self.read + at as u32 + 1), "octet {at}");
                }
                self.read += read as u32;
            }
            "close" => self.tcp.close(self.id()?).map_err(fail)?,
            "release" => self.tcp.release(self.now, self.id()?).map_err(fail)?,
            "abort" => self.tcp.abort(self.id()?).map_err(fail)?,
            "kick" => self.tcp.kick(self.now, self.id()?).map_err(fail)?,
            "<" => self.incoming(rest)?,
            ">" => return self.outgoing(rest),
            "nothing" => {
                let next = self.out.front();
                return next.map_or(Ok(()), |octets| {
                    Err(format!("there is {}", self.show(octets)))
                });
            }
            "state" => return self.is_in(rest),
            "gone" => {
                return match self.tcp.len() {
                    0 => Ok(()),
                    count => Err(format!("{count} are there")),
                };
            }
            "event" => return self.event(rest),
            "count" => return self.count(rest),
            _ if line.starts_with('+') => {
                let seconds = line[1..].parse::<f64>().map_err(|e| e.to_string())?;
                self.pass(Duration::from_secs_f64(seconds));
            }
            _ => return Err("not understood".into()),
        }
        self.collect();
        Ok(())
    }

    fn id(&self) -> Result<Id, String> {
        self.id.ok_or_else(|| "no connection".into())
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.tcp.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.tcp.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn collect(&mut self) {
        let mut buffer = [0; 3000];
        while let Some(out) = self
            .tcp
            .poll_transmit(self.now, &mut buffer, Offload::default())
        {
            assert_eq!((out.src, out.dst), (addr(4), addr(5)));
            self.out.push_back(buffer[..out.len].to_vec());
        }
        while let Some(event) = self.tcp.poll_event() {
            self.events.push_back(event);
        }
    }

    fn is_in(&self, name: &str) -> Outcome {
        let found = match self.id {
            Some(id) => self.tcp.view(self.now, id).map(|view| view.state),
            // Not accepted yet.
            None => self.tcp.views(self.now).next().map(|view| view.state),
        };
        match found.map(State::name) {
            Some(found) if found == name => Ok(()),
            found => Err(format!("it is {found:?}")),
        }
    }

    fn event(&mut self, name: &str) -> Outcome {
        while let Some(event) = self.events.pop_front() {
            let shown = format!("{event:?}");
            let found = match event {
                Event::Closed(_, reason) => format!("Closed {}", reason.name()),
                _ => shown.split('(').next().unwrap_or_default().to_owned(),
            };
            if found == name {
                return Ok(());
            }
        }
        Err("it did not happen".into())
    }

    fn count(&self, rest: &str) -> Outcome {
        let shown = format!("{:?} ", self.tcp.counters());
        let (name, value) = rest.split_once(' ').ok_or("a name and a number")?;
        let found = shown
            .split([',', '{', '}'])
            .any(|pair| pair.trim().split_once(": ") == Some((name, value)));
        found.then_some(()).ok_or(shown)
    }

    /// Relative to this side's SYN; before that is known, as it is.
    fn relative(&self, seq: u32) -> u32 {
        seq.wrapping_sub(self.iss.unwrap_or_default())
    }

    fn incoming(&mut self, rest: &str) -> Outcome {
        let parts = Parts::read(rest)?;
        let iss = self.iss.unwrap_or_default();
        let mut options = parts.options;
        if let Some(blocks) = &parts.blocks {
            for (left, right) in blocks {
                options
                    .sack
                    .push(iss.wrapping_add(*left), iss.wrapping_add(*right));
            }
        }
        let options_len = options.octets();
        let mut segment = vec![0; 20 + options_len];
        options
            .emit(&mut segment[20..])
            .map_err(|e| e.to_string())?;
        segment.extend((parts.from..parts.to).map(octet));
        let header = TcpRepr {
            src_port: self.flow.remote.port,
            dst_port: self.flow.local.port,
            seq: PEER_ISS.wrapping_add(parts.from),
            ack: parts.ack.map_or(0, |ack| iss.wrapping_add(ack)),
            flags: parts.flags,
            window: parts.window.unwrap_or(2048),
        };
        let sum = pseudo_header(segment.len());
        header
            .emit(&mut segment, options_len, sum)
            .map_err(|e| e.to_string())?;
        let mut incoming = Incoming::new(addr(5), addr(4));
        incoming.tos = if parts.congested { 3 } else { 0 };
        self.tcp.segment(self.now, &incoming, &segment);
        Ok(())
    }

    fn outgoing(&mut self, rest: &str) -> Outcome {
        let wanted = Parts::read(rest)?;
        let octets = self.out.pop_front().ok_or("nothing was sent")?;
        let segment = ip::Tcp::parse(&octets).map_err(|e| e.to_string())?;
        if !segment.checksum_is_valid(pseudo_header(octets.len())) {
            return Err("a wrong checksum".into());
        }
        if segment.flags().contains(TcpFlags::SYN) {
            self.iss = Some(segment.seq());
        }
        let found = self.parts(&segment)?;
        let shown = || format!("it is {}", self.show(&octets));
        let same = found.flags == wanted.flags
            && (found.from, found.to) == (wanted.from, wanted.to)
            && (wanted.ack.is_none() || found.ack == wanted.ack)
            && (wanted.window.is_none() || found.window == wanted.window)
            && (!wanted.lists_options
                || found.options == wanted.options && found.blocks == wanted.blocks);
        if !same {
            return Err(shown());
        }
        for (place, found) in (found.from..).zip(segment.payload()) {
            // A SYN's own text begins at place 1.
            let place = place.max(1);
            if !segment.flags().contains(TcpFlags::SYN) && *found != octet(place) {
                return Err(format!("octet {place} differs"));
            }
        }
        Ok(())
    }

    fn parts(&self, segment: &ip::Tcp<'_>) -> Result<Parts, String> {
        let mut options = TcpOptions::parse(segment).map_err(|e| e.to_string())?;
        let blocks: Vec<(u32, u32)> = options
            .sack
            .as_slice()
            .iter()
            .map(|(a, b)| (a.wrapping_sub(PEER_ISS), b.wrapping_sub(PEER_ISS)))
            .collect();
        options.sack = SackBlocks::default();
        // The clock's value is nobody's business.
        if let Some(stamps) = &mut options.timestamps {
            stamps.value = 0;
        }
        let from = if segment.flags().contains(TcpFlags::RST) && self.iss.is_none() {
            segment.seq()
        } else {
            self.relative(segment.seq())
        };
        Ok(Parts {
            flags: segment.flags(),
            from,
            to: from.wrapping_add(segment.payload().len() as u32),
            ack: segment
                .flags()
                .contains(TcpFlags::ACK)
                .then(|| segment.ack().wrapping_sub(PEER_ISS)),
            window: Some(segment.window()),
            options,
            blocks: (!blocks.is_empty()).then_some(blocks),
            lists_options: true,
            congested: false,
        })
    }

    fn show(&self, octets: &[u8]) -> String {
        let segment = ip::Tcp::parse(octets).unwrap();
        let parts = self.parts(&segment).unwrap();
        let flags: String = FLAGS
            .chars()
            .enumerate()
            .filter(|(bit, _)| parts.flags.0 & 1 << bit != 0)
            .map(|(_, letter)| letter)
            .collect();
        format!(
            "{flags} {}:{} ack {:?} win {:?} {:?} {:?}",
            parts.from, parts.to, parts.ack, parts.window, parts.options, parts.blocks
        )
    }
}

fn pseudo_header(octets: usize) -> Sum {
    Sum::new()
        .octets(&[44, 128, 4, 4, 44, 128, 4, 5])
        .u16(protocol::TCP.into())
        .u16(octets as u16)
}

/// A segment as a line says it.
struct Parts {
    flags: TcpFlags,
    from: u32,
    to: u32,
    ack: Option<u32>,
    window: Option<u16>,
    options: TcpOptions,
    /// SACK blocks, from the other side's SYN on.
    blocks: Option<Vec<(u32, u32)>>,
    lists_options: bool,
    congested: bool,
}

impl Parts {
    fn read(line: &str) -> Result<Self, String> {
        let (line, options) = match line.split_once('<') {
            Some((line, options)) => (line, Some(options)),
            None => (line, None),
        };
        let congested = line.contains(" ce") || options.is_some_and(|o| o.ends_with(" ce"));
        let mut words = line.split_whitespace();
        let mut flags = 0;
        for letter in words.next().ok_or("no flags")?.chars() {
            let bit = FLAGS.find(letter).ok_or("an unknown flag")?;
            flags |= 1 << bit;
        }
        let (from, to) = range(words.next().ok_or("no sequence numbers")?)?;
        let mut parts = Self {
            flags: TcpFlags(flags),
            from,
            to,
            ack: None,
            window: None,
            options: TcpOptions::default(),
            blocks: None,
            lists_options: options.is_some(),
            congested,
        };
        while let Some(word) = words.next() {
            match word {
                "ack" => parts.ack = Some(number(words.next())?),
                "win" => parts.window = Some(number(words.next())?),
                "ce" => {}
                _ => return Err(format!("{word}?")),
            }
        }
        let options = options.and_then(|o| o.split_once('>')).map_or("", |o| o.0);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            let mut words = option.split_whitespace();
            match words.next() {
                Some("mss") => parts.options.mss = Some(number(words.next())?),
                Some("sackOK") => parts.options.sack_permitted = true,
                Some("wscale") => parts.options.window_scale = Some(number(words.next())?),
                Some("TS") => {
                    parts.options.timestamps = Some(TcpTimestamps {
                        value: number(words.next())?,
                        echo: number(words.next())?,
                    });
                }
                Some("sack") => {
                    parts.blocks = Some(words.map(range).collect::<Result<_, _>>()?);
                }
                _ => return Err(format!("{option}?")),
            }
        }
        Ok(parts)
    }
}

fn number<N: std::str::FromStr>(word: Option<&str>) -> Result<N, String> {
    let word = word.ok_or("no number")?;
    word.parse().map_err(|_| format!("{word} is no number"))
}

fn range(word: &str) -> Result<(u32, u32), String> {
    let (from, to) = word.split_once(':').ok_or("no range")?;
    Ok((number(Some(from))?, number(Some(to))?))
}
