//! IPv6 on the link to a subscriber: what is for us and not to be forwarded.

use std::net::Ipv6Addr;
use std::time::Instant;

use wanbox_wire::ndp::ALL_NODES;
use wanbox_wire::ppp::{Frame, Protocol};

use super::Concentrator;
use super::network::address6;
use crate::SessionId;
use crate::ipv6::{Binding, Facts, Server};
use crate::session::Session;

impl Concentrator {
    /// A frame of a session with IPv6 came in that the data path does not forward; `false` when it
    /// is none.
    pub(super) fn neighbour(&mut self, now: Instant, id: SessionId, frame: &[u8]) -> bool {
        let Ok(frame) = Frame::parse(frame) else {
            return false;
        };
        if frame.protocol != Protocol::IPV6 {
            return false;
        }
        let open = self
            .sessions
            .get(id)
            .is_some_and(|session| session.network().ipv6().is_some());
        if open && Server::concerns(frame.information) {
            self.with_neighbour(now, id, |server, binding, facts| {
                server.receive(binding, facts, frame.information)
            });
        }
        true
    }

    /// Tells a session what its prefix is: when IPV6CP opened, and whenever the client sends an
    /// LCP Echo-Request, for some forget it.
    pub(super) fn advertise(&mut self, now: Instant, id: SessionId) {
        self.with_neighbour(now, id, |server, _, facts| {
            vec![server.router_advertisement(facts, ALL_NODES)]
        });
    }

    fn with_neighbour(
        &mut self,
        now: Instant,
        id: SessionId,
        work: impl FnOnce(&mut Server, &mut Binding, &Facts<'_>) -> Vec<Vec<u8>>,
    ) {
        let prefix = self.config.ipv6_prefix;
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.network().ipv6().is_none() {
            return;
        }
        let prefixes = delegated(session);
        let facts = Facts {
            ipv4: (!session.address.is_unspecified()).then_some(session.address),
            address: prefix.and_then(|prefix| address6(session, prefix)),
            prefixes: &prefixes,
        };
        let mut binding = session.binding.take().unwrap_or_default();
        let packets = work(&mut self.ipv6, &mut binding, &facts);
        let kept = *binding != Binding::default();
        session.binding = kept.then_some(binding);
        for packet in packets {
            let mut frame = std::mem::take(&mut self.frame);
            frame.clear();
            frame.extend_from_slice(&Protocol::IPV6.0.to_be_bytes());
            frame.extend_from_slice(&packet);
            self.send_network(now, id, &frame);
            self.frame = frame;
        }
    }
}

/// What the client may ask for.
fn delegated(session: &Session) -> Vec<(Ipv6Addr, u8)> {
    let Some(grant) = session.grant.as_deref() else {
        return Vec::new();
    };
    grant
        .delegated
        .iter()
        .chain(&grant.routes6)
        .map(|prefix| (prefix.network, prefix.length))
        .collect()
}
