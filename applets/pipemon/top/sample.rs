//! Everything that a sample of the live view reads.

use std::time::Instant;

use wanbox_wire::pipemon::driver;
use wanbox_wire::pipemon::frame_relay::LinkStatus;
use wanbox_wire::pipemon::opcode::{self, chdlc, fr};
use wanbox_wire::pipemon::ppp::phase;
use wanbox_wire::pipemon::x25::of_pair;

use crate::client::{Client, malformed};
use crate::failure::Failure;
use crate::monitor::Monitor;
use crate::report::Value;
use crate::{cisco_hdlc, frame_relay, ppp, x25};

/// Counters of one direction of a channel; they wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub frames: u32,
    pub octets: u32,
}

/// One channel: a PVC, or the whole of another link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// DLCI or logical channel.
    pub number: u16,
    pub state: &'static str,
    /// Missing when the link does not know the channel.
    pub traffic: Option<(Traffic, Traffic)>,
    pub fecn: u16,
    pub becn: u16,
}

/// Everything read at one time.
#[derive(Clone, Debug)]
pub struct Sample {
    pub at: Instant,
    pub up: bool,
    pub up_time: Option<u32>,
    pub channels: Vec<Channel>,
    pub errors: Vec<(&'static str, u64)>,
    /// The states of PPP's parts, by their keys.
    pub states: Vec<(&'static str, Value)>,
}

/// Reads a sample.
pub fn read(client: &mut Client, monitor: Monitor) -> Result<Sample, Failure> {
    match monitor {
        Monitor::FrameRelay => read_frame_relay(client),
        Monitor::CiscoHdlc | Monitor::MultiPpp => read_cisco_hdlc(client),
        Monitor::Ppp => read_ppp(client),
        Monitor::X25 => read_x25(client),
    }
}

fn read_frame_relay(client: &mut Client) -> Result<Sample, Failure> {
    let answer = frame_relay::ask(client, fr::READ_STATUS, 0, &[])?;
    let status = LinkStatus::decode(answer.data()).map_err(malformed)?;
    let mut channels = Vec::new();
    for pvc in status.pvcs() {
        // A DLCI of the switch that is not configured here has no statistics.
        let known = frame_relay::dlci_statistics(client, pvc.dlci).ok();
        channels.push(Channel {
            number: pvc.dlci,
            state: frame_relay::pvc_state(pvc.status),
            traffic: known.map(|(s, _)| {
                let rx = Traffic {
                    frames: s.rx_frames,
                    octets: s.rx_octets,
                };
                let tx = Traffic {
                    frames: s.tx_frames,
                    octets: s.tx_octets,
                };
                (rx, tx)
            }),
            fecn: known.map_or(0, |(_, n)| n.fecn),
            becn: known.map_or(0, |(_, n)| n.becn),
        });
    }
    let link = frame_relay::statistics(client)?;
    let line = frame_relay::read_line_errors(client)?;
    let answer = frame_relay::ask(client, fr::ROUTER_UP_TIME, 0, &[])?;
    Ok(Sample {
        at: Instant::now(),
        up: status.operative(),
        up_time: driver::up_time(answer.data()).ok(),
        channels,
        errors: vec![
            ("rx_crc_errors", line.rx_crc.into()),
            ("rx_aborts", line.rx_aborts.into()),
            ("rx_overruns", line.rx_overruns.into()),
            ("tx_aborts", line.tx_aborts_copy.into()),
            ("rx_format_errors", link.rx_format_errors.into()),
            ("rx_unconfigured_dlci", link.rx_unconfigured_dlci.into()),
            ("signalling_errors", link.signalling_format_errors.into()),
            ("t391_timeouts", link.t391_timeouts.into()),
            ("t392_timeouts", link.t392_timeouts.into()),
            ("n392_reached", link.n392_reached.into()),
        ],
        states: Vec::new(),
    })
}

fn read_cisco_hdlc(client: &mut Client) -> Result<Sample, Failure> {
    let status = cisco_hdlc::link_status(client)?;
    let s = cisco_hdlc::read_operational(client)?;
    let line = cisco_hdlc::read_line_errors(client)?;
    let answer = cisco_hdlc::ask(client, chdlc::ROUTER_UP_TIME)?;
    let rx = Traffic {
        frames: s.rx_frames,
        octets: s.rx_octets,
    };
    let tx = Traffic {
        frames: s.tx_frames,
        octets: s.tx_octets,
    };
    Ok(Sample {
        at: Instant::now(),
        up: status.active != 0,
        up_time: driver::up_time(answer.data()).ok(),
        channels: vec![Channel {
            number: 0,
            state: "",
            traffic: Some((rx, tx)),
            fecn: 0,
            becn: 0,
        }],
        errors: vec![
            ("rx_crc_errors", line.rx_crc.into()),
            ("rx_aborts", line.rx_aborts.into()),
            ("rx_overruns", line.rx_overruns.into()),
            ("tx_aborts", line.tx_aborts.into()),
            ("rx_incomplete_header", s.rx_incomplete_header.into()),
            ("rx_bad_type", s.rx_bad_type.into()),
            ("slarp_bad_code", s.slarp_bad_code.into()),
            ("keepalive_timeouts", s.keepalive_timeouts.into()),
            ("link_looped", s.link_looped.into()),
        ],
        states: Vec::new(),
    })
}

fn read_ppp(client: &mut Client) -> Result<Sample, Failure> {
    let iba = ppp::iba(client)?;
    let s = ppp::read_general(client)?;
    let line = ppp::read_line_errors(client)?;
    let packets = ppp::packets(client)?;
    let answer = ppp::ask(client, opcode::ppp::ROUTER_UP_TIME)?;
    let rx = Traffic {
        frames: s.rx_frames,
        octets: s.rx_octets,
    };
    let tx = Traffic {
        frames: s.tx_frames,
        octets: s.tx_octets,
    };
    Ok(Sample {
        at: Instant::now(),
        up: iba.phase == phase::NETWORK,
        up_time: driver::up_time(answer.data()).ok(),
        channels: vec![Channel {
            number: 0,
            state: "",
            traffic: Some((rx, tx)),
            fecn: 0,
            becn: 0,
        }],
        errors: vec![
            ("rx_crc_errors", line.rx_crc.into()),
            ("rx_aborts", line.rx_aborts.into()),
            ("rx_overruns", line.rx_overruns.into()),
            ("tx_aborts", line.tx_aborts.into()),
            ("rx_bad_length", s.rx_bad_length.into()),
            ("rx_bad_header", packets.rx_bad_header.into()),
            ("rx_unknown_protocol", packets.rx_unknown.into()),
        ],
        states: vec![
            ("phase", ppp::phase(iba.phase)),
            ("lcp_state", ppp::state(iba.lcp_state)),
            ("ipcp_state", ppp::state(iba.ipcp_state)),
            ("pap_state", ppp::pap_state(iba.pap_state)),
            ("chap_state", ppp::chap_state(iba.chap_state)),
        ],
    })
}

fn read_x25(client: &mut Client) -> Result<Sample, Failure> {
    let (up, _) = x25::link_status(client)?;
    let line = x25::read_line_errors(client)?;
    let link = x25::read_link_statistics(client)?;
    let packets = x25::read_packets(client)?;
    let answer = x25::ask(client, opcode::x25::ROUTER_UP_TIME, 0)?;
    // Whose circuits there are is said to this host only.
    let channels = x25::read_channels(client).unwrap_or_default();
    let both = |pair| {
        let (tx, rx) = of_pair(pair);
        u64::from(tx) + u64::from(rx)
    };
    Ok(Sample {
        at: Instant::now(),
        up,
        up_time: driver::up_time(answer.data()).ok(),
        channels: channels
            .into_iter()
            .map(|(number, c)| Channel {
                number,
                state: x25::channel_state(c.state),
                traffic: Some((
                    Traffic {
                        frames: c.rx_packets,
                        octets: c.rx_octets,
                    },
                    Traffic {
                        frames: c.tx_packets,
                        octets: c.tx_octets,
                    },
                )),
                fecn: 0,
                becn: 0,
            })
            .collect(),
        errors: vec![
            ("rx_crc_errors", line.rx_crc.into()),
            ("rx_discarded", link.rx_discarded.into()),
            ("rx_out_of_sequence", link.rx_out_of_sequence.into()),
            ("rx_too_long", link.rx_too_long.into()),
            ("tx_repeated", link.tx_repeated.into()),
            ("t1_timeouts", link.t1_timeouts.into()),
            ("frmr", u64::from(link.rx_frmr) + u64::from(link.tx_frmr)),
            ("restarts", both(packets.restart)),
            ("resets", both(packets.reset)),
            ("diagnostics", both(packets.diagnostic)),
        ],
        states: Vec::new(),
    })
}
