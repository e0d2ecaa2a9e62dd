//! What people are shown of a running concentrator. What may be long is given one by one, from a
//! number on, until the taker has enough.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::time::Instant;

use wanbox_link::ppp::{Phase, automaton::State};
use wanbox_link::throttle::Throttle;

use super::{Concentrator, Direction};
use crate::radius::acct_session_id;
use crate::session::{Session, Stage};
use crate::show::{
    Bucket, Histogram, IpCacheRow, Origin, PoolRow, PoolTotals, RadiusRow, RadiusState, SessionRow,
    ThrottleRow, TunnelRow, TunnelState,
};
use crate::tunnel::{self, Tunnel};
use crate::{SessionId, TunnelId, show};

/// Whether another one is wanted.
pub type More = ControlFlow<()>;

impl Concentrator {
    fn seconds(now: Instant, since: Instant) -> u64 {
        now.saturating_duration_since(since).as_secs()
    }

    /// A session in the list of all.
    #[must_use]
    pub fn session_row<'s>(&'s self, now: Instant, session: &'s Session) -> SessionRow<'s> {
        let counters = self.traffic(session.id);
        let peer = self.tunnels.get(session.tunnel).map(Tunnel::address);
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        SessionRow {
            session: session.id,
            linked: None,
            tunnel: session.tunnel,
            user: &session.user,
            address: address(session),
            snooped: session.snoop.is_some(),
            throttled: session.throttle != [0; 2],
            garden: session.garden,
            ipv6: self.head(session).network().ipv6().is_some(),
            opened: Self::seconds(now, session.opened),
            downloaded: counters.map_or(0, |counters| counters.octets_out),
            uploaded: counters.map_or(0, |counters| counters.octets_in),
            idle: counters.map_or(0, |counters| Self::seconds(now, counters.heard)),
            remaining: self.session_remaining(now, session),
            origin: Origin::Lac(peer.map_or(unspecified, |peer| peer.ip().to_canonical())),
            calling: &session.calling,
        }
    }

    /// The sessions with numbers from `from` on.
    pub fn session_rows(
        &self,
        now: Instant,
        from: SessionId,
    ) -> impl Iterator<Item = SessionRow<'_>> {
        self.sessions
            .from(from)
            .map(move |session| self.session_row(now, session))
    }

    fn session_remaining(&self, now: Instant, session: &Session) -> Option<u64> {
        let end = self.too_old(session)?;
        Some(end.saturating_duration_since(now).as_secs())
    }

    /// Everything about a session is given to `show`; `None` when there is no such session.
    pub fn with_session<R>(
        &self,
        now: Instant,
        id: SessionId,
        show: impl FnOnce(&show::Session<'_>) -> R,
    ) -> Option<R> {
        let session = self.sessions.get(id)?;
        let counters = self.traffic(id);
        let grant = session.grant.as_deref();
        let unix = self.clock.unix(session.opened);
        let accounting = acct_session_id(session.unique, unix);
        let idle_timeout = grant
            .filter(|grant| grant.idle_timeout > 0)
            .and_then(|grant| {
                let data = self.traffic(self.head_of(id))?.data;
                let silent = Self::seconds(now, data);
                Some(u64::from(grant.idle_timeout).saturating_sub(silent))
            });
        let routes: Vec<String> = grant.map_or_else(Vec::new, |grant| {
            let text =
                |route: &crate::radius::Route4| format!("{}/{}", route.network, route.length);
            grant.routes.iter().map(text).collect()
        });
        let prefixes: Vec<String> = super::network::routes6(session)
            .iter()
            .map(|prefix| format!("{}/{}", prefix.network, prefix.length))
            .collect();
        let dropped: Vec<(&'static str, u64)> = counters.map_or_else(Vec::new, |counters| {
            [
                ("from_the_user", counters.dropped_in),
                ("to_the_user", counters.dropped_out),
            ]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect()
        });
        let bundle = session.bundle.and_then(|bundle| {
            let (links, state) = (self.bundles.get(&bundle)?, self.plane.bundle(bundle)?);
            Some(show::Bundle {
                number: super::bundle::number(bundle),
                links: &links.sessions,
                mrru: links.peer_mrru(),
                lost: state.stats().lost,
            })
        });
        let rate = |rate: u32| (rate > 0).then_some(rate);
        let [from, to] = session.throttle;
        let [tx_speed, rx_speed] = session.speeds;
        let [filter_in, filter_out] = &session.filters;
        Some(show(&show::Session {
            row: self.session_row(now, session),
            called: &session.called,
            phase: phase(session, self.head(session)),
            unique: u64::from(session.unique) << 32 | (unix & 0xffff_ffff),
            accounting: &accounting,
            session_timeout: self.session_remaining(now, session),
            idle_timeout,
            packets_down: counters.map_or(0, |counters| counters.packets_out),
            packets_up: counters.map_or(0, |counters| counters.packets_in),
            mru: session.link().peer().mru,
            rx_speed: rx_speed.into(),
            tx_speed: tx_speed.into(),
            filter_in: filter_in.as_deref(),
            filter_out: filter_out.as_deref(),
            snoop: session.snoop,
            throttle: (rate(from), rate(to)),
            buckets: (
                self.bucket(self.head_of(id), Direction::In),
                self.bucket(self.head_of(id), Direction::Out),
            ),
            routes: &routes,
            prefixes: &prefixes,
            bundle: bundle.as_ref(),
            dropped: &dropped,
        }))
    }

    fn bucket(&self, id: SessionId, direction: Direction) -> Option<Bucket> {
        let throttle = self.plane.throttle(id, direction)?;
        Some(bucket(id, direction, throttle))
    }

    /// The token buckets of all sessions, in no order.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        self.plane
            .throttles()
            .map(|(id, direction, throttle)| bucket(id, direction, throttle))
    }

    /// The throttled sessions with numbers from `from` on.
    pub fn throttle_rows(&self, from: SessionId) -> impl Iterator<Item = ThrottleRow<'_>> {
        let throttled = |session: &&Session| session.throttle != [0; 2];
        self.sessions.from(from).filter(throttled).map(|session| {
            let [rate_in, rate_out] = session.throttle;
            let number = |rate, direction| {
                if rate > 0 {
                    bucket_number(self.head_of(session.id), direction)
                } else {
                    0
                }
            };
            ThrottleRow {
                session: session.id,
                tunnel: session.tunnel,
                user: &session.user,
                rate_in,
                rate_out,
                bucket_in: number(rate_in, Direction::In),
                bucket_out: number(rate_out, Direction::Out),
            }
        })
    }

    /// The tunnels with numbers from `from` on; without `all` only those that are not ending.
    pub fn tunnel_rows(
        &self,
        from: TunnelId,
        all: bool,
        mut each: impl FnMut(&TunnelRow<'_>) -> More,
    ) {
        for tunnel in self.tunnels.iter().filter(|tunnel| tunnel.id() >= from) {
            let state = state(tunnel);
            if !all && matches!(state, TunnelState::Closing | TunnelState::Free) {
                continue;
            }
            let host = String::from_utf8_lossy(&tunnel.peer().host_name);
            let row = TunnelRow {
                tunnel: tunnel.id(),
                host: &host,
                address: Some(tunnel.address().ip().to_canonical()),
                state,
                sessions: self.sessions.of_tunnel(tunnel.id()).count(),
                to_remote_lns: false,
            };
            if each(&row).is_break() {
                return;
            }
        }
    }

    /// Everything about a tunnel is given to `show`; `None` when there is no such tunnel.
    pub fn with_tunnel<R>(
        &self,
        now: Instant,
        id: TunnelId,
        show: impl FnOnce(&show::Tunnel<'_>) -> R,
    ) -> Option<R> {
        let tunnel = self.tunnels.get(id)?;
        let peer = tunnel.peer();
        let sessions: Vec<_> = self.sessions.of_tunnel(id).collect();
        let (next_received, next_sent) = tunnel.numbers();
        Some(show(&show::Tunnel {
            tunnel: id,
            state: state(tunnel),
            host: &String::from_utf8_lossy(&peer.host_name),
            vendor: &String::from_utf8_lossy(&peer.vendor),
            peer: Some(tunnel.address()),
            peer_tunnel: tunnel.peer_number(),
            window: peer.window.unwrap_or(4),
            next_received,
            next_sent,
            queued: tunnel.backlog(),
            last_sent: tunnel.last_sent().map(|at| Self::seconds(now, at)),
            sessions: &sessions,
        }))
    }

    /// The addresses of the pool that somebody has or had, and their numbers in all; with `all`
    /// also those that nobody had, from `from` on.
    pub fn pool_rows(
        &self,
        now: Instant,
        from: Ipv4Addr,
        all: bool,
        mut each: impl FnMut(&PoolRow<'_>) -> More,
    ) {
        let leases = self
            .pool
            .leases()
            .into_iter()
            .filter(|lease| lease.address >= from);
        for lease in leases {
            let row = PoolRow {
                address: lease.address,
                session: lease.session,
                user: lease.user,
                released: lease.released.map(|since| Self::seconds(now, since)),
            };
            if each(&row).is_break() {
                return;
            }
        }
        if all {
            for address in self.pool.never_used().skip_while(|address| *address < from) {
                let row = PoolRow {
                    address,
                    session: None,
                    user: "",
                    released: None,
                };
                if each(&row).is_break() {
                    return;
                }
            }
        }
    }

    /// How much of the pool is in use.
    #[must_use]
    pub fn pool_totals(&self, all: bool) -> PoolTotals {
        PoolTotals {
            free: self.pool.free(),
            used: self.pool.used(),
            all,
        }
    }

    /// What leads to which session, for those with numbers from `from` on.
    pub fn ip_cache(&self, from: SessionId) -> impl Iterator<Item = IpCacheRow> {
        self.sessions.from(from).flat_map(|session| {
            let routes = self.plane.routes(session.id).iter();
            routes.map(|(address, length)| IpCacheRow {
                session: session.id,
                address: *address,
                length: *length,
            })
        })
    }

    /// RADIUS exchanges under way.
    pub fn radius_rows(&self, now: Instant) -> impl Iterator<Item = RadiusRow> {
        self.radius.exchanges().map(move |exchange| RadiusRow {
            slot: exchange.number.into(),
            identifier: (exchange.number >> 6) as u8,
            socket: u32::from(exchange.number & 63),
            state: match exchange.state {
                "START" => RadiusState::Start,
                "STOP" => RadiusState::Stop,
                "INTERIM" => RadiusState::Interim,
                _ => RadiusState::Auth,
            },
            session: self.of_key(exchange.key),
            retry: (exchange.retry.saturating_duration_since(now).as_millis() / 100) as u64,
            tries: u32::try_from(exchange.tries).unwrap_or(u32::MAX),
        })
    }

    /// How long nothing came from how many sessions.
    #[must_use]
    pub fn idle_histogram(&self, now: Instant) -> Histogram {
        let idle = |session: &Session| {
            self.traffic(session.id)
                .map(|counters| Self::seconds(now, counters.data))
        };
        Histogram::idle(self.sessions.iter().filter_map(idle))
    }

    /// How many sessions are how old.
    #[must_use]
    pub fn open_histogram(&self, now: Instant) -> Histogram {
        Histogram::open(
            self.sessions
                .iter()
                .map(|session| Self::seconds(now, session.opened)),
        )
    }

    /// The users that are connected, in the order of their names.
    pub fn users(&self, begin: &str) -> impl Iterator<Item = &str> {
        self.sessions.users(begin)
    }

    /// All counters but those of the TUN and the sockets, by name.
    #[must_use]
    pub fn named_counters(&self) -> Vec<(&'static str, u64)> {
        let own = &self.counters;
        let mut all = vec![
            ("tunnel_created", own.tunnel_created),
            ("tunnel_timeout", own.tunnel_timeout),
            ("session_created", own.session_created),
            ("session_timeout", own.session_timeout),
            ("session_overflow", own.session_overflow),
            ("logins", own.logins),
            ("logins_refused", own.logins_refused),
            ("radius_timeout", own.radius_timeout),
            ("radius_overflow", own.radius_overflow),
            ("ip_allocated", own.ip_allocated),
            ("ip_freed", own.ip_freed),
            ("ip_exhausted", own.ip_exhausted),
            ("stale_frames", own.stale_frames),
            (show::CALLS_WAITING, self.pacing.waiting() as u64),
        ];
        let answers = self.radius.servers().flat_map(|server| server.stats);
        for of in answers {
            all.extend([
                ("radius_retries", of.retransmissions),
                ("radius_accepted", of.accepted),
                ("radius_rejected", of.rejected + of.challenged),
                ("radius_unanswered", of.timeouts),
                ("radius_unknown_code", of.unknown_code),
                ("radius_bad_authenticator", of.bad_authenticator),
                (
                    "radius_bad_message_authenticator",
                    of.bad_message_authenticator,
                ),
            ]);
        }
        let of = self.radius.unmatched();
        all.extend([
            ("radius_malformed", of.malformed),
            ("radius_late", of.late),
            ("radius_not_a_server", of.foreign),
            ("radius_refused", of.refused),
            ("radius_expired", of.expired),
            ("radius_records_lost", of.lost),
        ]);
        let of = self.dae.stats();
        all.extend([
            ("dae_disconnects", of.disconnects),
            ("dae_changes", of.changes),
            ("dae_refused", of.refused),
            ("dae_malformed", of.malformed),
            ("dae_not_a_client", of.foreign),
            (
                "dae_not_authentic",
                of.bad_authenticator + of.bad_message_authenticator,
            ),
            ("dae_stale", of.stale),
            ("dae_repeated", of.repeated + of.replayed),
            ("dae_busy", of.busy),
        ]);
        let stats = self.plane.stats();
        all.extend([
            ("icmp_sent", stats.icmp),
            ("icmp_limited", stats.icmp_limited),
        ]);
        all.extend(crate::plane::Cause::ALL.map(|cause| (cause.name(), stats.dropped(cause))));
        all.push(("bundles", self.bundles.len() as u64));
        all.extend(self.plane.bundle_stats());
        let tunnels = self.tunnels.stats();
        all.extend(
            tunnels
                .named()
                .map(|(name, count)| (name, u64::from(count))),
        );
        let table = self.tunnels.table_stats();
        all.extend(table.named().map(|(name, count)| (name, u64::from(count))));
        // What the table and its tunnels both count.
        let mut sums = std::collections::BTreeMap::new();
        for (name, count) in all {
            *sums.entry(name).or_insert(0) += count;
        }
        sums.into_iter().collect()
    }
}

fn address(session: &Session) -> Option<Ipv4Addr> {
    (!session.address.is_unspecified()).then_some(session.address)
}

fn bucket_number(id: SessionId, direction: Direction) -> u32 {
    2 * id.0 - u32::from(direction == Direction::In)
}

fn bucket(id: SessionId, direction: Direction, throttle: &Throttle) -> Bucket {
    let counters = throttle.counters();
    let (queued, credit) = throttle.level();
    Bucket {
        bucket: bucket_number(id, direction),
        session: id,
        waiting: queued > 0,
        rate: u64::from(throttle.rate()) * 1024,
        credit,
        queued: queued as u64,
        octets_in: counters.octets_in,
        packets_in: counters.packets_in,
        octets_sent: counters.octets_sent,
        packets_sent: counters.packets_sent,
        packets_dropped: counters.packets_dropped,
        packets_delayed: counters.packets_delayed,
    }
}

fn state(tunnel: &Tunnel) -> TunnelState {
    match tunnel.state() {
        tunnel::State::WaitReply | tunnel::State::WaitConnect => TunnelState::Opening,
        tunnel::State::Established => TunnelState::Open,
        tunnel::State::Closing | tunnel::State::Lingering => TunnelState::Closing,
        tunnel::State::Dead => TunnelState::Free,
    }
}

/// How far PPP is, in the words of the original.
fn phase(session: &Session, head: &Session) -> show::Phase {
    let network = head.network();
    let (ipcp, ipv6cp) = (name(network.ipcp_state()), name(network.ipv6cp_state()));
    let ccp = name(State::Initial);
    match session.link().phase() {
        Phase::Dead if session.stage == Stage::Called => show::Phase::Dead,
        Phase::Dead | Phase::Terminate => show::Phase::Terminate,
        Phase::Establish => show::Phase::Establish {
            lcp: name(session.link().view().lcp),
        },
        Phase::Authenticate => show::Phase::Authenticate { ipcp, ipv6cp, ccp },
        Phase::Network => show::Phase::Network { ipcp, ipv6cp, ccp },
    }
}

const fn name(state: State) -> &'static str {
    match state {
        State::Initial => "Initial",
        State::Starting => "Starting",
        State::Closed => "Closed",
        State::Stopped => "Stopped",
        State::Closing => "Closing",
        State::Stopping => "Stopping",
        State::ReqSent => "Request-Sent",
        State::AckRcvd => "Ack-Received",
        State::AckSent => "Ack-Sent",
        State::Opened => "Opened",
    }
}
