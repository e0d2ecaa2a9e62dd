//! The desk under arbitrary requests: for fuzzing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wanbox_link::lapb;
use wanbox_link::ppp::Profile;
use wanbox_link::ppp::auth::Method;
use wanbox_link::x25::{Channels, Parameters};
use wanbox_wanrouter_engine::frame_relay::{
    self, ChannelConfig, CommittedRate, FrameRelay, Signalling, Station,
};
use wanbox_wanrouter_engine::ppp::{self, Ppp};
use wanbox_wanrouter_engine::x25::{self, X25};
use wanbox_wanrouter_engine::{ChannelId, Engine, cisco_hdlc};
use wanbox_wire::lapb::Role;
use wanbox_wire::pipemon::opcode::{self, fr, name};
use wanbox_wire::pipemon::{MAX_MESSAGE, Repr};

use super::*;

/// The DLCIs that requests ask about: the link, three channels, and what there is none of.
const DLCIS: [u16; 8] = [0, 16, 17, 991, 1, 1023, 1024, u16::MAX];
/// The channels.
const CHANNELS: [u16; 3] = [16, 17, 991];

/// The bit of a kind that makes it PPP.
const PPP_KIND: u8 = 0x80;
/// The bit that makes it X.25.
const X25_KIND: u8 = 0x40;

/// What a desk borrows.
struct Office {
    link: Link,
    watch: Watch,
    management: Management,
    line: LineCounters,
    sending: Sending,
    receiving: Receiving,
    refusals: RateLimit,
    opened: Instant,
    /// What monitors ask in.
    protocol: Protocol,
}

impl Office {
    /// A device as the bits of `kind` say, its carrier up.
    fn open(now: Instant, kind: u8) -> Option<Self> {
        let mut link = if kind & PPP_KIND != 0 {
            Link::Ppp(Box::new(ppp_link(now, kind)?))
        } else if kind & X25_KIND != 0 {
            Link::X25(Box::new(x25_link(now, kind)?))
        } else if kind & 1 == 0 {
            Link::FrameRelay(Box::new(frame_relay_link(now, kind)?))
        } else {
            let config = cisco_hdlc::Config {
                ignore_keepalive: kind & 2 != 0,
                streaming: kind & 4 != 0,
                ..Default::default()
            };
            Link::CiscoHdlc(Box::new(CiscoHdlc::new(config, now, 1).ok()?))
        };
        link.carrier(now, true);
        let protocol = match link.protocol() {
            Protocol::Ppp if kind & 0x10 != 0 => Protocol::CiscoHdlc,
            other => other,
        };
        Some(Self {
            protocol,
            watch: Watch::new(protocol, link.framing(), now),
            link,
            management: Management::default(),
            line: LineCounters::default(),
            sending: Sending::default(),
            receiving: Receiving::default(),
            refusals: RateLimit::new(1, Duration::from_secs(60)),
            opened: now,
        })
    }

    fn desk(&mut self) -> Desk<'_> {
        Desk {
            link: &mut self.link,
            watch: &mut self.watch,
            management: &mut self.management,
            line: &mut self.line,
            sending: &mut self.sending,
            receiving: &mut self.receiving,
            refusals: &mut self.refusals,
            device: "wanpipe1",
            facts: Facts {
                protocol: self.protocol,
                baud_rate: 2_048_000,
                internal_clock: true,
                rs232: false,
                mtu: 1500,
            },
            modem: Modem {
                dcd: true,
                cts: true,
            },
            opened: self.opened,
            circuit: CircuitOf::default(),
        }
    }

    /// Requests counted by what became of them.
    fn counted(&self) -> u64 {
        self.management.served + self.management.unknown + self.management.direction
    }

    /// A frame passes the line and what follows from it is done.
    fn frame(&mut self, now: Instant, outgoing: bool, frame: &[u8]) {
        self.watch.frame(now, outgoing, frame);
        if !outgoing {
            self.link.receive(now, frame);
        }
        self.link.handle_timeout(now);
        let mut control = Vec::new();
        while self.link.poll_transmit(&mut control) {
            self.watch.frame(now, true, &control);
        }
        while self.link.poll_event().is_some() {}
    }

    /// One request: its answer is well-formed, fits into a packet, and is counted once.
    fn ask(&mut self, now: Instant, source: Source, request: &Message<'_>) {
        let (protocol, opcode) = (request.protocol(), request.opcode());
        let counted = self.counted();
        let mut data = vec![0xa5; 3];
        let (code, control) = self.desk().answer(now, source, request, &mut data);
        assert_ne!(code, code::UNANSWERED);
        assert!(data.len() <= protocol.max_reply_data());
        assert_eq!(control.protocol(), protocol);
        if source == Source::Network && !allowed_from_network(protocol, opcode) {
            assert_eq!((code, data.len()), (code::NOT_FROM_NETWORK, 0));
        }
        if code == code::OK {
            assert!(name(protocol, opcode).is_some(), "{opcode:02x} is served");
        }
        // The command that clears the driver's statistics clears these, then is counted itself.
        let cleared = code == code::OK
            && match protocol {
                Protocol::FrameRelay => opcode == fr::FLUSH_DRIVER_STATS,
                Protocol::CiscoHdlc => opcode == chdlc::FLUSH_DRIVER_STATS,
                Protocol::Ppp => opcode == opcode::ppp::FLUSH_DRIVER_STATS,
                Protocol::X25 => opcode == opcode::x25::FLUSH_DRIVER_STATS,
            };
        let expected = if cleared { 1 } else { counted + 1 };
        assert_eq!(self.counted(), expected);

        let reply = Repr {
            control,
            ..Repr::reply(request, code, &data)
        };
        let mut octets = vec![0; reply.wire_len()];
        assert!(octets.len() <= MAX_MESSAGE);
        assert_eq!(reply.emit(&mut octets), Ok(octets.len()));
        let again = Message::new_checked(&octets);
        assert_eq!(again.as_ref().map(Repr::parse), Ok(reply));
        let traced = matches!(
            (protocol, opcode),
            (Protocol::FrameRelay, fr::GET_TRACE_INFO)
                | (Protocol::CiscoHdlc, chdlc::GET_TRACE_INFO)
                | (Protocol::Ppp, opcode::ppp::GET_TRACE_INFO)
                | (Protocol::X25, opcode::x25::GET_TRACE_INFO)
        );
        if let (Ok(again), code::OK, true) = (again, code, traced) {
            for element in trace::Frames::of(&again) {
                assert!(element.is_ok(), "{element:?}");
            }
        }
    }
}

fn frame_relay_link(now: Instant, kind: u8) -> Option<FrameRelay> {
    let config = frame_relay::Config {
        station: if kind & 2 == 0 {
            Station::Cpe
        } else {
            Station::Node
        },
        signalling: match kind >> 2 & 7 {
            0 => Signalling::Ansi,
            1 => Signalling::Q933,
            2 => Signalling::Lmi,
            3 => Signalling::None,
            _ => Signalling::Auto,
        },
        nonce: 1,
        ..Default::default()
    };
    let mut link = FrameRelay::new(config).ok()?;
    for (id, dlci) in (0..).zip(CHANNELS) {
        let channel = ChannelConfig {
            committed: (id == 1).then(|| CommittedRate::from_kbits(64, None, Some(32))),
            bridged: id == 2,
            ..ChannelConfig::new(dlci)
        };
        link.add_channel(now, ChannelId(id), channel).ok()?;
    }
    Some(link)
}

fn ppp_link(now: Instant, kind: u8) -> Option<Ppp> {
    let demand = match kind >> 1 & 3 {
        0 => Vec::new(),
        1 => vec![Method::Pap],
        2 => vec![Method::ChapMd5],
        _ => vec![Method::MsChapV2, Method::Pap],
    };
    let profile = Profile {
        demand,
        name: (*b"router").into(),
        hold_down: (kind & 8 == 0).then_some(Duration::from_secs(5)),
        ..Default::default()
    };
    let config = ppp::Config {
        role: ppp::Role::Alone,
        profile: Arc::new(profile),
        mtu: 1500,
    };
    Ppp::new(config, now, 1).ok()
}

fn x25_link(now: Instant, kind: u8) -> Option<X25> {
    let role = if kind & 1 == 0 { Role::Dte } else { Role::Dce };
    let channels = Channels {
        permanent: Some(1..=1),
        two_way: Some(2..=4),
        ..Default::default()
    };
    let packets = Parameters::new(role, channels);
    let config = x25::Config {
        // Over TCP there is none.
        lapb: (kind & 2 == 0).then(|| (role, lapb::Parameters::default())),
        packets: (kind & 4 == 0).then_some(packets),
    };
    X25::new(config, now).ok()
}

/// Any octets drive a device: the first says which, the rest are frames on its line, time, and
/// management requests from both sides. `start` is any moment.
pub fn fuzz_monitor(start: Instant, input: &[u8]) {
    let Some((&kind, mut input)) = input.split_first() else {
        return;
    };
    let Some(mut office) = Office::open(start, kind) else {
        return;
    };
    let mut now = start;
    let mut octets = Vec::new();
    while let Some((&step, rest)) = input.split_first() {
        input = rest;
        if step & 3 == 0 {
            now += Duration::from_millis(u64::from(step >> 2) * 100);
            office.link.handle_timeout(now);
            continue;
        }
        let Some((&[first, length], rest)) = input.split_first_chunk() else {
            break;
        };
        let (part, rest) = rest.split_at(usize::from(length).min(rest.len()));
        input = rest;
        if step & 3 == 1 {
            // `first` makes long frames of short inputs.
            octets.clear();
            octets.extend_from_slice(part);
            octets.resize(part.len() + usize::from(first) * 16, 0);
            office.frame(now, step & 4 != 0, &octets);
            continue;
        }
        let control = match office.protocol {
            // Now and then somebody asks with the wrong monitor.
            _ if step & 0x80 != 0 => Control::empty(Protocol::CiscoHdlc),
            Protocol::CiscoHdlc => Control::empty(Protocol::CiscoHdlc),
            Protocol::Ppp => Control::Ppp,
            Protocol::X25 => Control::lcn(u16::from(step >> 3)),
            Protocol::FrameRelay => {
                let which = usize::from(step >> 3) % DLCIS.len();
                Control::dlci(DLCIS.get(which).copied().unwrap_or_default())
            }
        };
        let source = if step & 4 == 0 {
            Source::Host
        } else {
            Source::Network
        };
        let request = Repr::request(control, step, first, part);
        octets.clear();
        octets.resize(request.wire_len(), 0);
        assert_eq!(request.emit(&mut octets), Ok(octets.len()));
        let message = Message::new_checked(&octets);
        assert!(message.is_ok(), "{message:?}");
        if let Ok(message) = message {
            office.ask(now, source, &message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_steps(input in proptest::collection::vec(any::<u8>(), 0..600)) {
            fuzz_monitor(Instant::now(), &input);
        }

        #[test]
        fn every_command_among_frames(
            kind in any::<u8>(),
            steps in proptest::collection::vec(
                (any::<u8>(), 0_u8..0x80, proptest::collection::vec(any::<u8>(), 0..4)),
                0..60,
            ),
        ) {
            let mut input = vec![kind];
            for (step, opcode, data) in steps {
                input.extend_from_slice(&[step | 2, opcode, data.len() as u8]);
                input.extend_from_slice(&data);
                // A frame: a keepalive or an address of a channel, then zeros.
                // For PPP: requests of LCP and PAP.
                let frame: &[u8] = match (kind & PPP_KIND == 0, step & 1 == 0) {
                    (true, true) => &[0x8f, 0, 0x80, 0x35],
                    (true, false) => &[0x04, 0x01, 3],
                    (false, true) => &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 10, 5, 6, 1, 2, 3, 4],
                    (false, false) => &[0xc0, 0x23, 1, 1, 0, 8, 1, b'a', 1, b'b'],
                };
                input.extend_from_slice(&[1 | step & 4, step, frame.len() as u8]);
                input.extend_from_slice(frame);
            }
            fuzz_monitor(Instant::now(), &input);
        }
    }
}
