//! The commands of Frame Relay links.

use std::time::Instant;

use wanbox_wanrouter_engine::ChannelId;
use wanbox_wanrouter_engine::frame_relay::{
    ChannelConfig, ChannelStats, FrameRelay, Signalling, Station,
};
use wanbox_wire::pipemon::frame_relay::{
    DlciConfig, DlciStatistics, LineErrors, LinkConfig, LinkStatistics, LinkStatus, Notifications,
    PvcStatus, encode_active_dlcis, option, port, pvc,
};
use wanbox_wire::pipemon::opcode::fr;
use wanbox_wire::pipemon::{Control, Message, Protocol, code, trace};

use super::{Desk, Facts, version};
use crate::wanpiped::link::Link;

/// The most data of a reply, octets.
const LIMIT: usize = Protocol::FrameRelay.max_reply_data();
/// The data of `FLUSH_STATISTICS` that means the link's own counters.
const FLUSH_GLOBAL: u8 = 1;
/// The CIR that is reported where none is configured, kbit/s, as the adapters did.
const CIR_OFF: u16 = 16;
/// The bit of [`DlciConfig::flags`] that says so.
const FLAG_CIR_OFF: u16 = 1;

impl Desk<'_> {
    pub(super) fn frame_relay(
        &mut self,
        now: Instant,
        request: &Message<'_>,
        control: &mut Control,
        data: &mut Vec<u8>,
    ) -> u8 {
        let Link::FrameRelay(engine) = &mut *self.link else {
            return code::FR_INVALID_COMMAND;
        };
        let dlci = request.channel();
        match request.opcode() {
            fr::ISSUE_IS_FRAME => {
                let asked = match request.data().first() {
                    Some(2) => engine.enquire_now(now, false),
                    Some(3) => engine.enquire_now(now, true),
                    _ => return code::FR_INVALID_COMMAND,
                };
                if !asked {
                    return code::CHANNEL_INOPERATIVE;
                }
            }
            fr::READ_CONFIG if dlci == 0 => {
                data.extend_from_slice(&link_config(engine, self.facts).encode());
            }
            fr::READ_CONFIG => match channel(engine, dlci).and_then(|id| engine.channel_config(id))
            {
                Some(config) => data.extend_from_slice(&dlci_config(config).encode()),
                None => return code::DLCI_INVALID,
            },
            fr::READ_STATUS => {
                let pvcs = engine
                    .pvc_list()
                    .map(|(dlci, status)| PvcStatus { dlci, status });
                LinkStatus::encode(engine.link_up(), pvcs, LIMIT, data);
            }
            fr::READ_STATISTICS if dlci == 0 => {
                data.extend_from_slice(&link_statistics(engine).encode());
            }
            fr::READ_STATISTICS => match stats(engine, dlci) {
                Some(stats) => {
                    data.extend_from_slice(&dlci_statistics(now, stats).encode_strict());
                }
                None => return code::DLCI_INVALID,
            },
            fr::FLUSH_STATISTICS if dlci == 0 => {
                if request.data().first() != Some(&FLUSH_GLOBAL) {
                    return code::NOT_FLUSHED;
                }
                engine.flush_link_stats();
            }
            fr::FLUSH_STATISTICS => match channel(engine, dlci) {
                Some(id) => {
                    engine.flush_channel_stats(now, id);
                }
                None => return code::DLCI_INVALID,
            },
            fr::LIST_ACTIVE_DLCI => {
                let active = engine
                    .pvc_list()
                    .filter(|(_, status)| status & pvc::ACTIVE != 0)
                    .map(|(dlci, _)| dlci);
                encode_active_dlcis(active, LIMIT, data);
            }
            fr::READ_ADD_DLC_STATS => match stats(engine, dlci) {
                Some(stats) => {
                    let notifications = Notifications {
                        fecn: stats.rx_fecn as u16,
                        becn: stats.rx_becn as u16,
                    };
                    data.extend_from_slice(&notifications.encode());
                }
                None => return code::DLCI_INVALID,
            },
            fr::READ_MODEM_STATUS => data.extend_from_slice(&self.modem.encode()),
            fr::READ_ERROR_STATS => {
                let errors = LineErrors {
                    rx_disabled: self.line.rx_too_long as u8,
                    tx_aborts: self.line.tx_lost as u8,
                    tx_aborts_copy: self.line.tx_lost as u8,
                    dcd_drops: self.line.carrier_drops as u8,
                    cts_drops: self.line.carrier_drops as u8,
                    ..Default::default()
                };
                data.extend_from_slice(&errors.encode());
            }
            fr::FLUSH_ERROR_STATS => {
                self.line.rx_too_long = 0;
                self.line.tx_lost = 0;
                self.line.carrier_drops = 0;
            }
            fr::READ_CODE_VERSION => version(data),
            fr::ENABLE_TRACING => {
                let wanted = request.data().first().copied().unwrap_or(trace::fr::ALL);
                let wanted = wanted & (trace::fr::SIGNALLING | trace::fr::INFORMATION);
                let flags = if wanted == 0 { trace::fr::ALL } else { wanted };
                if self.watch.start_trace(now, flags) {
                    return code::TRACE_STATE;
                }
            }
            fr::DISABLE_TRACING => self.watch.stop_trace(),
            fr::GET_TRACE_INFO => match self.watch.take_trace(now, request, data) {
                Some(answer) => *control = answer,
                None => return code::TRACE_STATE,
            },
            fr::DRIVER_STAT_IFSEND => data.extend_from_slice(&self.send_statistics().encode()),
            fr::DRIVER_STAT_INTR => self.interrupt_statistics().encode(data),
            fr::DRIVER_STAT_GEN => self.general_statistics().encode(data),
            fr::FLUSH_DRIVER_STATS => self.flush_driver(),
            fr::ROUTER_UP_TIME => self.up_time(now, data),
            _ => return code::FR_INVALID_COMMAND,
        }
        code::OK
    }
}

/// Frames for DLCIs that no interface has.
pub(super) fn orphaned(engine: &FrameRelay) -> u64 {
    engine.link_stats().rx_unknown_dlci
}

fn channel(engine: &FrameRelay, dlci: u16) -> Option<ChannelId> {
    (dlci <= 1023).then(|| engine.channel_of(dlci)).flatten()
}

fn stats(engine: &FrameRelay, dlci: u16) -> Option<&ChannelStats> {
    engine.channel_stats(channel(engine, dlci)?)
}

fn link_config(engine: &FrameRelay, facts: Facts) -> LinkConfig {
    let config = engine.config();
    let seconds = |time: std::time::Duration| time.as_secs() as u16;
    let flag = |on: bool, bit: u16| if on { bit } else { 0 };
    let signalling = match config.signalling {
        Signalling::Ansi | Signalling::Auto => option::SIGNALLING_ANSI,
        Signalling::Q933 => option::SIGNALLING_Q933,
        Signalling::Lmi => option::SIGNALLING_LMI,
        Signalling::None => option::SIGNALLING_NONE,
    };
    let cpe = config.station == Station::Cpe;
    LinkConfig {
        station: (!cpe).into(),
        options: signalling | flag(cpe, option::AUTO_DLCI),
        kbps: (facts.baud_rate / 1000) as u16,
        port: flag(facts.internal_clock, port::INTERNAL_CLOCK) | flag(facts.rs232, port::RS232),
        mtu: facts.mtu as u16,
        t391: seconds(config.t391),
        t392: seconds(config.t392),
        n391: config.n391,
        n392: config.n392.into(),
        n393: config.n393.into(),
        ..Default::default()
    }
}

fn dlci_config(config: &ChannelConfig) -> DlciConfig {
    let kbits = |bits: u64| (bits / 1000) as u16;
    match config.committed {
        None => DlciConfig {
            flags: FLAG_CIR_OFF,
            cir_forward: CIR_OFF,
            bc_forward: CIR_OFF,
            cir_backward: CIR_OFF,
            bc_backward: CIR_OFF,
            ..Default::default()
        },
        Some(rate) => DlciConfig {
            flags: 0,
            cir_forward: kbits(rate.cir),
            bc_forward: kbits(rate.bc),
            be_forward: kbits(rate.be),
            cir_backward: kbits(rate.cir),
            bc_backward: kbits(rate.bc),
            be_backward: kbits(rate.be),
        },
    }
}

fn link_statistics(engine: &FrameRelay) -> LinkStatistics {
    let stats = engine.link_stats();
    let of_channels = |count: fn(&ChannelStats) -> u64| -> u64 {
        engine
            .pvc_list()
            .filter_map(|(dlci, _)| self::stats(engine, dlci))
            .map(count)
            .sum()
    };
    LinkStatistics {
        tx_too_long: of_channels(|channel| channel.tx_too_long) as u16,
        tx_throughput_exceeded: of_channels(|channel| channel.tx_held) as u16,
        rx_bad_length: (stats.rx_too_long + stats.rx_too_short) as u16,
        rx_unconfigured_dlci: stats.rx_unknown_dlci as u16,
        rx_format_errors: (stats.rx_format_error + stats.rx_bad_address) as u16,
        application_timeouts: 0,
        cpe_tx_full_status: stats.user_tx_full as u16,
        cpe_tx_link_verification: stats.user_tx_integrity as u16,
        cpe_rx_full_status: stats.user_rx_full as u16,
        cpe_rx_link_verification: stats.user_rx_integrity as u16,
        node_rx_full_status: stats.node_rx_full as u16,
        node_rx_link_verification: stats.node_rx_integrity as u16,
        node_tx_full_status: stats.node_tx_full as u16,
        node_tx_link_verification: stats.node_tx_integrity as u16,
        signalling_format_errors: (stats.bad_signalling + stats.wrong_dialect) as u16,
        unsolicited_responses: stats.unsolicited as u16,
        bad_send_sequence: stats.bad_send_sequence as u16,
        bad_receive_sequence: stats.bad_receive_sequence as u16,
        t391_timeouts: stats.t391_timeouts as u16,
        t392_timeouts: stats.t392_timeouts as u16,
        n392_reached: stats.n392_reached as u16,
        cpe_initializations: stats.initializations as u16,
        current_send_sequence: stats.send_sequence.into(),
        current_receive_sequence: stats.receive_sequence.into(),
        current_t391_timeouts: stats.t391_consecutive as u16,
        current_t392_timeouts: stats.t392_consecutive as u16,
        current_n392: stats.n392_current.into(),
        current_n393: stats.n393_current.into(),
    }
}

fn dlci_statistics(now: Instant, stats: &ChannelStats) -> DlciStatistics {
    let (tx_throughput, rx_throughput) = stats.throughput(now);
    let period = stats.period(now).as_millis() as u32;
    DlciStatistics {
        tx_frames: stats.tx_frames as u32,
        tx_octets: stats.tx_octets as u32,
        rx_frames: stats.rx_frames as u32,
        rx_octets: stats.rx_octets as u32,
        rx_dropped: stats.rx_dropped as u32,
        rx_inactive: stats.rx_inactive as u32,
        rx_over_cir: stats.rx_over_cir as u32,
        rx_discard_eligible: stats.rx_discard_eligible as u32,
        tx_throughput: tx_throughput as u32,
        tx_timer: period,
        rx_throughput: rx_throughput as u32,
        rx_timer: period,
    }
}
