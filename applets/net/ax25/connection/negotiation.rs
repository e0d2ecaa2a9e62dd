//! XID: what both stations of version 2.2 can do (section 6.3.2), and TEST.
//!
//! The station whose SABME was accepted asks; the other one answers. Until then, and with stations
//! that do not answer, gaps are reported by REJ.

use std::time::Instant;

use wanbox_wire::ax25::xid::{Xid, classes, functions};
use wanbox_wire::ax25::{Class, Control, Unnumbered};
use wanbox_wire::lapb::Modulo;

use super::{Connection, Extended};

/// How often XID is sent to a station that does not answer it.
const TRIES: u8 = 3;
/// The least N1 that a peer may want, octets: nothing passes in pieces that are much shorter.
const SHORTEST: u16 = 64;

/// What waits to be sent, and for its answer.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    /// An answer: its kind, F and information.
    answer: Option<(Unnumbered, bool, Vec<u8>)>,
    /// XID is to be sent.
    due: bool,
    tries: u8,
    /// When XID is sent once more.
    pub(super) again: Option<Instant>,
}

impl Connection {
    /// Whether version 2.2 is known here.
    fn is_extensible(&self) -> bool {
        self.parameters.version != 1 && self.parameters.extended != Extended::Refused
    }

    /// The link is up: whoever asked for modulo 128 asks for the rest.
    pub(super) fn negotiate(&mut self) {
        let offered = self.parameters.extended == Extended::Offered;
        if offered && self.begun_here && self.modulo() == Modulo::OneTwentyEight {
            self.negotiation = Negotiation {
                due: true,
                ..Negotiation::default()
            };
        }
    }

    pub(super) fn modulo(&self) -> Modulo {
        self.engine.parameters().modulo
    }

    /// What this station can do.
    fn ability(&self) -> Xid {
        let modulo = match self.modulo() {
            Modulo::Eight => functions::MODULO_8,
            Modulo::OneTwentyEight => functions::MODULO_128,
        };
        Xid {
            classes: Some(classes::BALANCED | classes::HALF_DUPLEX),
            functions: Some(functions::ALWAYS | functions::REJ | functions::SREJ | modulo),
            n1_bits: Some(u32::from(self.parameters.paclen) * 8),
            window: Some(self.engine.own_k()),
            t1: Some(self.parameters.t1),
            n2: Some(u8::try_from(self.parameters.retry).unwrap_or(u8::MAX)),
        }
    }

    /// XID and TEST; `false` when the frame is another one.
    pub(super) fn receive_management(&mut self, class: Class, unit: &[u8]) -> bool {
        let control = Control::parse(Modulo::Eight, unit);
        let Ok((Control::Unnumbered { kind, poll_final }, information)) = control else {
            return false;
        };
        if !self.is_extensible() || kind == Unnumbered::Ui {
            return false;
        }
        match (kind, class) {
            (Unnumbered::Test, Class::Command) => {
                let most = information.len().min(self.parameters.paclen.into());
                let information = information.get(..most).unwrap_or_default();
                self.negotiation.answer = Some((kind, poll_final, information.to_vec()));
            }
            (Unnumbered::Xid, Class::Command) => {
                let Ok(theirs) = Xid::parse(information) else {
                    return true;
                };
                let selective = self.agree(theirs);
                let mut ours = self.ability();
                if !selective {
                    ours.functions = ours.functions.map(|all| all & !functions::SREJ);
                }
                let mut information = Vec::new();
                ours.append(&mut information);
                self.negotiation.answer = Some((kind, poll_final, information));
            }
            (Unnumbered::Xid, Class::Response) if self.negotiation.again.is_some() => {
                self.negotiation.again = None;
                if let Ok(theirs) = Xid::parse(information) {
                    self.agree(theirs);
                }
            }
            _ => {}
        }
        true
    }

    /// What both can do is done from now on: whether that is SREJ.
    fn agree(&mut self, theirs: Xid) -> bool {
        let selective = theirs
            .functions
            .is_some_and(|all| all & functions::SREJ != 0);
        self.engine
            .agree(selective, theirs.window.unwrap_or(u8::MAX));
        if let Some(bits) = theirs.n1_bits {
            let octets = u16::try_from(bits / 8).unwrap_or(u16::MAX).max(SHORTEST);
            self.parameters.paclen = self.parameters.paclen.min(octets);
        }
        selective
    }

    /// XID or TEST to send, written behind what `frame` holds.
    pub(super) fn transmit_management(
        &mut self,
        now: Instant,
        frame: &mut Vec<u8>,
    ) -> Option<Class> {
        if let Some((kind, poll_final, information)) = self.negotiation.answer.take() {
            Control::Unnumbered { kind, poll_final }.append(Modulo::Eight, frame);
            frame.extend_from_slice(&information);
            return Some(Class::Response);
        }
        if !self.engine.is_up() || !std::mem::take(&mut self.negotiation.due) {
            return None;
        }
        let kind = Unnumbered::Xid;
        let poll_final = true;
        Control::Unnumbered { kind, poll_final }.append(Modulo::Eight, frame);
        self.ability().append(frame);
        self.negotiation.tries += 1;
        self.negotiation.again = Some(now + self.status(now).timers[0].duration);
        Some(Class::Command)
    }

    /// Whether XID is sent once more.
    pub(super) fn negotiation_timeout(&mut self, now: Instant) {
        let passed = self.negotiation.again.take_if(|at| *at <= now).is_some();
        self.negotiation.due |= passed && self.negotiation.tries < TRIES;
    }
}
