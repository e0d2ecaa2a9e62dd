//! An engine under arbitrary segments, calls and times: for fuzzing.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use wanbox_wire::ip::{TcpFlags, TcpRepr};

use crate::{
    Checksum, Congestion, Endpoint, Event, Id, Incoming, Key, Offload, Options, Parameters, Quote,
    Tcp,
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(44, 128, 4, 4));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(44, 128, 4, 5));

/// What the input still holds.
struct Input<'i>(&'i [u8]);

impl<'i> Input<'i> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn octets(&mut self, most: usize) -> &'i [u8] {
        let (octets, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        octets
    }
}

/// Any octets: the first ones say how the stack is set, the others what happens to it. Nothing panics,
/// memory stays bounded, and it comes to rest.
pub fn fuzz_tcp(start: Instant, input: &[u8]) {
    let mut input = Input(input);
    let Some(kind) = input.octet() else { return };
    let bit = |bit: u8| kind >> bit & 1 != 0;
    let options = Options {
        timestamps: bit(0),
        window_scale: bit(1),
        sack: bit(2),
        nagle: bit(3),
        congestion: if bit(4) {
            Congestion::Cubic
        } else {
            Congestion::NewReno
        },
        ecn: bit(5),
        window: if bit(1) { 100_000 } else { 5000 },
        keepalive: bit(6).then_some(Duration::from_secs(30)),
        ..Options::default()
    };
    let parameters = Parameters {
        options,
        connections: 8,
        buffers: 1 << 16,
        trace: bit(7),
        ..Parameters::default()
    };
    let mut run = Run {
        tcp: Tcp::new(start, Key([1, 2]), parameters),
        now: start,
        ids: Vec::new(),
        last: TcpRepr {
            src_port: 23,
            dst_port: 23,
            seq: 0,
            ack: 0,
            flags: TcpFlags(0),
            window: 4000,
        },
        options,
    };
    let _ = run.tcp.listen(None, 23, 2, &options);
    while let Some(step) = input.octet() {
        run.step(step, &mut input);
        run.settle();
    }
}

struct Run {
    tcp: Tcp,
    now: Instant,
    ids: Vec<Id>,
    /// The last segment that was sent: what comes in is made to fit it, or nearly.
    last: TcpRepr,
    options: Options,
}

impl Run {
    fn step(&mut self, step: u8, input: &mut Input<'_>) {
        let number = input.octet().unwrap_or_default();
        let id = self
            .ids
            .get(usize::from(number) % self.ids.len().max(1))
            .copied()
            .unwrap_or(Id::from_number(number.into()));
        match step % 16 {
            0 => {
                let local = Endpoint::new(HERE, 0);
                let remote = Endpoint::new(THERE, 23);
                let opened = self.tcp.connect(self.now, local, remote, &self.options, 0);
                self.ids.extend(opened);
            }
            1 => {
                let _ = self.tcp.send(id, input.octets(number.into()));
            }
            2 => {
                let mut octets = [0; 300];
                let end = usize::from(number);
                let _ = self.tcp.receive(id, &mut octets[..end]);
            }
            3 => drop(self.tcp.close(id)),
            4 => drop(self.tcp.release(self.now, id)),
            5 => drop(self.tcp.abort(id)),
            6 => drop(self.tcp.kick(self.now, id)),
            7 => {
                self.now += Duration::from_millis(u64::from(number) * u64::from(number));
                self.tcp.handle_timeout(self.now);
            }
            8 => {
                // Anything at all.
                let incoming = Incoming::new(THERE, HERE);
                let octets = input.octets(number.into());
                self.tcp.segment(self.now, &incoming, octets);
            }
            9 => {
                let quote = Quote {
                    src: HERE,
                    dst: THERE,
                    octets: &self.quoted(),
                };
                match number % 3 {
                    0 => self.tcp.unreachable(&quote, number > 128),
                    1 => self.tcp.source_quench(&quote),
                    _ => self.tcp.too_big(self.now, &quote, u16::from(number) * 6),
                }
            }
            _ => self.fitting(number, input),
        }
    }

    fn quoted(&self) -> [u8; 8] {
        let mut octets = [0; 8];
        octets[..2].copy_from_slice(&self.last.src_port.to_be_bytes());
        octets[2..4].copy_from_slice(&self.last.dst_port.to_be_bytes());
        octets[4..].copy_from_slice(&self.last.seq.to_be_bytes());
        octets
    }

    /// A segment that may well be acceptable.
    fn fitting(&mut self, number: u8, input: &mut Input<'_>) {
        let offset = |octet: Option<u8>| i32::from(octet.unwrap_or_default() as i8) as u32;
        let header = TcpRepr {
            src_port: self.last.dst_port,
            dst_port: self.last.src_port,
            seq: self.last.ack.wrapping_add(offset(input.octet())),
            ack: self.last.seq.wrapping_add(offset(input.octet())),
            flags: TcpFlags(number),
            window: u16::from(input.octet().unwrap_or_default()) * 16,
        };
        let words = usize::from(input.octet().unwrap_or_default() % 11);
        let options = input.octets(words * 4);
        let text = input.octet().unwrap_or_default();
        let mut octets = vec![0; 20 + words * 4];
        octets[20..20 + options.len()].copy_from_slice(options);
        octets.extend_from_slice(input.octets(text.into()));
        if header.emit_with(&mut octets, words * 4, 0).is_ok() {
            let mut incoming = Incoming::new(THERE, HERE);
            incoming.checksum_is_valid = true;
            incoming.tos = number & 3;
            self.tcp.segment(self.now, &incoming, &octets);
        }
    }

    /// Sends and tells everything, and checks what always holds.
    fn settle(&mut self) {
        let mut buffer = [0; 700];
        let offload = Offload {
            checksum: Checksum::Full,
            segmentation: self.ids.len() % 2 == 1,
        };
        let mut sent = 0;
        while let Some(out) = self.tcp.poll_transmit(self.now, &mut buffer, offload) {
            let octets = buffer.get(..out.len).unwrap_or_default();
            let parsed = wanbox_wire::ip::Tcp::parse(octets);
            assert!(parsed.is_ok(), "a malformed segment");
            if let Ok(tcp) = parsed {
                self.last = TcpRepr::parse(&tcp);
                assert_eq!(tcp.header().len(), out.header_len);
            }
            sent += 1;
            assert!(sent < 10_000, "it sends without end");
        }
        while let Some(event) = self.tcp.poll_event() {
            if let Event::Incoming(server) = event {
                while let Some(id) = self.tcp.accept(server) {
                    self.ids.push(id);
                }
            }
        }
        self.ids.retain(|id| self.tcp.view(self.now, *id).is_some());
        if let Some(at) = self.tcp.poll_timeout()
            && at <= self.now
        {
            self.tcp.handle_timeout(self.now);
            let again = self.tcp.poll_timeout();
            assert!(again.is_none_or(|at| at > self.now), "time stands still");
        }
        assert!(self.tcp.len() <= 8, "too many connections");
        assert!(self.tcp.memory() < 1 << 18, "too much memory");
    }
}
