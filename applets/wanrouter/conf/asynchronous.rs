//! Characters on an asynchronous line, as configured.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How characters are sent, received and cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncConf {
    /// Bits of sent characters, 5 to 8.
    pub transmit_bits: u8,
    /// Bits of received characters, 5 to 8.
    pub receive_bits: u8,
    /// Their parity.
    pub parity: Parity,
    /// Their stop bits.
    pub stop_bits: StopBits,
    /// Bits that a received character does not use are kept.
    pub transparent: bool,
    /// Who makes whom wait, and how.
    pub handshakes: Handshakes,
    /// The character that lets go on. 1 to 255.
    pub xon: u8,
    /// The character that makes wait. 1 to 255.
    pub xoff: u8,
    /// How long a break is. At most 5 s; zero: none is sent.
    pub break_time: Duration,
    /// Silence that ends a received piece. At most 30 s; zero: only its length does.
    pub gap: Duration,
    /// Characters of a received piece. 1 to 2000.
    pub length: u16,
}

/// Parity of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    /// None.
    None,
    /// Odd.
    Odd,
    /// Even.
    Even,
}

/// Stop bits of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopBits {
    /// One.
    One,
    /// One and a half.
    OneAndHalf,
    /// Two.
    Two,
}

/// Who makes whom wait, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshakes {
    /// RTS makes the other end wait.
    pub rts_for_receive: bool,
    /// XOFF makes the other end wait.
    pub xon_xoff_for_receive: bool,
    /// XOFF of the other end is obeyed.
    pub xon_xoff_for_transmit: bool,
    /// Nothing is sent without DCD.
    pub dcd_for_transmit: bool,
    /// Nothing is sent without CTS.
    pub cts_for_transmit: bool,
}

impl Handshakes {
    /// Those that are used, by their keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        [
            ("RTS_HS_FOR_RECEIVE", self.rts_for_receive),
            ("XON_XOFF_HS_FOR_RECEIVE", self.xon_xoff_for_receive),
            ("XON_XOFF_HS_FOR_TRANSMIT", self.xon_xoff_for_transmit),
            ("DCD_HS_FOR_TRANSMIT", self.dcd_for_transmit),
            ("CTS_HS_FOR_TRANSMIT", self.cts_for_transmit),
        ]
        .into_iter()
        .filter(|(_, used)| *used)
        .map(|(key, _)| key)
    }

    /// XON and XOFF are characters apart.
    pub const fn uses_characters(&self) -> bool {
        self.xon_xoff_for_receive || self.xon_xoff_for_transmit
    }
}

impl AsyncConf {
    /// The halves of bits that a character takes on the line, with its start bit.
    pub const fn half_bits(&self) -> u32 {
        let parity = match self.parity {
            Parity::None => 0,
            Parity::Odd | Parity::Even => 2,
        };
        let stop = match self.stop_bits {
            StopBits::One => 2,
            StopBits::OneAndHalf => 3,
            StopBits::Two => 4,
        };
        2 + 2 * self.transmit_bits as u32 + parity + stop
    }
}

/// As people write it: `8N1`; `7/8N1` where sent and received characters differ.
impl fmt::Display for AsyncConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.transmit_bits)?;
        if self.receive_bits != self.transmit_bits {
            write!(f, "/{}", self.receive_bits)?;
        }
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Odd => 'O',
            Parity::Even => 'E',
        };
        let stop = match self.stop_bits {
            StopBits::One => "1",
            StopBits::OneAndHalf => "1.5",
            StopBits::Two => "2",
        };
        write!(f, "{parity}{stop}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_it() {
        let mut conf = AsyncConf {
            transmit_bits: 8,
            receive_bits: 8,
            parity: Parity::None,
            stop_bits: StopBits::One,
            transparent: false,
            handshakes: Handshakes::default(),
            xon: 0x11,
            xoff: 0x13,
            break_time: Duration::ZERO,
            gap: Duration::ZERO,
            length: 1,
        };
        assert_eq!((conf.to_string().as_str(), conf.half_bits()), ("8N1", 20));
        conf.transmit_bits = 5;
        conf.parity = Parity::Even;
        conf.stop_bits = StopBits::OneAndHalf;
        assert_eq!(
            (conf.to_string().as_str(), conf.half_bits()),
            ("5/8E1.5", 17)
        );
    }
}
