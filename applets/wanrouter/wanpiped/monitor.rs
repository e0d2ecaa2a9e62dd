//! The management protocol: what the monitors ask, answered from the daemon's state.

use std::time::Instant;

use wanbox_runtime::logging::RateLimit;
use wanbox_wanrouter_engine::cisco_hdlc::CiscoHdlc;
use wanbox_wire::pipemon::driver::{
    GeneralStatistics, GlobalStatistics, InterruptStatistics, ManagementStatistics, Modem,
    ReceiveStatistics, SendStatistics,
};
use wanbox_wire::pipemon::opcode::{allowed_from_network, chdlc};
use wanbox_wire::pipemon::{Control, Message, Protocol, cisco_hdlc, code, trace};

use super::counters::{LineCounters, Management, Receiving, Sending};
use super::link::Link;
use super::watch::Watch;

mod frame_relay;
mod fuzz;
mod multi_port;
mod ppp;
mod x25;

pub use fuzz::fuzz_monitor;
pub use x25::{CircuitOf, Flushed};

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This host.
    Host,
    /// The far end of the line.
    Network,
}

/// What never changes while a device runs.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The messages in which monitors ask.
    pub protocol: Protocol,
    /// Bits a second, 0 when unpaced.
    pub baud_rate: u32,
    /// Internal clocking.
    pub internal_clock: bool,
    /// RS-232 rather than V.35.
    pub rs232: bool,
    /// The link's MTU, octets.
    pub mtu: u32,
}

/// The parts of a device that a request may read or change.
pub struct Desk<'d> {
    /// The engine.
    pub link: &'d mut Link,
    /// Trace and capture.
    pub watch: &'d mut Watch,
    /// Management counters.
    pub management: &'d mut Management,
    /// Line counters.
    pub line: &'d mut LineCounters,
    /// Counters of the interface that the request came through.
    pub sending: &'d mut Sending,
    /// Its receiving side.
    pub receiving: &'d mut Receiving,
    /// Limits the log lines about refused requests.
    pub refusals: &'d mut RateLimit,
    /// The name of the device.
    pub device: &'d str,
    /// What never changes.
    pub facts: Facts,
    /// The modem lines.
    pub modem: Modem,
    /// When the interface was opened.
    pub opened: Instant,
    /// Who has the circuit of X.25 that the request is about.
    pub circuit: CircuitOf,
}

impl Desk<'_> {
    /// Serves a request: writes the data of the answer to `data` and returns its return code and
    /// control block.
    pub fn answer(
        &mut self,
        now: Instant,
        source: Source,
        request: &Message<'_>,
        data: &mut Vec<u8>,
    ) -> (u8, Control) {
        data.clear();
        let opcode = request.opcode();
        if source == Source::Network && !allowed_from_network(request.protocol(), opcode) {
            self.management.direction += 1;
            if let Some(suppressed) = self.refusals.allow(now) {
                log::warn!(
                    "{}: Warning, Illegal UDP command attempted from network: {opcode:x}{}",
                    self.device,
                    super::suppressed(suppressed),
                );
            }
            return (code::NOT_FROM_NETWORK, request.control());
        }
        let mut control = request.control();
        let code = match request.protocol() {
            // A link is managed in one way only: a trace is packed for one monitor.
            protocol if protocol != self.facts.protocol => code::INVALID_COMMAND,
            Protocol::FrameRelay => self.frame_relay(now, request, &mut control, data),
            Protocol::CiscoHdlc => self.cisco_hdlc(now, request, &mut control, data),
            Protocol::Ppp => self.ppp(now, request, &mut control, data),
            Protocol::X25 => self.x25(now, request, data),
        };
        match code {
            code::FR_INVALID_COMMAND
            | code::CHDLC_INVALID_COMMAND
            | code::X25_INVALID_COMMAND
            | code::INVALID_COMMAND => {
                self.management.unknown += 1;
            }
            _ => self.management.served += 1,
        }
        data.truncate(request.protocol().max_reply_data());
        (code, control)
    }

    fn cisco_hdlc(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        control: &mut Control,
        data: &mut Vec<u8>,
    ) -> u8 {
        match request.opcode() {
            chdlc::READ_GLOBAL_STATISTICS => {
                let statistics = cisco_hdlc::GlobalStatistics::default();
                data.extend_from_slice(&statistics.encode());
            }
            chdlc::FLUSH_GLOBAL_STATISTICS => {}
            chdlc::READ_MODEM_STATUS => data.extend_from_slice(&self.modem.encode()),
            chdlc::READ_COMMS_ERROR_STATS => {
                let (dcd, cts) = match &*self.link {
                    Link::CiscoHdlc(engine) => {
                        (engine.stats().dcd_changes, engine.stats().cts_changes)
                    }
                    _ => (self.line.carrier_drops, 0),
                };
                let errors = cisco_hdlc::LineErrors {
                    tx_aborts: self.line.tx_lost as u16,
                    rx_disabled: self.line.rx_too_long as u16,
                    dcd_changes: dcd as u16,
                    cts_changes: cts as u16,
                    ..Default::default()
                };
                data.extend_from_slice(&errors.encode());
            }
            chdlc::FLUSH_COMMS_ERROR_STATS => {
                self.line.tx_lost = 0;
                self.line.rx_too_long = 0;
                self.line.carrier_drops = 0;
            }
            chdlc::READ_CODE_VERSION => version(data),
            chdlc::READ_CONFIG => {
                let config = match &*self.link {
                    Link::CiscoHdlc(engine) => config(engine, self.facts),
                    Link::Ppp(engine) => multi_port::config(engine, self.facts),
                    Link::FrameRelay(_) | Link::X25(_) => return code::CHDLC_INVALID_COMMAND,
                };
                data.extend_from_slice(&config.encode());
            }
            chdlc::READ_LINK_STATUS => {
                let status = cisco_hdlc::LinkStatus {
                    active: self.link.is_up().into(),
                    frames_waiting: 0,
                    receiver: 0,
                    slarp_state: match &*self.link {
                        Link::CiscoHdlc(engine) => engine.slarp_state().code(),
                        _ => 0,
                    },
                };
                data.extend_from_slice(&status.encode());
            }
            chdlc::READ_OPERATIONAL_STATS => {
                let statistics = match &*self.link {
                    Link::CiscoHdlc(engine) => operational(now, engine),
                    Link::Ppp(engine) => multi_port::operational(
                        now,
                        self.opened,
                        engine,
                        self.sending,
                        self.receiving,
                    ),
                    Link::FrameRelay(_) | Link::X25(_) => return code::CHDLC_INVALID_COMMAND,
                };
                data.extend_from_slice(&statistics.encode());
            }
            chdlc::FLUSH_OPERATIONAL_STATS => match &mut *self.link {
                Link::CiscoHdlc(engine) => engine.flush(now),
                Link::Ppp(engine) => multi_port::flush(now, engine, self.sending, self.receiving),
                Link::FrameRelay(_) | Link::X25(_) => return code::CHDLC_INVALID_COMMAND,
            },
            chdlc::ENABLE_TRACING => {
                let wanted = request.data().first().copied().unwrap_or(trace::chdlc::ALL);
                let wanted = wanted & trace::chdlc::ALL;
                let flags = if wanted == 0 {
                    trace::chdlc::ALL
                } else {
                    wanted
                };
                self.watch.start_trace(now, flags);
            }
            chdlc::DISABLE_TRACING => self.watch.stop_trace(),
            chdlc::GET_TRACE_INFO => match self.watch.take_trace(now, request, data) {
                Some(answer) => *control = answer,
                None => return code::TRACE_STATE,
            },
            chdlc::DRIVER_STAT_IFSEND => data.extend_from_slice(&self.send_statistics().encode()),
            chdlc::DRIVER_STAT_INTR => self.interrupt_statistics().encode(data),
            chdlc::DRIVER_STAT_GEN => self.general_statistics().encode(data),
            chdlc::FLUSH_DRIVER_STATS => self.flush_driver(),
            chdlc::ROUTER_UP_TIME => self.up_time(now, data),
            chdlc::FT1_MONITOR_STATUS_CTRL
            | chdlc::FT1_READ_STATUS
            | chdlc::SET_FT1_MODE
            | chdlc::SET_FT1_CONFIG
            | chdlc::READ_FT1_CONFIG
            | chdlc::READ_FT1_OP_STATS => return code::CHDLC_NO_FT1,
            _ => return code::CHDLC_INVALID_COMMAND,
        }
        code::OK
    }

    fn up_time(&self, now: Instant, data: &mut Vec<u8>) {
        let seconds = now.saturating_duration_since(self.opened).as_secs();
        data.extend_from_slice(&(seconds as u32).to_le_bytes());
    }

    fn send_statistics(&self) -> SendStatistics {
        let sending = &self.sending;
        SendStatistics {
            entries: sending.entries as u32,
            null: sending.empty as u32,
            broadcast: sending.broadcast as u32,
            multicast: sending.multicast as u32,
            busy: self.line.tx_blocked as u32,
            management_requests: sending.management as u32,
            link_down: sending.link_down as u32,
            dlci_down: sending.channel_down as u32,
            queue_full: sending.held as u32,
            passed: sending.packets as u32,
            protocol_errors: sending.refused as u32,
            not_passed: sending.malformed as u32,
            ..Default::default()
        }
    }

    fn global_statistics(&self) -> GlobalStatistics {
        GlobalStatistics {
            entries: self.line.turns as u32,
            receive: self.line.rx_turns as u32,
            transmit: self.line.tx_turns as u32,
            rx_corrupt: self.line.rx_too_long as u32,
            rx_orphaned_dlci: self.orphaned() as u32,
            rx_not_started: self.receiving.not_started as u32,
            tx_not_started: self.line.tx_lost as u32,
            poll_entries: self.line.timers as u32,
            poll_processed: self.line.timers as u32,
            ..Default::default()
        }
    }

    /// Frames for DLCIs that no interface has.
    fn orphaned(&self) -> u64 {
        match &*self.link {
            Link::FrameRelay(engine) => frame_relay::orphaned(engine),
            Link::CiscoHdlc(_) | Link::Ppp(_) | Link::X25(_) => 0,
        }
    }

    fn interrupt_statistics(&self) -> InterruptStatistics {
        InterruptStatistics {
            global: self.global_statistics(),
            receive: ReceiveStatistics {
                no_socket: 0,
                not_started: self.receiving.not_started as u32,
                management_requests: self.receiving.management as u32,
                not_passed: (self.receiving.not_taken + self.receiving.bad_source) as u32,
                passed: self.receiving.packets as u32,
            },
        }
    }

    fn general_statistics(&self) -> GeneralStatistics {
        let management = &self.management;
        GeneralStatistics {
            management: ManagementStatistics {
                direction_errors: management.direction as u32,
                adapter_errors: (management.unknown + management.malformed) as u32,
                commands_ok: management.served as u32,
                send_passed: management.to_line as u32,
                send_failed: management.to_line_failed as u32,
                not_passed: management.to_host_failed as u32,
                passed: management.to_host as u32,
                ..Default::default()
            },
            global: self.global_statistics(),
        }
    }

    fn flush_driver(&mut self) {
        *self.sending = Sending::default();
        *self.receiving = Receiving::default();
        *self.management = Management::default();
        *self.line = LineCounters::default();
    }
}

/// The text that stands for the adapter's code version.
fn version(data: &mut Vec<u8>) {
    data.extend_from_slice(concat!("wanbox ", env!("CARGO_PKG_VERSION")).as_bytes());
}

fn config(engine: &CiscoHdlc, facts: Facts) -> cisco_hdlc::Config {
    let config = engine.config();
    let flag = |on: bool, bit: u16| if on { bit } else { 0 };
    let mut answer = cisco_hdlc::Config {
        baud_rate: facts.baud_rate,
        line_options: flag(facts.rs232, cisco_hdlc::LINE_RS232),
        protocol_options: flag(config.ignore_dcd, cisco_hdlc::option::IGNORE_DCD)
            | flag(config.ignore_cts, cisco_hdlc::option::IGNORE_CTS)
            | flag(
                config.ignore_keepalive,
                cisco_hdlc::option::IGNORE_KEEPALIVE,
            )
            | flag(config.streaming, cisco_hdlc::option::HDLC_STREAMING),
        tx_buffer_percent: 50,
        max_data: config.mtu as u16,
        keepalive_tx_ms: config.keepalive_tx_ms as u16,
        keepalive_rx_ms: config.keepalive_rx_ms as u16,
        keepalive_tolerance: config.keepalive_tolerance as u16,
        slarp_request_ms: config.slarp_request_ms as u16,
        ..Default::default()
    };
    if let Some((address, mask)) = engine.local_address() {
        answer.set_address(address, mask);
    }
    answer
}

fn operational(now: Instant, engine: &CiscoHdlc) -> cisco_hdlc::Operational {
    let stats = engine.stats();
    let elapsed = now.saturating_duration_since(engine.stats_since());
    let per_second = |octets: u64| {
        let milliseconds = elapsed.as_millis().max(1);
        (u128::from(octets) * 8 * 1000 / milliseconds) as u32
    };
    cisco_hdlc::Operational {
        tx_frames: stats.tx_frames as u32,
        tx_octets: stats.tx_octets as u32,
        tx_throughput: per_second(stats.tx_octets),
        tx_ms: elapsed.as_millis() as u32,
        tx_length_discards: stats.tx_too_long as u32,
        rx_frames: stats.rx_frames as u32,
        rx_octets: stats.rx_octets as u32,
        rx_throughput: per_second(stats.rx_octets),
        rx_ms: elapsed.as_millis() as u32,
        rx_short: stats.rx_short as u32,
        rx_long: stats.rx_long as u32,
        rx_inactive: stats.rx_inactive as u32,
        slarp_requests_tx: stats.slarp_requests_tx as u32,
        slarp_requests_rx: stats.slarp_requests_rx as u32,
        slarp_replies_tx: stats.slarp_replies_tx as u32,
        slarp_replies_rx: stats.slarp_replies_rx as u32,
        keepalives_tx: stats.keepalives_tx as u32,
        keepalives_rx: stats.keepalives_rx as u32,
        cdp_tx: 0,
        cdp_rx: stats.cdp_rx as u32,
        rx_incomplete_header: stats.bad_header as u16,
        rx_too_long: stats.bad_length as u16,
        rx_bad_address: stats.bad_address as u16,
        rx_bad_control: stats.bad_control as u16,
        rx_bad_type: stats.bad_type as u16,
        slarp_bad_code: stats.bad_slarp_code as u16,
        slarp_bad_address: stats.reply_bad_address as u16,
        slarp_bad_netmask: stats.reply_bad_mask as u16,
        keepalive_timeouts: stats.keepalive_timeouts as u16,
        slarp_request_timeouts: stats.request_timeouts as u16,
        link_active: stats.link_up as u16,
        link_inactive_modem: stats.down_carrier as u16,
        link_inactive_keepalive: stats.down_keepalive as u16,
        link_looped: stats.looped as u16,
    }
}
