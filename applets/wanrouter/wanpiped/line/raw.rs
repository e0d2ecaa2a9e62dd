//! A stream that carries characters as they are: no frames.

use std::time::Duration;

use wanbox_link::characters::Unmarker;
use wanbox_runtime::stream::{FlowControl, Parity, SerialSettings, StopBits};

use crate::conf::AsyncConf;
use crate::conf::asynchronous;

/// What is done to characters on their way.
pub struct Raw {
    /// The most in one piece.
    longest: usize,
    /// The bits that received and sent characters have.
    receive: u8,
    transmit: u8,
    /// How long a break is; zero: none is sent.
    break_time: Duration,
    /// What a serial port says among them.
    unmarker: Option<Unmarker>,
}

impl Raw {
    /// Octets as they are, in pieces of so many at most.
    pub fn octets(longest: usize) -> Self {
        Self {
            longest,
            receive: u8::MAX,
            transmit: u8::MAX,
            break_time: Duration::ZERO,
            unmarker: None,
        }
    }

    /// Characters as configured; `port`: of a serial port, which sees to their bits itself.
    pub fn characters(longest: usize, conf: &AsyncConf, port: bool) -> Self {
        let mask = |bits: u8| u8::MAX >> 8_u8.saturating_sub(bits);
        let strips = !port && !conf.transparent;
        Self {
            receive: if strips {
                mask(conf.receive_bits)
            } else {
                u8::MAX
            },
            transmit: if port {
                u8::MAX
            } else {
                mask(conf.transmit_bits)
            },
            break_time: conf.break_time,
            unmarker: port.then(Unmarker::default),
            ..Self::octets(longest)
        }
    }

    /// The most in one piece.
    pub const fn longest(&self) -> usize {
        self.longest
    }

    /// How long a break is; zero: none is sent.
    pub const fn break_time(&self) -> Duration {
        self.break_time
    }

    /// Gives what was read to `each`; nothing at all is a break.
    pub fn receive(&mut self, octets: &mut [u8], mut each: impl FnMut(&[u8])) {
        if let Some(unmarker) = &mut self.unmarker {
            unmarker.decode(octets, each);
            return;
        }
        cut_bits(octets, self.receive);
        each(octets);
    }

    /// Appends characters for the line.
    pub fn send(&self, characters: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(characters);
        cut_bits(out.get_mut(start..).unwrap_or_default(), self.transmit);
    }

    /// The line was away.
    pub fn reset(&mut self) {
        if let Some(unmarker) = &mut self.unmarker {
            unmarker.reset();
        }
    }

    /// Characters that came damaged, and marks that were none.
    pub fn damaged(&self) -> (u64, u64) {
        let unmarker = self.unmarker.as_ref();
        unmarker.map_or((0, 0), |u| (u.damaged(), u.malformed()))
    }
}

fn cut_bits(characters: &mut [u8], mask: u8) {
    if mask != u8::MAX {
        for character in characters {
            *character &= mask;
        }
    }
}

/// The settings of a serial port for such characters.
pub fn port_settings(conf: &AsyncConf, rate: u32, ignore_dcd: bool) -> SerialSettings {
    let handshakes = &conf.handshakes;
    SerialSettings {
        data_bits: conf.transmit_bits,
        parity: match conf.parity {
            asynchronous::Parity::None => Parity::None,
            asynchronous::Parity::Odd => Parity::Odd,
            asynchronous::Parity::Even => Parity::Even,
        },
        stop_bits: match conf.stop_bits {
            asynchronous::StopBits::One => StopBits::One,
            // With five bits a character ports make one and a half of two.
            asynchronous::StopBits::OneAndHalf | asynchronous::StopBits::Two => StopBits::Two,
        },
        flow: FlowControl {
            // Both or neither: the configuration was checked.
            rts_cts: handshakes.rts_for_receive && handshakes.cts_for_transmit,
            sends_xoff: handshakes.xon_xoff_for_receive,
            obeys_xoff: handshakes.xon_xoff_for_transmit,
            xon: conf.xon,
            xoff: conf.xoff,
        },
        ignore_dcd,
        marks: true,
        ..SerialSettings::new(rate)
    }
}
