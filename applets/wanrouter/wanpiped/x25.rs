//! X.25 in the daemon: from the configuration to an engine, its frames on their way to the line,
//! and what commands and the log say of calls.

use std::time::Instant;

use log::Level;
use wanbox_grammar::line::{Kind as LineKind, Xot};
use wanbox_link::lapb::{self, Phase};
use wanbox_link::x25::{Channels as Ranges, Parameters, Range};
use wanbox_link::xot::{Parameters as OverTcp, Permanent};
use wanbox_runtime::event_loop::{Loop, Token};
use wanbox_wanrouter_engine::x25::{
    Accept, Circuit, Config, DownCause, Encapsulation, Pattern, Port, PortConfig, State, X25,
};
use wanbox_wanrouter_engine::{ChannelId, Engine};
use wanbox_wire::lapb::{Modulo, Role};
use wanbox_wire::x25::facility::{Directions, Facility, PacketSize};
use wanbox_wire::x25::{Address, Facilities, FacilityList, Lci};

use super::device::{Device, owner};
use super::link::Link;
use super::status::Group;
use crate::conf::{
    Channels, DeviceConf, InterfaceConf, LapbConf, PacketConf, Usage, X25Channel, X25Circuit,
    X25Conf, X25Encapsulation, X25Station,
};
use crate::control::{CircuitStatus, X25Status};

/// Octets that packets which set up calls may have: no packet size counts for them.
const LONGEST_CALL: usize = 3 + 17 + 1 + 109 + 128;
/// Octets of a packet beside its data, modulo 128.
const PACKET_HEADER: usize = 4;
/// Packets that wait behind LAPB's window where there is no packet layer.
const QUEUE: usize = 16;
/// Frames that are given to a line at once.
const FRAMES: usize = 64;

/// The longest packet that LAPB carries, octets.
pub fn longest_packet(conf: &X25Conf, mtu: u16) -> usize {
    match &conf.packets {
        Some(packets) => LONGEST_CALL.max(usize::from(packets.max_size) + PACKET_HEADER),
        None => mtu.into(),
    }
}

/// The engine of a configuration, without interfaces.
///
/// # Errors
/// What is wrong with it, for people.
pub fn engine(conf: &DeviceConf, link: &X25Conf, now: Instant) -> Result<X25, String> {
    let over_tcp = matches!(
        conf.line.as_ref().map(|line| &line.kind),
        Some(LineKind::Xot(_))
    );
    let role = match link.station {
        // The network is in the line.
        _ if over_tcp => Role::Dte,
        X25Station::Dte => Role::Dte,
        X25Station::Dce => Role::Dce,
    };
    let lapb = || (role, lapb_parameters(link, &link.lapb, conf.mtu));
    let config = Config {
        lapb: (!over_tcp).then(lapb),
        packets: match &link.packets {
            Some(packets) => Some(parameters(role, packets)?),
            None => None,
        },
    };
    X25::new(config, now).map_err(|error| format!("{}: {error}", conf.name))
}

/// The circuits of X.25 over TCP; `None` without a packet layer.
///
/// # Errors
/// What is wrong with the configuration, for people.
pub fn over_tcp(
    device: &str,
    link: &X25Conf,
    ends: &Xot,
    seed: u64,
) -> Result<Option<OverTcp>, String> {
    let Some(packets) = &link.packets else {
        return Ok(None);
    };
    let Parameters {
        channels,
        modulo,
        packet_size,
        window,
        ..
    } = parameters(Role::Dte, packets)?;
    Ok(Some(OverTcp {
        modulo,
        calls: [channels.incoming.clone(), channels.two_way.clone()]
            .into_iter()
            .flatten()
            .collect(),
        highest: channels.highest(),
        permanent: channels.permanent.map(|channels| Permanent {
            channels,
            interface: device.to_owned(),
            remote_interface: ends.interface.clone().unwrap_or_default(),
        }),
        packet_size,
        window,
        has_remote: ends.remote.is_some(),
        seed,
    }))
}

fn modulo(extended: bool) -> Modulo {
    if extended {
        Modulo::OneTwentyEight
    } else {
        Modulo::Eight
    }
}

fn lapb_parameters(link: &X25Conf, conf: &LapbConf, mtu: u16) -> lapb::Parameters {
    lapb::Parameters {
        modulo: modulo(conf.extended),
        t1: conf.t1,
        t2: conf.t2,
        // Silence of T1 is what an answer may take: to ask then is too soon.
        t4: (conf.t4 > 0).then(|| conf.t1 * u32::from(conf.t4.max(2))),
        n1: longest_packet(link, mtu),
        n2: conf.n2.into(),
        k: conf.window,
        // Packets wait in their circuits, so that no circuit can be in the way of another.
        queue: if link.packets.is_some() { 0 } else { QUEUE },
    }
}

fn parameters(role: Role, conf: &PacketConf) -> Result<Parameters, String> {
    let range =
        |channels: Option<Channels>| -> Option<Range> { channels.map(|(low, high)| low..=high) };
    let channels = Ranges {
        permanent: range(conf.permanent),
        incoming: range(conf.incoming),
        two_way: range(conf.two_way),
        outgoing: range(conf.outgoing),
    };
    let modulo = modulo(conf.extended);
    let size = |octets: u16| {
        PacketSize::from_octets(octets.into())
            .ok_or_else(|| format!("{octets} octets are no packet size"))
    };
    Ok(Parameters {
        modulo,
        packet_size: size(conf.size)?,
        packet_size_limit: size(conf.max_size)?,
        window: conf.window,
        window_limit: modulo.highest(),
        // Fast select came in 1984.
        fast_select: conf.year > 1980,
        t20: conf.restart,
        t21: conf.call,
        t22: conf.reset,
        t23: conf.clear,
        t26: Some(conf.interrupt),
        r20: conf.restarts,
        r22: conf.resets,
        r23: conf.clears,
        ..Parameters::new(role, channels)
    })
}

/// The circuit of an interface.
///
/// # Errors
/// What is wrong with it, for people.
pub fn port(channel: &X25Channel, conf: &InterfaceConf, mtu: u16) -> Result<PortConfig, String> {
    let address = |text: &str| -> Result<Address, String> {
        text.parse()
            .map_err(|error| format!("address '{text}': {error}"))
    };
    let pattern = |text: &Option<String>| text.as_deref().map(Pattern::new);
    let raw = conf.usage == Usage::Api;
    Ok(PortConfig {
        circuit: match &channel.circuit {
            X25Circuit::Permanent(number) => Circuit::Permanent(
                Lci::new(*number).ok_or_else(|| format!("{number} is no logical channel"))?,
            ),
            X25Circuit::Switched(called) => Circuit::Switched(address(called)?),
            X25Circuit::Link => Circuit::Link,
        },
        calling: address(&channel.calling)?,
        accept: Accept {
            destination: pattern(&channel.accept.destination),
            source: pattern(&channel.accept.source),
            user_data: pattern(&channel.accept.user_data),
        },
        encapsulation: match channel.encapsulation {
            _ if raw => Encapsulation::Raw,
            X25Encapsulation::Ip => Encapsulation::Ip,
            X25Encapsulation::Snap => Encapsulation::Snap,
            X25Encapsulation::Null => Encapsulation::Null,
        },
        user_data: channel.user_data.clone(),
        facilities: facilities(channel)?,
        idle: channel.idle,
        hold: channel.hold,
        mtu: mtu.into(),
    })
}

/// The facilities of an interface's calls: packet size and window before those given in full, which
/// may end with other networks' after a marker.
fn facilities(channel: &X25Channel) -> Result<FacilityList, String> {
    let mut list = FacilityList::new();
    let both = |size| Directions {
        called: size,
        calling: size,
    };
    let size = channel.packet_size.map(usize::from);
    if let Some(size) = size.and_then(PacketSize::from_octets) {
        list.push(&Facility::PacketSize(both(size)))
            .map_err(|error| error.to_string())?;
    }
    if let Some(window) = channel.window {
        let called = Directions {
            called: window,
            calling: window,
        };
        list.push(&Facility::WindowSize(called))
            .map_err(|error| error.to_string())?;
    }
    let given = Facilities::parse(&channel.facilities).map_err(|error| error.to_string())?;
    list.append(&given, |_| true)
        .map_err(|error| error.to_string())?;
    Ok(list)
}

/// Why the link is not up, in words.
pub fn reason(engine: &X25) -> String {
    let lapb = engine.lapb().map(|link| link.engine());
    let cause = |what: &str| match engine.last_down() {
        Some(DownCause::Lapb(cause)) => format!("{what} ({cause})"),
        _ => what.to_owned(),
    };
    match lapb.map(lapb::Engine::phase) {
        Some(Phase::Disconnected) => cause("LAPB is down; it is set up again after T1"),
        Some(Phase::Setup) => cause("LAPB is being set up"),
        Some(Phase::Disconnecting) => "LAPB is being disconnected".to_owned(),
        Some(Phase::Rejecting) => "LAPB rejected a frame and waits to be set up again".to_owned(),
        Some(Phase::Information) | None => {
            "the packet layer is being restarted, and the other end has not confirmed".to_owned()
        }
    }
}

/// What the link was told, with the keys and words of its file.
pub fn settings(link: &X25Conf, each: &mut dyn FnMut(&str, &str)) {
    each("STATION", link.station.word());
    let mut number = |key: &str, value: u128| each(key, &value.to_string());
    let modulo = |extended| if extended { 128 } else { 8 };
    let lapb = &link.lapb;
    number("LAPB_MODE", modulo(lapb.extended));
    number("HDLCWINDOW", lapb.window.into());
    number("T1", lapb.t1.as_secs().into());
    number("T2", lapb.t2.as_secs().into());
    number("T4", lapb.t4.into());
    number("N2", lapb.n2.into());
    if let Some(packets) = &link.packets {
        let ranges = ["PVC", "INCOMING", "SVC", "OUTGOING"];
        for (word, range) in ranges.into_iter().zip(packets.ranges()) {
            let (low, high) = range.unwrap_or_default();
            number(&format!("LOWEST{word}"), low.into());
            number(&format!("HIGHEST{word}"), high.into());
        }
        number("X25_MODE", modulo(packets.extended));
        number("PACKETWINDOW", packets.window.into());
        number("DEF_PKT_SIZE", packets.size.into());
        number("MAX_PKT_SIZE", packets.max_size.into());
        number("T10_T20", packets.restart.as_secs().into());
        number("T11_T21", packets.call.as_secs().into());
        number("T12_T22", packets.reset.as_secs().into());
        number("T13_T23", packets.clear.as_secs().into());
        number("T16_T26", packets.interrupt.as_secs().into());
        number("R10_R20", packets.restarts.into());
        number("R12_R22", packets.resets.into());
        number("R13_R23", packets.clears.into());
        number("CCITTCOMPAT", packets.year.into());
    }
    let alone = if link.packets.is_none() { "YES" } else { "NO" };
    each("LAPB_HDLC_ONLY", alone);
}

/// The word of a circuit's state.
fn word(state: State) -> &'static str {
    match state {
        State::Idle => "idle",
        State::Calling(_) => "calling",
        State::Up(_) | State::Link => "connected",
    }
}

/// What commands see of an interface's circuit.
pub fn circuit_status(port: &Port, now: Instant) -> CircuitStatus {
    let channel = match (port.state(), port.config().circuit) {
        (State::Up(channel) | State::Calling(channel), _) | (_, Circuit::Permanent(channel)) => {
            Some(channel.get())
        }
        _ => None,
    };
    let remote = match port.config().circuit {
        Circuit::Switched(called) if port.state() == State::Idle => called,
        _ => port.remote(),
    };
    CircuitStatus {
        kind: match port.config().circuit {
            Circuit::Permanent(_) => "PVC",
            Circuit::Switched(_) => "SVC",
            Circuit::Link => "LAPB",
        }
        .to_owned(),
        channel,
        state: word(port.state()).to_owned(),
        remote: (!remote.is_empty()).then(|| remote.to_string()),
        hold_seconds: port
            .hold_until()
            .map(|until| until.saturating_duration_since(now).as_secs())
            .filter(|&seconds| seconds > 0),
    }
}

/// Counters of an interface's circuit.
pub fn circuit_counters(port: &Port) -> [(&'static str, u64); 15] {
    let c = port.counters();
    [
        ("x25_calls_placed", c.calls_placed),
        ("x25_calls_accepted", c.calls_accepted),
        ("x25_calls_failed", c.calls_failed),
        ("x25_cleared", c.cleared),
        ("x25_cleared_idle", c.cleared_idle),
        ("x25_resets", c.resets),
        ("x25_tx_held_down", c.tx_held_down),
        ("x25_tx_no_circuit", c.tx_no_circuit),
        ("x25_tx_too_long", c.tx_too_long),
        ("x25_tx_unsupported", c.tx_unsupported),
        ("x25_tx_waited", c.tx_waited),
        ("x25_rx_too_long", c.rx_too_long),
        ("x25_rx_unknown", c.rx_unknown),
        ("x25_rx_qualified", c.rx_qualified),
        ("x25_rx_interrupts", c.rx_interrupts),
    ]
}

/// Gives the counters of LAPB, the packet layer and what is above them to `group`.
pub fn counters(engine: &X25, group: &mut dyn FnMut(&str, &Group)) {
    let c = engine.counters();
    group(
        "x25",
        &[
            ("calls_refused", c.calls_refused),
            ("unclaimed", c.unclaimed),
            ("rx_without_carrier", c.rx_without_carrier),
            ("lapb_refused", c.lapb_refused),
            ("diagnostics", c.diagnostics),
            ("notes_lost", c.notes_lost),
            ("tx_link_down", c.tx_link_down),
            ("tx_no_channel", c.tx_no_channel),
        ],
    );
    let Some(link) = engine.lapb() else {
        return;
    };
    let c = link.engine().counters();
    let (rx, tx) = (&c.received, &c.sent);
    let lapb = [
        ("rx_i", rx.i),
        ("rx_rr", rx.rr),
        ("rx_rnr", rx.rnr),
        ("rx_rej", rx.rej),
        ("rx_sabm", rx.sabm.wrapping_add(rx.sabme)),
        ("rx_disc", rx.disc),
        ("rx_dm", rx.dm),
        ("rx_ua", rx.ua),
        ("rx_frmr", rx.frmr),
        ("tx_i", tx.i),
        ("tx_rr", tx.rr),
        ("tx_rnr", tx.rnr),
        ("tx_rej", tx.rej),
        ("tx_sabm", tx.sabm.wrapping_add(tx.sabme)),
        ("tx_disc", tx.disc),
        ("tx_dm", tx.dm),
        ("tx_ua", tx.ua),
        ("tx_frmr", tx.frmr),
        ("repeated", c.repeated),
        ("acknowledged", c.acknowledged),
        ("delivered", c.delivered),
        ("wrong_address", link.wrong_address()),
        ("too_short", c.too_short),
        ("undefined", c.undefined),
        ("misdirected", c.misdirected),
        ("with_information", c.with_information),
        ("too_long", c.too_long),
        ("invalid_nr", c.invalid_nr),
        ("duplicates", c.duplicates),
        ("out_of_sequence", c.out_of_sequence),
        ("unsolicited", c.unsolicited),
        ("out_of_phase", c.out_of_phase),
        ("t1_expired", c.t1_expired),
        ("t4_expired", c.t4_expired),
        ("refused_full", c.refused_full),
        ("forgotten", c.forgotten),
        ("ups", c.ups),
        ("resets", c.resets),
        ("downs", c.downs),
    ];
    group("lapb", &lapb.map(|(name, value)| (name, u64::from(value))));
}

/// The sum of frames of a wrong length, and of those of a wrong format.
pub fn errors(engine: &X25) -> (u64, u64) {
    let Some(link) = engine.lapb() else {
        return (0, 0);
    };
    let c = link.engine().counters();
    let length = c.too_short.wrapping_add(c.too_long);
    let format = [
        link.wrong_address(),
        c.undefined,
        c.misdirected,
        c.with_information,
        c.invalid_nr,
    ];
    let format = format.iter().map(|&count| u64::from(count)).sum();
    (length.into(), format)
}

impl Device {
    /// What commands see of LAPB and the packet layer.
    pub fn x25_status(&self) -> Option<X25Status> {
        let Link::X25(engine) = &self.link else {
            return None;
        };
        Some(X25Status {
            lapb: engine.lapb().map(|link| {
                match link.engine().phase() {
                    Phase::Disconnected => "disconnected",
                    Phase::Setup => "set-up",
                    Phase::Information => "information transfer",
                    Phase::Rejecting => "frame rejection",
                    Phase::Disconnecting => "disconnecting",
                }
                .to_owned()
            }),
            packet_layer: engine.layer().map(|layer| layer.link_state().to_string()),
            circuits: engine.layer().map_or(0, |layer| layer.circuits().count()),
            applications: self.x25api.as_ref().map(|api| api.census()),
        })
    }

    /// Carries out what X.25 wants: frames while the line takes them, events, its next deadline.
    /// Frames keep their order, and wait here and not in the line's queue, where T1 would run.
    pub fn pump_x25(&mut self, lp: &mut Loop) {
        loop {
            let now = lp.now();
            let Link::X25(engine) = &mut self.link else {
                return;
            };
            engine.tick(now);
            let mut idle = !self.give_frames(lp);
            while let Some(event) = self.link.poll_event() {
                idle = false;
                self.event(lp, event);
            }
            idle &= !self.tell_x25api(lp);
            self.deliver_made(now);
            if idle {
                break;
            }
        }
        self.finish_delivery(lp.now());
        self.tell_notes(lp.now());
        lp.set_timer_to(Token::new(owner::ENGINE, 0), self.link.poll_timeout());
        self.after_line_use(lp);
    }

    /// Gives the line as many frames as it should have. Whether there were any.
    fn give_frames(&mut self, lp: &mut Loop) -> bool {
        let room = match &self.line {
            Some(line) if self.batch.is_empty() => line.frames_wanted(FRAMES),
            _ => 0,
        };
        let mut count = 0;
        while count < room && self.link.poll_transmit(&mut self.control_frame) {
            self.batch.push(&[], &self.control_frame);
            count += 1;
        }
        if count > 0 {
            self.flush(lp);
        }
        count > 0
    }

    /// The log's lines about calls.
    fn tell_notes(&mut self, now: Instant) {
        let logged = match &self.conf.protocol {
            crate::conf::Protocol::X25(conf) => conf.log_calls,
            _ => false,
        };
        loop {
            let Link::X25(engine) = &mut self.link else {
                return;
            };
            let Some(note) = engine.poll_note() else {
                return;
            };
            let level = if logged || !note.of_calls() {
                Level::Info
            } else {
                Level::Debug
            };
            let port = note.port.map(|ChannelId(channel)| usize::from(channel));
            let interface = port.and_then(|place| self.interfaces.get(place)?.as_ref());
            match interface.map(|interface| interface.conf.name.clone()) {
                Some(name) => self.note(now, level, format_args!("{name}: {note}")),
                None => self.note(now, level, format_args!("{note}")),
            }
        }
    }
}
