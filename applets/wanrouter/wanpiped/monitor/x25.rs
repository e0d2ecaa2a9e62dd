//! The commands of X.25 links.

use std::time::{Duration, Instant};

use wanbox_link::lapb::{Counters as Lapb, Link as Lap};
use wanbox_link::x25::{CallState, Packets, Range, ResetState, Status, Traffic};
use wanbox_wanrouter_engine::x25::X25;
use wanbox_wire::lapb::Role;
use wanbox_wire::pipemon::opcode::x25 as op;
use wanbox_wire::pipemon::x25::{
    CHANNEL_PEER_BUSY, CHANNEL_PERMANENT, CHANNEL_RESETTING, Channel, Config, LINE_V35, LineErrors,
    LinkStatistics, LinkStatus, PacketStatistics, STATION_DCE, STATION_DTE, pair,
};
use wanbox_wire::pipemon::{Message, Text, code, trace};
use wanbox_wire::x25::Lci;

use super::{Desk, Facts, version};
use crate::wanpiped::link::Link;

/// What monitors flushed: it is taken off what the engines count, which never begin anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flushed {
    link: LinkStatistics,
    packets: PacketStatistics,
}

/// The octets of counters of 16 bits, counted from `flushed` on.
fn since<const N: usize>(counters: [u8; N], flushed: [u8; N]) -> [u8; N] {
    let mut since = counters;
    let (pairs, _) = since.as_chunks_mut::<2>();
    let (flushed, _) = flushed.as_chunks::<2>();
    for (counter, flushed) in pairs.iter_mut().zip(flushed) {
        let step = u16::from_le_bytes(*counter).wrapping_sub(u16::from_le_bytes(*flushed));
        *counter = step.to_le_bytes();
    }
    since
}

impl Desk<'_> {
    pub(super) fn x25(&mut self, now: Instant, request: &Message<'_>, data: &mut Vec<u8>) -> u8 {
        let Link::X25(engine) = &*self.link else {
            return code::X25_INVALID_COMMAND;
        };
        match request.opcode() {
            op::READ_CONFIG => data.extend_from_slice(&config(engine, self.facts).encode()),
            op::READ_CODE_VERSION => version(data),
            op::READ_MODEM_STATUS => data.extend_from_slice(&self.modem.encode()),
            op::HDLC_LINK_STATUS => {
                data.extend_from_slice(&link_status(engine).encode());
                let connected = match engine.lapb() {
                    Some(link) => link.engine().is_up(),
                    None => engine.link_up(),
                };
                return if connected {
                    code::X25_CONNECTED
                } else {
                    code::OK
                };
            }
            op::HDLC_READ_STATS => {
                let flushed = self.watch.flushed.link.encode();
                data.extend_from_slice(&since(link_statistics(engine).encode(), flushed));
            }
            op::HDLC_FLUSH_STATS => self.watch.flushed.link = link_statistics(engine),
            op::HDLC_READ_COMM_ERR => {
                let errors = LineErrors {
                    rx_halted: self.line.rx_too_long as u8,
                    tx_aborts: self.line.tx_lost as u8,
                    dcd_changes: self.line.carrier_drops as u8,
                    ..Default::default()
                };
                data.extend_from_slice(&errors.encode());
            }
            op::HDLC_FLUSH_COMM_ERR => {
                self.line.rx_too_long = 0;
                self.line.tx_lost = 0;
                self.line.carrier_drops = 0;
            }
            op::READ_STATISTICS => {
                let flushed = self.watch.flushed.packets.encode();
                data.extend_from_slice(&since(packets(engine).encode(), flushed));
            }
            op::FLUSH_STATISTICS => self.watch.flushed.packets = packets(engine),
            op::GET_ACTIVE_CHANNELS => {
                // As many as a reply holds; whoever wants more asks for those behind.
                let limit = request.protocol().max_reply_data() / 2;
                let circuits = engine
                    .layer()
                    .into_iter()
                    .flat_map(|layer| layer.circuits());
                let behind = circuits.filter(|lci| lci.get() > request.channel());
                for lci in behind.take(limit) {
                    data.extend_from_slice(&lci.get().to_le_bytes());
                }
            }
            op::READ_CHANNEL_CONFIG => {
                let status = Lci::new(request.channel())
                    .zip(engine.layer())
                    .and_then(|(lci, layer)| layer.status(lci));
                let Some(status) = status else {
                    return code::X25_BAD_LCN;
                };
                data.extend_from_slice(&channel(&status, &self.circuit).encode());
            }
            op::TRACE_CONFIGURE => match request.data().first().copied().unwrap_or(0) {
                0 => self.watch.stop_trace(),
                flags => {
                    let kinds = match flags & trace::x25::KINDS {
                        0 => trace::x25::EVERY,
                        kinds => kinds,
                    };
                    self.watch.start_trace(now, kinds);
                }
            },
            op::GET_TRACE_INFO => match self.watch.take_x25(now, data) {
                false => return code::X25_NO_TRACE,
                true if data.is_empty() => return code::X25_NO_FRAME,
                true => {}
            },
            op::DRIVER_STAT_IFSEND => data.extend_from_slice(&self.send_statistics().encode()),
            op::DRIVER_STAT_INTR => self.interrupt_statistics().encode(data),
            op::DRIVER_STAT_GEN => self.general_statistics().encode(data),
            op::FLUSH_DRIVER_STATS => self.flush_driver(),
            op::ROUTER_UP_TIME => self.up_time(now, data),
            // There is no such unit.
            op::FT1_STATUS_CTRL | op::FT1_READ_STATUS | op::SET_FT1_MODE => return code::FAILED,
            _ => return code::X25_INVALID_COMMAND,
        }
        code::OK
    }
}

/// Who has a circuit, as monitors see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CircuitOf {
    /// The interface, or that it is an application.
    pub owner: String,
    /// The address of the other end.
    pub peer: String,
}

fn role(engine: &X25) -> Role {
    match (engine.lapb(), engine.layer()) {
        (Some(link), _) => link.role(),
        (None, Some(layer)) => layer.parameters().role,
        (None, None) => Role::Dte,
    }
}

fn link_status(engine: &X25) -> LinkStatus {
    let link = engine.lapb().map(Lap::engine);
    let supervisory = link.map_or(0, |link| {
        let counters = link.counters();
        [counters.received, counters.sent]
            .map(|frames| frames.rr.wrapping_add(frames.rnr).wrapping_add(frames.rej))
            .into_iter()
            .fold(0, u32::wrapping_add)
    });
    let waiting = link.map_or(0, |link| link.waiting());
    LinkStatus {
        tx_queued: u8::try_from(waiting).unwrap_or(u8::MAX),
        // The host takes what comes, or LAPB is told that it is busy.
        rx_queued: 0,
        station: match role(engine) {
            Role::Dte => STATION_DTE,
            Role::Dce => STATION_DCE,
        },
        supervisory: supervisory as u8,
    }
}

fn link_statistics(engine: &X25) -> LinkStatistics {
    let Some(link) = engine.lapb() else {
        return LinkStatistics::default();
    };
    let c: &Lapb = link.engine().counters();
    let discarded = [
        c.too_short,
        c.undefined,
        c.misdirected,
        c.with_information,
        c.invalid_nr,
        c.while_busy,
        c.unsolicited,
        c.doubled_setups,
        c.out_of_phase,
    ];
    LinkStatistics {
        rx_ok: c.delivered as u16,
        rx_out_of_sequence: c.out_of_sequence.wrapping_add(c.duplicates) as u16,
        // They are as good as others here.
        rx_no_data: 0,
        rx_discarded: discarded.into_iter().fold(0, u32::wrapping_add) as u16,
        rx_too_long: c.too_long as u16,
        rx_bad_address: link.wrong_address() as u16,
        tx_acknowledged: c.acknowledged as u16,
        tx_repeated: c.repeated as u16,
        t1_timeouts: c.t1_expired as u16,
        rx_sabm: c.received.sabm.wrapping_add(c.received.sabme) as u16,
        rx_disc: c.received.disc as u16,
        rx_dm: c.received.dm as u16,
        rx_frmr: c.received.frmr as u16,
        tx_sabm: c.sent.sabm.wrapping_add(c.sent.sabme) as u16,
        tx_disc: c.sent.disc as u16,
        tx_dm: c.sent.dm as u16,
        tx_frmr: c.sent.frmr as u16,
    }
}

fn packets(engine: &X25) -> PacketStatistics {
    let traffic = engine.layer().map(|layer| layer.counters().traffic);
    let Traffic { received, sent } = traffic.unwrap_or_default();
    let both = |of: fn(&Packets) -> u32| pair(of(&sent), of(&received));
    PacketStatistics {
        restart: both(|p| p.restart),
        restart_confirmation: both(|p| p.restart_confirmation),
        reset: both(|p| p.reset),
        reset_confirmation: both(|p| p.reset_confirmation),
        call: both(|p| p.call),
        accepted: both(|p| p.accepted),
        clear: both(|p| p.clear),
        clear_confirmation: both(|p| p.clear_confirmation),
        diagnostic: both(|p| p.diagnostic),
        registration: both(|p| p.registration),
        registration_confirmation: both(|p| p.registration_confirmation),
        interrupt: both(|p| p.interrupt),
        interrupt_confirmation: both(|p| p.interrupt_confirmation),
        data: both(|p| p.data),
        rr: both(|p| p.rr),
        rnr: both(|p| p.rnr),
    }
}

/// In seconds; part of one is one.
fn seconds(time: Duration) -> u8 {
    let up = u64::from(time.subsec_nanos() != 0);
    u8::try_from(time.as_secs() + up).unwrap_or(u8::MAX)
}

fn config(engine: &X25, facts: Facts) -> Config {
    let mut config = Config {
        auto_modem: 1,
        auto_link: 1,
        line_options: if facts.rs232 { 0 } else { LINE_V35 },
        station: match role(engine) {
            Role::Dte => STATION_DTE,
            // As drivers write it here.
            Role::Dce => 0,
        },
        level: 1988,
        response: 1,
        ..Default::default()
    };
    if let Some(link) = engine.lapb() {
        let p = link.engine().parameters();
        config.t1 = seconds(p.t1);
        config.t2 = seconds(p.t2);
        config.n2 = u8::try_from(p.n2).unwrap_or(u8::MAX);
        config.window = p.k;
        config.mtu = u16::try_from(p.n1).unwrap_or(u16::MAX);
        let times = |t4: Duration| t4.as_millis().div_ceil(p.t1.as_millis().max(1));
        config.t4 = u8::try_from(p.t4.map_or(0, times)).unwrap_or(u8::MAX);
    }
    if let Some(layer) = engine.layer() {
        let p = layer.parameters();
        let of = |range: &Option<Range>| match range {
            Some(range) => (*range.start(), *range.end()),
            None => (0, 0),
        };
        config.packet_window = p.window;
        config.default_packet = p.packet_size.octets() as u16;
        config.max_packet = p.packet_size_limit.octets() as u16;
        (config.pvc_low, config.pvc_high) = of(&p.channels.permanent);
        (config.incoming_low, config.incoming_high) = of(&p.channels.incoming);
        (config.two_way_low, config.two_way_high) = of(&p.channels.two_way);
        (config.outgoing_low, config.outgoing_high) = of(&p.channels.outgoing);
        config.t10 = seconds(p.t20);
        config.t11 = seconds(p.t21);
        config.t12 = seconds(p.t22);
        config.t13 = seconds(p.t23);
        config.t16 = p.t26.map_or(0, seconds);
        config.r10 = p.r20;
        config.r12 = p.r22;
        config.r13 = p.r23;
    }
    config
}

fn channel(status: &Status, circuit: &CircuitOf) -> Channel {
    let bit = |set, bit: u8| if set { bit } else { 0 };
    let call = match status.call {
        CallState::P1 => 1,
        CallState::P2 => 2,
        CallState::P3 => 3,
        CallState::P4 => 4,
        CallState::P5 => 5,
        CallState::P6 => 6,
        CallState::P7 => 7,
    };
    let (sent, received) = (&status.traffic.sent, &status.traffic.received);
    let text = |text: &str| {
        let mut octets = [0; 16];
        for (place, octet) in octets.iter_mut().zip(text.bytes()) {
            *place = octet;
        }
        Text(octets)
    };
    Channel {
        state: call
            | bit(status.permanent, CHANNEL_PERMANENT)
            | bit(status.reset != ResetState::D1, CHANNEL_RESETTING)
            | bit(status.peer_busy, CHANNEL_PEER_BUSY),
        size_code: Channel::size_code_of(status.flow.send_size.log2()),
        tx_size: status.flow.send_size.log2(),
        rx_size: status.flow.receive_size.log2(),
        tx_window: status.flow.send_window,
        rx_window: status.flow.receive_window,
        outstanding: status.outstanding,
        tx_packets: sent.data,
        tx_octets: sent.octets as u32,
        rx_packets: received.data,
        rx_octets: received.octets as u32,
        resets: sent.reset.wrapping_add(received.reset) as u16,
        waiting: u32::try_from(status.waiting).unwrap_or(u32::MAX),
        owner: text(&circuit.owner),
        peer: text(&circuit.peer),
    }
}

#[cfg(test)]
mod tests {
    use wanbox_link::lapb;
    use wanbox_link::x25::{Channels, Parameters};
    use wanbox_wanrouter_engine::Engine;
    use wanbox_wanrouter_engine::x25::Config as Device;

    use super::*;

    fn end(role: Role, now: Instant) -> X25 {
        let channels = Channels {
            permanent: Some(1..=2),
            two_way: Some(10..=20),
            ..Default::default()
        };
        let device = Device {
            lapb: Some((role, lapb::Parameters::default())),
            packets: Some(Parameters::new(role, channels)),
        };
        let mut end = X25::new(device, now).unwrap();
        end.carrier(now, true);
        end
    }

    #[test]
    fn what_two_ends_say_agrees() {
        let now = Instant::now();
        let (mut a, mut b) = (end(Role::Dte, now), end(Role::Dce, now));
        let mut frame = Vec::new();
        loop {
            let mut silent = true;
            while a.poll_transmit(&mut frame) {
                b.receive(now, &frame);
                silent = false;
            }
            while b.poll_transmit(&mut frame) {
                a.receive(now, &frame);
                silent = false;
            }
            if silent {
                break;
            }
        }
        assert!(a.link_up() && b.link_up());
        let status = (link_status(&a), link_status(&b));
        assert_eq!(
            (status.0.station, status.1.station),
            (STATION_DTE, STATION_DCE)
        );
        let (ours, theirs) = (link_statistics(&a), link_statistics(&b));
        assert_eq!(ours.tx_sabm, theirs.rx_sabm);
        assert!(ours.tx_sabm + theirs.tx_sabm > 0);
        assert_eq!(ours.rx_ok, theirs.tx_acknowledged);
        let (ours, theirs) = (packets(&a), packets(&b));
        assert_ne!(ours.restart, [0; 4]);
        let [a0, a1, b0, b1] = theirs.restart;
        assert_eq!(ours.restart, [b0, b1, a0, a1]);

        let facts = Facts {
            protocol: wanbox_wire::pipemon::Protocol::X25,
            baud_rate: 64_000,
            internal_clock: false,
            rs232: false,
            mtu: 1500,
        };
        let config = config(&a, facts);
        assert_eq!(
            (config.t1, config.n2, config.window, config.mtu),
            (3, 10, 7, 1027)
        );
        assert_eq!((config.pvc_low, config.pvc_high), (1, 2));
        assert_eq!((config.two_way_low, config.two_way_high), (10, 20));
        assert_eq!((config.incoming_low, config.outgoing_high), (0, 0));
        assert_eq!((config.station, config.level, config.t10), (1, 1988, 30));

        let layer = a.layer().unwrap();
        let status = layer.status(Lci::new(1).unwrap()).unwrap();
        let circuit = CircuitOf {
            owner: "wp1_a_name_that_is_long".into(),
            peer: "123".into(),
        };
        let seen = channel(&status, &circuit);
        assert_eq!(seen.state & 7, 4);
        assert_ne!(seen.state & CHANNEL_PERMANENT, 0);
        assert_eq!((seen.tx_size, seen.tx_window), (7, 2));
        assert_eq!(seen.owner.octets(), b"wp1_a_name_that_");
        assert_eq!(seen.peer.octets(), b"123");
    }

    #[test]
    fn what_was_flushed_is_taken_off_also_when_counters_wrap() {
        assert_eq!(since([5, 0, 2, 1], [3, 0, 3, 0]), [2, 0, 255, 0]);
        assert_eq!(since([1, 0], [0xff, 0xff]), [2, 0]);
    }
}
