//! From a call to PPP.

use std::time::{Duration, Instant};

use wanbox_link::ppp::{Claim, Proxied, auth};
use wanbox_wire::l2tp::{call_result, error, stop_result};

use super::{Concentrator, End, LOGINS, LOGINS_IN_SILENCE, Level};
use crate::session::{Session, Stage};
use crate::tunnel::{By, Cdn, Connection, Event, IncomingCall, ProxyAuthentication, Reason};
use crate::{CallId, SessionId, TunnelId};

/// A subscriber that has not said who it is for so long does not keep others waiting.
const SLOW: Duration = Duration::from_secs(5);
/// How long PPP may take until the network phase.
const SET_UP: Duration = Duration::from_secs(240);

impl Concentrator {
    /// A control connection has something to tell.
    pub(super) fn tunnel_event(&mut self, now: Instant, tunnel: TunnelId, event: Event) {
        match event {
            Event::Up => {
                self.counters.tunnel_created += 1;
                let from = self.tunnels.get(tunnel).map(|tunnel| tunnel.address());
                self.log(Level::Warning, Some(tunnel), None, || match from {
                    Some(from) => format!("New tunnel from {from} ID {tunnel}"),
                    None => format!("New tunnel ID {tunnel}"),
                });
            }
            Event::Incoming { call, request } => self.incoming(now, tunnel, call, request),
            Event::Connected {
                call,
                peer,
                connection,
            } => self.connected(now, (tunnel, call), peer, &connection),
            Event::CallDown { call, by, cdn } => {
                if !self.pacing.remove(tunnel, call)
                    && let Some(id) = self.sessions.of_call(tunnel, call)
                {
                    self.call_down(now, id, by, &cdn);
                }
            }
            Event::Down { by, reason } => {
                if by == By::Silence {
                    self.counters.tunnel_timeout += 1;
                }
                self.log(Level::Warning, Some(tunnel), None, || {
                    let text = String::from_utf8_lossy(&reason.text);
                    let result = reason.result;
                    match by {
                        By::Silence => format!("Kill tunnel {tunnel}: it does not answer"),
                        _ => format!("Kill tunnel {tunnel}: result {result} {text}"),
                    }
                });
            }
            Event::WanError { call, errors } => {
                let session = self.sessions.of_call(tunnel, call);
                self.log(Level::Info, Some(tunnel), session, || {
                    format!("The line of the call has errors: {errors:?}")
                });
            }
            // Only asynchronous framing has characters to escape, and it is the LAC's.
            Event::LinkInfo { .. } | Event::Placed { .. } => {}
        }
    }

    fn incoming(
        &mut self,
        now: Instant,
        tunnel: TunnelId,
        call: CallId,
        request: Box<IncomingCall>,
    ) {
        let refusal = if self.draining {
            Some(Reason::error(error::TRY_ANOTHER, "shutting down"))
        } else if self.sessions.len() + self.pacing.waiting() >= self.config.max_sessions as usize {
            self.counters.session_overflow += 1;
            Some(Reason::result(call_result::NO_FACILITIES))
        } else {
            None
        };
        match refusal {
            Some(reason) => {
                self.tunnels.hang_up(now, tunnel, call, &reason.into());
            }
            None => self.pacing.push(tunnel, call, request),
        }
    }

    /// Accepts calls while there is room for logins.
    pub(super) fn admit(&mut self, now: Instant) {
        if self.pacing.waiting() == 0 {
            return;
        }
        let silent = {
            let mut servers = self.radius.servers().peekable();
            servers.peek().is_some() && servers.all(|server| server.dead[0])
        };
        let most = if silent { LOGINS_IN_SILENCE } else { LOGINS };
        while let Some((tunnel, call, request)) = self.pacing.next(most) {
            let Some((id, unique)) = self.sessions.number(now, self.config.max_sessions as usize)
            else {
                self.counters.session_overflow += 1;
                self.pacing.done();
                let reason = Reason::result(call_result::NO_FACILITIES);
                self.tunnels.hang_up(now, tunnel, call, &reason.into());
                continue;
            };
            let seed = u128::from_be_bytes(self.random.block());
            let profile = &self.profiles.login;
            let mut session = Session::new(now, id, unique, (tunnel, call), profile, seed);
            session.called = text(&request.called);
            session.calling = text(&request.calling);
            session.slow = Some(now + SLOW);
            self.timers.set(&mut session);
            self.sessions.insert(session);
            self.counters.session_created += 1;
            if !self.tunnels.accept(tunnel, call) {
                self.end(now, id, End::gone(2, "The call ended."));
            }
        }
    }

    fn connected(
        &mut self,
        now: Instant,
        (tunnel, call): (TunnelId, CallId),
        peer: u16,
        connection: &Connection,
    ) {
        let Some(id) = self.sessions.of_call(tunnel, call) else {
            return;
        };
        self.open_path(now, id, peer, connection.sequencing);
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if session.stage != Stage::Called {
            return;
        }
        session.stage = Stage::Establish;
        session.speeds = [connection.tx_speed, connection.rx_speed.unwrap_or_default()];
        session.patience = Some(now + SET_UP);
        let link = session.link_mut();
        link.carrier(now, true);
        let adopted = self.config.l2tp_proxy
            && !connection.last_sent_confreq.is_empty()
            && link.adopt(
                now,
                Proxied {
                    sent: &connection.last_sent_confreq,
                    received: &connection.last_received_confreq,
                    proof: connection.proxy.as_deref().and_then(proof),
                },
            );
        if !adopted {
            link.open(now);
        }
        self.settle(now, id);
    }

    fn call_down(&mut self, now: Instant, id: SessionId, by: By, cdn: &Cdn) {
        let left = self.sessions.get(id).is_some_and(|session| session.left);
        let end = match by {
            By::Peer => {
                let terminate = cdn.terminate();
                End::gone(terminate.cause, terminate.text)
            }
            By::Silence => End::gone(2, "The tunnel does not answer."),
            By::Us | By::TieBreaker => End::gone(10, "Closed (call not set up)."),
        };
        // Who closed PPP wanted to go, however the LAC puts that.
        let end = if left { End { cause: 1, ..end } } else { end };
        self.end(now, id, end);
    }

    /// Ends a tunnel and what is in it.
    pub(super) fn close_tunnel(&mut self, now: Instant, tunnel: TunnelId, reason: &Reason) {
        let sessions: Vec<_> = self.sessions.of_tunnel(tunnel).collect();
        self.tunnels.close(now, tunnel, reason);
        for id in sessions {
            self.end(now, id, End::gone(6, "Requested by administrator."));
        }
    }

    /// Takes leave: all tunnels are closed, no new one is accepted, and [`Self::is_idle`] says when
    /// everybody knows.
    pub fn drain(&mut self, now: Instant) {
        self.draining = true;
        self.tunnels.set_stopping(true);
        let all: Vec<_> = self.tunnels.iter().map(|tunnel| tunnel.id()).collect();
        for tunnel in all {
            self.close_tunnel(now, tunnel, &Reason::result(stop_result::SHUTTING_DOWN));
        }
        self.work(now);
    }
}

/// What a LAC says in octets, for people.
fn text(octets: &[u8]) -> Box<str> {
    String::from_utf8_lossy(octets).into()
}

/// The proof that a LAC took, as we would have it from the peer.
fn proof(proxy: &ProxyAuthentication) -> Option<(u8, Claim)> {
    let proof = match proxy.kind {
        2 => auth::Proof::ChapMd5 {
            identifier: proxy.id,
            challenge: (&*proxy.challenge).try_into().ok()?,
            response: (&*proxy.response).try_into().ok()?,
        },
        3 => auth::Proof::Pap {
            password: proxy.response.clone(),
        },
        _ => return None,
    };
    let name = proxy.name.clone();
    Some((proxy.id, Claim { name, proof }))
}
