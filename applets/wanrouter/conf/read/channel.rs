//! The channel of an interface.

use std::time::Duration;

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::value;

use super::values::Values;
use super::{Listed, asynchronous, ppp, x25};
use crate::conf::model::*;

/// The lowest and highest DLCI of user data with local management (Q.922, T1.617).
const DLCIS: std::ops::RangeInclusive<u16> = 16..=991;

/// How often inverse ARP asks when the file says 0.
const INARP_INTERVAL: Duration = Duration::from_secs(10);

/// Keys that say something of packets, which an application's interface does not know.
const WITHOUT_PACKETS: [&str; 7] = [
    "MULTICAST",
    "GATEWAY",
    "INARP",
    "INARPINTERVAL",
    "INARP_RX",
    "ENCAPSULATION",
    "SLARP_TIMER",
];

/// Reads an interface out of its record in `[interfaces]`, its device's keys and its own.
pub fn read(
    listed: &Listed,
    device: &DeviceConf,
    link: &Values,
    own: &Values,
    diagnostics: &mut Diagnostics,
) -> InterfaceConf {
    let channel = match &device.protocol {
        Protocol::FrameRelay(_) => Channel::FrameRelay(frame_relay(listed, own, diagnostics)),
        Protocol::CiscoHdlc => {
            Channel::CiscoHdlc(cisco_hdlc(listed, device, link, own, diagnostics))
        }
        Protocol::Ppp(conf) => Channel::Ppp(ppp::channel(listed, conf, link, own, diagnostics)),
        Protocol::X25(conf) => Channel::X25(Box::new(x25::channel(listed, conf, own, diagnostics))),
    };
    if listed.usage == Usage::Api {
        for key in WITHOUT_PACKETS {
            if let Some(line) = own.line_of(key) {
                let what = "without effect in mode API: there are only raw frames";
                diagnostics.warning(line, key, what);
            }
        }
    }
    InterfaceConf {
        name: listed.name.clone(),
        description: listed.description.clone(),
        usage: listed.usage,
        channel,
        multicast: own.flag("MULTICAST"),
        dynamic: own.flag("DYN_INTR_CFG"),
        restore_gateway: own.flag("GATEWAY"),
        ip: None,
    }
}

fn frame_relay(listed: &Listed, own: &Values, diagnostics: &mut Diagnostics) -> FrameRelayChannel {
    let dlci = if listed.media == "auto" {
        None
    } else {
        // A wrong one stays 0, which no other check then takes for a DLCI.
        Some(dlci(&listed.media).unwrap_or_else(|what| {
            diagnostics.error(listed.line, &listed.name, what, "DLCI 16 to 991, or auto");
            0
        }))
    };
    let bridge = own.text("BRIDGE_NAME");
    let bridge_line = own.line_of("BRIDGE_NAME").unwrap_or(0);
    if !bridge.is_empty() {
        if let Err(why) = value::interface_name(&bridge) {
            diagnostics.error(bridge_line, "BRIDGE_NAME", why, "the name of a bridge");
        } else if listed.usage != Usage::Bridge {
            let what = format!("{} is not used as BRIDGE", listed.name);
            diagnostics.error(bridge_line, "BRIDGE_NAME", what, "mode BRIDGE");
        }
    }
    let interval = own.time("INARPINTERVAL");
    if !interval.is_zero() && interval < Duration::from_secs(1) {
        let line = own.line_of("INARPINTERVAL").unwrap_or(0);
        diagnostics.error(line, "INARPINTERVAL", "too often", "0, or 1 to 100 seconds");
    }
    FrameRelayChannel {
        dlci,
        committed: committed(own, diagnostics),
        inarp: own.flag("INARP"),
        inarp_interval: if interval.is_zero() {
            INARP_INTERVAL
        } else {
            interval
        },
        inarp_rx: own.flag("INARP_RX"),
        encapsulation: match own.number::<u64>("ENCAPSULATION") {
            0 => Encapsulation::Ietf,
            _ => Encapsulation::Cisco,
        },
        bridge: (!bridge.is_empty()).then_some(bridge),
    }
}

fn dlci(text: &str) -> Result<u16, String> {
    if text.is_empty() {
        return Err("no DLCI".to_owned());
    }
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{text}' is not a DLCI"));
    }
    match text.parse() {
        Ok(dlci) if DLCIS.contains(&dlci) => Ok(dlci),
        _ => Err(format!("DLCI {text} is out of range")),
    }
}

fn committed(own: &Values, diagnostics: &mut Diagnostics) -> Option<CommittedRate> {
    let Some(cir) = own.given_number("CIR") else {
        for key in ["BC", "BE"] {
            if let Some(line) = own.line_of(key) {
                diagnostics.error(line, key, "without a CIR", "CIR = kbit/s beside it");
            }
        }
        return None;
    };
    // Tables bound these far below an overflow.
    Some(CommittedRate {
        cir: cir * 1000,
        bc: own.given_number("BC").unwrap_or(cir) * 1000,
        be: own.number::<u64>("BE") * 1000,
    })
}

fn cisco_hdlc(
    listed: &Listed,
    device: &DeviceConf,
    link: &Values,
    own: &Values,
    diagnostics: &mut Diagnostics,
) -> CiscoHdlcChannel {
    if !listed.media.is_empty() {
        let what = format!(
            "address '{}' ignored: the link has one channel",
            listed.media
        );
        diagnostics.warning(listed.line, &listed.name, what);
    }
    if listed.usage.is_bridged() {
        let what = format!("mode {} needs Frame Relay", listed.usage.word());
        diagnostics.error(listed.line, &listed.name, what, "WANPIPE");
    }
    let asynchronous = asynchronous::read(listed, device, link, own, diagnostics);
    // The interface's own keys, then the device's, where they once were.
    let from = |key: &str| {
        if own.line_of(key).is_none() && link.line_of(key).is_some() {
            link
        } else {
            own
        }
    };
    let flag = |key: &str| from(key).flag(key);
    let time = |key: &str| from(key).time(key);
    let streaming = flag("HDLC_STREAMING") || asynchronous.is_some();
    // Characters come and go with the carrier.
    let ignores_modem = streaming && asynchronous.is_none();
    let ignore_keepalive = streaming || flag("IGNORE_KEEPALIVE");
    let keepalive_tx = time("KEEPALIVE_TX_TIMER");
    let keepalive_rx = time("KEEPALIVE_RX_TIMER");
    if !ignore_keepalive && keepalive_rx < keepalive_tx {
        let key = "KEEPALIVE_RX_TIMER";
        let line = from(key).line_of(key).unwrap_or(0);
        let what = "shorter than KEEPALIVE_TX_TIMER: a peer with these timers looks late";
        diagnostics.warning(line, key, what);
    }
    CiscoHdlcChannel {
        ignore_dcd: ignores_modem || asynchronous.is_none() && flag("IGNORE_DCD"),
        ignore_cts: ignores_modem || asynchronous.is_none() && flag("IGNORE_CTS"),
        ignore_keepalive,
        streaming,
        asynchronous,
        keepalive_tx,
        keepalive_rx,
        keepalive_margin: from("KEEPALIVE_ERR_MARGIN").number("KEEPALIVE_ERR_MARGIN"),
        slarp: match listed.usage {
            Usage::Api => Duration::ZERO,
            _ => time("SLARP_TIMER"),
        },
    }
}
