//! Characters on an asynchronous line: what their keys say, and whether the line can do it.

use wanbox_grammar::diagnostic::Diagnostics;
use wanbox_grammar::line::{Flow, Kind};

use super::Listed;
use super::values::Values;
use crate::conf::asynchronous::{AsyncConf, Handshakes, Parity, StopBits};
use crate::conf::keys::asynchronous::{INTERFACE, MODE};
use crate::conf::model::*;

/// The longest piece.
const LONGEST: u16 = 2000;

/// Reads them; `None`: the interface has frames.
pub fn read(
    listed: &Listed,
    device: &DeviceConf,
    link: &Values,
    own: &Values,
    diagnostics: &mut Diagnostics,
) -> Option<AsyncConf> {
    if !own.flag(MODE) {
        for key in INTERFACE.iter().map(|key| key.name) {
            if let Some(line) = own.line_of(key).filter(|_| key != MODE) {
                let what = "without effect but with ASYNC_MODE = YES";
                diagnostics.warning(line, key, what);
            }
        }
        return None;
    }
    let conf = AsyncConf {
        transmit_bits: own.number("TX_BITS_PER_CHAR"),
        receive_bits: own.number("RX_BITS_PER_CHAR"),
        parity: match own.number::<u64>("PARITY") {
            0 => Parity::None,
            1 => Parity::Odd,
            _ => Parity::Even,
        },
        stop_bits: match own.number::<u64>("STOP_BITS") {
            1 => StopBits::One,
            2 => StopBits::Two,
            _ => StopBits::OneAndHalf,
        },
        transparent: own.flag("ASY_DATA_TRANSPARENT"),
        handshakes: Handshakes {
            rts_for_receive: own.flag("RTS_HS_FOR_RECEIVE"),
            xon_xoff_for_receive: own.flag("XON_XOFF_HS_FOR_RECEIVE"),
            xon_xoff_for_transmit: own.flag("XON_XOFF_HS_FOR_TRANSMIT"),
            dcd_for_transmit: own.flag("DCD_HS_FOR_TRANSMIT"),
            cts_for_transmit: own.flag("CTS_HS_FOR_TRANSMIT"),
        },
        xon: own.number("XON_CHAR"),
        xoff: own.number("XOFF_CHAR"),
        break_time: own.time("BREAK_TIMER"),
        gap: own.time("INTER_CHAR_TIMER"),
        length: match own.number("RX_COMPLETE_LENGTH") {
            0 => LONGEST,
            length => length,
        },
    };
    let mut wrong = |values: &Values, key: &str, what: &str, allowed: &str| {
        let line = values.line_of(key).or_else(|| own.line_of(MODE));
        diagnostics.error(line.unwrap_or(0), key, what, allowed);
    };
    if listed.usage != Usage::Api {
        let what = "characters are for an application";
        wrong(own, MODE, what, "NO, or mode API in [interfaces]");
    }
    if device.clocking != Clocking::Internal {
        let what = "an asynchronous line has the clock of this end";
        wrong(link, "CLOCKING", what, "INTERNAL");
    }
    if device.connector != Connector::Rs232 {
        let what = "an asynchronous line is no V.35";
        wrong(link, "INTERFACE", what, "RS232");
    }
    if own.number::<u64>("RX_COMPLETE_LENGTH") == 0 && conf.gap.is_zero() {
        let what = "neither a length nor silence would end a piece";
        let allowed = "RX_COMPLETE_LENGTH or INTER_CHAR_TIMER above 0";
        wrong(own, "RX_COMPLETE_LENGTH", what, allowed);
    }
    if conf.handshakes.uses_characters() {
        let bits = conf.transmit_bits.min(conf.receive_bits);
        if conf.xon == conf.xoff {
            let what = "the same as XON_CHAR";
            wrong(own, "XOFF_CHAR", what, "two characters apart");
        }
        for (key, character) in [("XON_CHAR", conf.xon), ("XOFF_CHAR", conf.xoff)] {
            if character.checked_shr(bits.into()).unwrap_or(0) != 0 {
                let what = format!("{character:#x} is no character of {bits} bits");
                wrong(own, key, &what, "one that has no more");
            }
        }
    }
    match device.line.as_ref().map(|line| &line.kind) {
        Some(Kind::Tty {
            flow, ignore_dcd, ..
        }) => {
            if *flow != Flow::None {
                let what = "flow= is for frames; characters have handshakes in their keys";
                wrong(link, "LINE", what, "tty:DEVICE without flow=");
            }
            if *ignore_dcd && conf.handshakes.dcd_for_transmit {
                let what = "LINE says dcd=ignore";
                wrong(own, "DCD_HS_FOR_TRANSMIT", what, "NO, or dcd=watch");
            }
            if let Some((key, what, allowed)) = beyond_the_kernel(&conf) {
                wrong(own, key, what, allowed);
            }
        }
        Some(Kind::Pty(_) | Kind::Tcp(_) | Kind::TcpListen { .. }) => {
            let given = [
                ("PARITY", conf.parity != Parity::None),
                ("STOP_BITS", conf.stop_bits != StopBits::One),
            ];
            let keys = given.into_iter().filter(|(_, given)| *given);
            for key in keys.map(|(key, _)| key).chain(conf.handshakes.keys()) {
                let line = own.line_of(key).unwrap_or(0);
                let what = "without effect: only a serial port (tty:) has it";
                diagnostics.warning(line, key, what);
            }
        }
        Some(
            Kind::Cable(_) | Kind::Udp { .. } | Kind::Packet(_) | Kind::Lapbether(_) | Kind::Xot(_),
        ) => {
            let what = "characters need a line that is a stream of them";
            wrong(link, "LINE", what, "tty:, pty:, tcp: or tcp-listen:");
        }
        // That was said.
        None => {}
    }
    Some(conf)
}

/// What the kernel's serial ports cannot do: the key, why, and what they can.
fn beyond_the_kernel(conf: &AsyncConf) -> Option<(&'static str, &'static str, &'static str)> {
    let handshakes = &conf.handshakes;
    if conf.transmit_bits != conf.receive_bits {
        return Some((
            "RX_BITS_PER_CHAR",
            "a serial port of the kernel has one size of characters both ways",
            "the same as TX_BITS_PER_CHAR",
        ));
    }
    if conf.transparent && conf.parity != Parity::None {
        return Some((
            "ASY_DATA_TRANSPARENT",
            "a serial port of the kernel keeps the parity bit to itself",
            "NO, or PARITY = NONE with a bit more a character",
        ));
    }
    if handshakes.rts_for_receive != handshakes.cts_for_transmit {
        let key = if handshakes.rts_for_receive {
            "CTS_HS_FOR_TRANSMIT"
        } else {
            "RTS_HS_FOR_RECEIVE"
        };
        return Some((
            key,
            "the kernel has RTS and CTS only together",
            "RTS_HS_FOR_RECEIVE and CTS_HS_FOR_TRANSMIT both YES or both NO",
        ));
    }
    match (conf.stop_bits, conf.transmit_bits) {
        (StopBits::Two, 5) => Some((
            "STOP_BITS",
            "serial ports send one and a half with 5 bits a character",
            "ONE, ONE_AND_HALF",
        )),
        (StopBits::OneAndHalf, 6..) => Some((
            "STOP_BITS",
            "serial ports send one and a half only with 5 bits a character",
            "ONE, TWO",
        )),
        _ => None,
    }
}
