//! What the data path knows of a session.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use wanbox_link::ppp::Phase;
use wanbox_wire::radius::Prefix6;

use super::network::{address6, routes, routes6};
use super::{Concentrator, Direction, End, Outgoing, is_echo_request};
use crate::plane::{Call, Counters, Settings, Way};
use crate::session::Stage;
use crate::{SessionId, TunnelId};

impl Concentrator {
    /// The call of a session stands: frames can come and go.
    pub(super) fn open_path(&mut self, now: Instant, id: SessionId, peer: u16, sequencing: bool) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let Some(tunnel) = self.tunnels.get(session.tunnel) else {
            return;
        };
        let call = Call {
            tunnel: session.tunnel,
            call: session.call,
            peer_tunnel: tunnel.peer_number(),
            peer_call: peer,
            sequencing,
            way: Way {
                socket: tunnel.socket(),
                peer: tunnel.address(),
            },
        };
        self.plane.insert(now, id, call);
    }

    /// What PPP agreed on has changed. What there is for a further link of a bundle, its head has.
    pub(super) fn update_path(&mut self, now: Instant, id: SessionId) {
        let head = self.head_of(id);
        if head != id {
            self.plane.update(id, Settings::default());
        }
        let Some(session) = self.sessions.get(head) else {
            return;
        };
        let id = head;
        let link = session.link();
        let members = session.bundle.and_then(|bundle| self.plane.bundle(bundle));
        let members = members.map_or(0, |bundle| bundle.member_count());
        // With its own link alone, packets need not be shared out.
        let bundle = members > 1 || members == 1 && !self.plane.carries(id);
        let up = link.phase() == Phase::Network || members > 0;
        let passes = up && session.stage == Stage::Accepted;
        let network = session.network();
        let peer = link.peer();
        let mss = self.config.mru();
        let granted = session.grant.as_deref().map_or(0, |grant| grant.mtu);
        let mru = match self.links(id) {
            Some(links) if bundle => links.peer_mrru(),
            _ => peer.mru,
        };
        let mru = match granted {
            0 => mru,
            most => mru.min(most),
        };
        let settings = Settings {
            ipv4: passes && network.ipv4().is_some(),
            ipv6: passes && network.ipv6().is_some(),
            acfc: peer.acfc,
            pfc: peer.pfc,
            mru,
            clamp: mss.min(mru),
            bundle,
        };
        self.plane.update(id, settings);
        if settings.ipv4 && !session.address.is_unspecified() {
            self.plane.add_route(id, IpAddr::V4(session.address), 32);
            for route in routes(session) {
                self.plane
                    .add_route(id, IpAddr::V4(route.network), route.length);
            }
        }
        if settings.ipv6 {
            let mut own = routes6(session);
            let prefix = self.config.ipv6_prefix;
            if let Some(address) = prefix.and_then(|prefix| address6(session, prefix)) {
                own.push(Prefix6::new(address, 128));
            }
            for route in own {
                self.plane
                    .add_route(id, IpAddr::V6(route.network), route.length);
            }
        }
        let [from, to] = session.throttle;
        self.plane.set_throttle(now, id, Direction::In, from);
        self.plane.set_throttle(now, id, Direction::Out, to);
        let [from, to] = &session.filters;
        self.plane.set_filter(id, Direction::In, from.as_deref());
        self.plane.set_filter(id, Direction::Out, to.as_deref());
        self.plane.set_copy(id, session.snoop);
    }

    /// The session is over.
    pub(super) fn close_path(&mut self, _now: Instant, id: SessionId) {
        self.plane.remove(id);
    }

    /// Sends a PPP frame to a subscriber. The LAC should prefer echoes to data.
    pub(super) fn send_ppp(&mut self, _now: Instant, id: SessionId, frame: &[u8]) {
        let priority = is_echo_request(frame);
        let mut datagram = self.spare.pop().unwrap_or_default();
        if let Some((socket, to)) = self.plane.frame(id, frame, priority, &mut datagram) {
            self.outgoing
                .push_back((Outgoing::L2tp { socket, to }, datagram));
        }
    }

    /// What a session has counted.
    pub(super) fn traffic(&self, id: SessionId) -> Option<&Counters> {
        self.plane.counters(id)
    }

    /// When something came from a session last.
    pub(super) fn heard(&self, id: SessionId) -> Option<Instant> {
        self.traffic(id).map(|counters| counters.heard)
    }

    /// When data of any session of a tunnel came last. Packets do not tell the tunnel of it, so it is
    /// looked for when somebody wants to know.
    pub(super) fn tunnel_heard(&self, tunnel: TunnelId) -> Option<Instant> {
        let sessions = self.sessions.of_tunnel(tunnel);
        sessions.filter_map(|id| self.heard(id)).max()
    }

    /// When a session ends because of its age or its silence.
    pub(super) fn limit(&self, id: SessionId) -> Option<(Instant, bool)> {
        let session = self.sessions.get(id)?;
        let grant = session.grant.as_deref()?;
        let age = self.too_old(session).map(|at| (at, true));
        let idle = (grant.idle_timeout > 0)
            .then(|| {
                let data = self.traffic(self.head_of(id))?.data;
                let idle = Duration::from_secs(grant.idle_timeout.into());
                Some((data + idle, false))
            })
            .flatten();
        age.into_iter().chain(idle).min()
    }

    /// Ends a session that is too old or silent for too long.
    pub(super) fn expire(&mut self, now: Instant, id: SessionId) {
        let Some((at, age)) = self.limit(id) else {
            return;
        };
        if at <= now {
            let end = if age {
                End::hang_up(5, "Session timeout")
            } else {
                End::hang_up(4, "Idle Timeout Reached")
            };
            self.end(now, id, end);
        } else if let Some(session) = self.sessions.get_mut(id) {
            session.limit = Some(at);
        }
    }
}
