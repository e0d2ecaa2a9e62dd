//! What no key can say alone: how those of a device go together.

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::line::{Kind, Line};

use super::values::Values;
use super::{ppp, x25};
use crate::conf::model::*;

/// Checks a whole device. `declared` is its line in `[devices]`, `listed` those of its interfaces
/// in `[interfaces]`, in their order.
pub fn device(
    device: &DeviceConf,
    declared: usize,
    values: &Values,
    listed: &[usize],
    diagnostics: &mut Diagnostics,
) {
    if let Some(Line {
        kind: Kind::Xot(ends),
        ..
    }) = &device.line
    {
        x25::check_over_tcp(device, ends, values, diagnostics);
    } else if let Protocol::X25(conf) = &device.protocol {
        x25::check_timers(conf, values, diagnostics);
    }
    match &device.protocol {
        Protocol::FrameRelay(link) => {
            frame_relay(device, link, values, diagnostics);
            dlcis(device, link, listed, diagnostics);
            if link.station == Station::Node
                && device.interfaces.is_empty()
                && link.number_of_dlci == 0
            {
                let what = "a node without channels";
                let allowed = "NUMBER_OF_DLCI, or interfaces in [interfaces]";
                diagnostics.error(declared, &device.name, what, allowed);
            }
        }
        Protocol::Ppp(conf) => ppp::check_device(device, conf, declared, listed, diagnostics),
        Protocol::X25(conf) => x25::check_device(device, conf, listed, diagnostics),
        Protocol::CiscoHdlc if device.tty.is_some() => {
            for (interface, line) in device.interfaces.iter().zip(listed) {
                let what = format!("{} is a terminal (TTY = YES)", device.name);
                diagnostics.error(*line, &interface.name, what, "no interface");
            }
        }
        Protocol::CiscoHdlc => {
            for (extra, line) in device.interfaces.iter().zip(listed).skip(1) {
                let what = format!("{} has its one interface already", device.name);
                diagnostics.error(*line, &extra.name, what, "one interface");
            }
        }
    }
}

fn frame_relay(
    device: &DeviceConf,
    link: &FrameRelayConf,
    values: &Values,
    diagnostics: &mut Diagnostics,
) {
    if link.n392 > link.n393 {
        let line = values.line_of("N392").or_else(|| values.line_of("N393"));
        let what = format!(
            "{} errors never fit into N393 = {} events",
            link.n392, link.n393
        );
        diagnostics.error(line.unwrap_or(0), "N392", what, "at most N393");
    }
    let interfaces = device.interfaces.len();
    if link.station == Station::Node
        && link.number_of_dlci != 0
        && interfaces > usize::from(link.number_of_dlci)
    {
        let line = values.line_of("NUMBER_OF_DLCI").unwrap_or(0);
        let what = format!("fewer than the {interfaces} interfaces; those count");
        diagnostics.warning(line, "NUMBER_OF_DLCI", what);
    }
    if device.clocking == Clocking::Internal {
        for interface in &device.interfaces {
            if let Channel::FrameRelay(channel) = &interface.channel
                && let Some(committed) = channel.committed
                && committed.cir > u64::from(device.baud_rate)
            {
                let what = format!("CIR is above the BAUDRATE of {}", device.baud_rate);
                diagnostics.warning(0, &interface.name, what);
            }
        }
    }
}

fn dlcis(
    device: &DeviceConf,
    link: &FrameRelayConf,
    listed: &[usize],
    diagnostics: &mut Diagnostics,
) {
    let mut seen: Vec<(u16, &str)> = Vec::new();
    for (interface, line) in device.interfaces.iter().zip(listed) {
        let Channel::FrameRelay(channel) = &interface.channel else {
            continue;
        };
        match channel.dlci {
            None if link.station == Station::Node => {
                let what = "a node cannot take its DLCI from the other side";
                diagnostics.error(*line, &interface.name, what, "DLCI 16 to 991");
            }
            None if link.signalling == Signalling::None => {
                let what = "without SIGNALLING no switch reports a DLCI";
                diagnostics.error(*line, &interface.name, what, "DLCI 16 to 991");
            }
            None if device.interfaces.len() > 1 => {
                let what = "auto is for the only interface of a device";
                diagnostics.error(*line, &interface.name, what, "DLCI 16 to 991");
            }
            None => {}
            // Reported where it was read.
            Some(0) => {}
            Some(dlci) => match seen.iter().find(|(other, _)| *other == dlci) {
                Some((_, other)) => {
                    let what = format!("DLCI {dlci} is that of {other}");
                    diagnostics.error(*line, &interface.name, what, "each DLCI once");
                }
                None => seen.push((dlci, &interface.name)),
            },
        }
    }
}
