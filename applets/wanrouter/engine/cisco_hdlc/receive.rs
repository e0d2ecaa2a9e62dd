//! What a received frame does.

use std::net::Ipv4Addr;

use wanbox_wire::cisco_hdlc::{
    BROADCAST, CONTROL, Frame, Protocol, Slarp, SlarpMessage, SlarpRepr, UNICAST,
};

use super::address::{self, BadReply};
use super::keepalive::{Sender, Verdict};
use super::{CiscoHdlc, SlarpState};
use crate::{Delivery, Event, Marks, PayloadKind};

impl CiscoHdlc {
    pub(super) fn receive_streaming<'f>(&mut self, frame: &'f [u8]) -> Option<Delivery<'f>> {
        let Some(first) = frame.first() else {
            self.stats.rx_short += 1;
            return None;
        };
        if frame.len() > self.config.mtu as usize {
            self.stats.rx_long += 1;
            return None;
        }
        Some(Delivery {
            channel: self.config.channel,
            kind: match first >> 4 {
                _ if self.config.raw => PayloadKind::Raw(Marks::default()),
                4 => PayloadKind::Ipv4,
                6 => PayloadKind::Ipv6,
                _ => PayloadKind::Raw(Marks::default()),
            },
            payload: frame,
        })
    }

    pub(super) fn receive_framed<'f>(&mut self, octets: &'f [u8]) -> Option<Delivery<'f>> {
        let Ok(frame) = Frame::parse(octets) else {
            self.stats.rx_short += 1;
            self.stats.bad_header += 1;
            return None;
        };
        match frame.address() {
            UNICAST => {}
            BROADCAST => self.stats.rx_broadcast += 1,
            _ => {
                self.stats.bad_address += 1;
                return None;
            }
        }
        if frame.control() != CONTROL {
            self.stats.bad_control += 1;
            return None;
        }
        if frame.payload().len() > self.config.mtu as usize {
            self.stats.rx_long += 1;
            self.stats.bad_length += 1;
            return None;
        }
        match frame.protocol() {
            Protocol::Slarp => {
                self.receive_slarp(frame.payload());
                None
            }
            protocol if self.config.raw => self.receive_packet(
                PayloadKind::Raw(Marks {
                    protocol: protocol.into(),
                    ..Marks::default()
                }),
                frame.payload(),
            ),
            Protocol::Ipv4 => self.receive_packet(PayloadKind::Ipv4, frame.payload()),
            Protocol::Ipv6 => self.receive_packet(PayloadKind::Ipv6, frame.payload()),
            Protocol::Cdp => {
                self.stats.cdp_rx += 1;
                None
            }
            Protocol::Ipx => {
                self.stats.ipx_rx += 1;
                None
            }
            Protocol::Other(_) => {
                self.stats.bad_type += 1;
                None
            }
        }
    }

    fn receive_packet<'f>(&mut self, kind: PayloadKind, payload: &'f [u8]) -> Option<Delivery<'f>> {
        if !self.up {
            self.stats.rx_inactive += 1;
            return None;
        }
        if !kind.fits(payload) {
            self.stats.bad_payload += 1;
            return None;
        }
        Some(Delivery {
            channel: self.config.channel,
            kind,
            payload,
        })
    }

    fn receive_slarp(&mut self, payload: &[u8]) {
        let Ok(slarp) = Slarp::parse(payload) else {
            self.stats.bad_slarp_length += 1;
            return;
        };
        let Ok(slarp) = SlarpRepr::parse(&slarp) else {
            self.stats.bad_slarp_code += 1;
            return;
        };
        match slarp.message {
            SlarpMessage::Request { .. } => self.receive_request(),
            SlarpMessage::Reply { address, mask } => self.receive_reply(address, mask),
            SlarpMessage::Keepalive {
                sequence,
                last_received,
            } => self.receive_keepalive(sequence, last_received),
        }
    }

    fn receive_request(&mut self) {
        self.stats.slarp_requests_rx += 1;
        // While we ask ourselves our address is not certain, and on a looped
        // line the request may be our own.
        if self.local.is_some() && self.slarp != SlarpState::Requesting {
            self.pending.reply = true;
        } else {
            self.stats.requests_unanswered += 1;
        }
    }

    fn receive_reply(&mut self, peer: Ipv4Addr, mask: Ipv4Addr) {
        self.stats.slarp_replies_rx += 1;
        if self.slarp != SlarpState::Requesting {
            self.stats.reply_unsolicited += 1;
            return;
        }
        let own = match address::derive(peer, mask) {
            Ok(own) => own,
            Err(BadReply::Address) => {
                self.stats.reply_bad_address += 1;
                return;
            }
            Err(BadReply::Mask) => {
                self.stats.reply_bad_mask += 1;
                return;
            }
        };
        self.slarp = SlarpState::Resolved;
        self.awaiting_reply = false;
        self.timers.request = None;
        self.pending.request = false;
        if self.local != Some((own, mask)) {
            self.local = Some((own, mask));
            self.event(Event::LocalAddress(self.config.channel, own, mask));
            self.event(Event::PeerAddress(self.config.channel, peer));
        }
    }

    fn receive_keepalive(&mut self, sequence: u32, last_received: u32) {
        self.stats.keepalives_rx += 1;
        if !self.config.needs_keepalives() {
            return;
        }
        let (verdict, sender) = self.sequences.receive(sequence, last_received);
        match sender {
            Sender::Known => {}
            Sender::Waiting => self.prompt(),
            Sender::Restarted => {
                self.stats.peer_restarts += 1;
                self.prompt();
            }
        }
        match verdict {
            Verdict::Acknowledged => {
                self.restart_expected();
                self.go_up();
            }
            Verdict::Unacknowledged => {}
            // Shortens the time in which a peer that counts alike is not answered.
            Verdict::Suspect => self.prompt(),
            Verdict::Echo => self.found_loop(),
        }
    }
}
