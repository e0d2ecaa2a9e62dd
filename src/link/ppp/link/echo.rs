//! Echoes: whether the peer is there, and whether it is ourselves (RFC 1661 section 5.8).

use std::time::Instant;

use wanbox_wire::ppp::{Code, HEADER, Packet, Protocol};

use super::Link;
use crate::ppp::automaton::{Actions, Event as Signal};
use crate::ppp::layer::{self, Layer};
use crate::ppp::{Cause, Loopback};

impl Link {
    /// RFC 1661 sections 5.8 and 5.9.
    pub(super) fn receive_echo(&mut self, now: Instant, code: Code, packet: &Packet<'_>) {
        let peer = self.lcp.peer().magic;
        let local = self.lcp.local().magic;
        self.count(|stats| match code {
            Code::EchoRequest => &mut stats.echo_request.received,
            Code::EchoReply => &mut stats.echo_reply.received,
            _ => &mut stats.discard_request.received,
        });
        let Some((&magic, rest)) = packet.data.split_first_chunk() else {
            self.count(|stats| &mut stats.lcp.malformed);
            return;
        };
        if !self.lcp.core().is_opened() {
            self.count(|stats| &mut stats.out_of_phase);
            return;
        }
        let magic = u32::from_be_bytes(magic);
        if magic != 0 && magic != peer {
            let own = magic == local;
            let select: fn(&mut Loopback) -> &mut u32 = match (code, own) {
                (Code::EchoRequest, true) => |loopback| &mut loopback.echo_request,
                (Code::EchoRequest, false) => |loopback| &mut loopback.echo_request_foreign,
                (Code::EchoReply, true) => |loopback| &mut loopback.echo_reply,
                (Code::EchoReply, false) => |loopback| &mut loopback.echo_reply_foreign,
                (_, true) => |loopback| &mut loopback.discard_request,
                (_, false) => |loopback| &mut loopback.discard_request_foreign,
            };
            self.count(|stats| select(&mut stats.loopback));
            if own {
                self.fail(now, Cause::Looped);
                return;
            }
        }
        match code {
            Code::EchoRequest => {
                let room = usize::from(self.lcp.peer().mru).saturating_sub(HEADER + 4);
                let rest = rest.get(..room).unwrap_or(rest);
                let identifier = packet.identifier;
                let actions = self.with_lcp(now, |lcp, context| {
                    let actions = layer::signal(lcp, context, Signal::Rxr);
                    if actions.contains(Actions::SER) {
                        let octets = 4 + rest.len();
                        let code = Code::EchoReply;
                        context.send(Protocol::LCP, code, identifier, octets, |writer| {
                            writer.data(&local.to_be_bytes());
                            writer.data(rest);
                        });
                    }
                    actions
                });
                if actions.contains(Actions::SER) {
                    self.count(|stats| &mut stats.echo_reply.sent);
                }
            }
            Code::EchoReply => self.echoes_pending = 0,
            _ => {}
        }
    }

    /// Sends an Echo-Request, or gives up.
    pub(super) fn send_echo(&mut self, now: Instant) {
        self.echo = None;
        let config = &self.profile.lcp;
        let (Some(interval), false) = (config.echo_interval, self.no_echo) else {
            return;
        };
        if self.echoes_pending >= config.echo_failures {
            self.fail(now, Cause::Keepalive);
            return;
        }
        self.echoes_pending += 1;
        self.echo = Some(now + interval);
        let magic = self.lcp.local().magic;
        self.with_lcp(now, |lcp, context| {
            let identifier = lcp.core().next_identifier();
            context.send(Protocol::LCP, Code::EchoRequest, identifier, 4, |writer| {
                writer.data(&magic.to_be_bytes());
            });
        });
        self.count(|stats| &mut stats.echo_request.sent);
    }
}
