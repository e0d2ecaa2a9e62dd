//! Requests of a server to us: to disconnect a session and to change what it may (RFC 5176).
//!
//! A request is taken from those who may ask, who know the secret, once: its repetition gets the
//! same answer, a copy from elsewhere none. One with an Event-Timestamp is remembered for as long
//! as its time would be believed.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use wanbox_wire::radius::{Authenticator, Code, ErrorCause, HEADER, Kind, Packet, Prefix6, Writer};

use super::{Authorization, Nas, SharedSecret};
use crate::SessionId;

/// How far our clock and a server's may be apart, seconds (RFC 5176 section 6.3).
pub const WINDOW: u64 = 300;
/// For how long a request without a time is remembered.
const REPEATED: Duration = Duration::from_secs(30);
/// Requests remembered; more are refused meanwhile.
const REMEMBERED: usize = 4096;

/// What a server of these requests goes by.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What they and we share; an empty one lets nobody in.
    pub secret: SharedSecret,
    /// Who we are: requests for another NAS are refused.
    pub nas: Nas,
    /// Who may ask; empty: anybody who knows the secret.
    pub clients: Vec<IpAddr>,
    /// Whether requests without Event-Timestamp are dropped.
    pub require_timestamp: bool,
    /// Whether requests without Message-Authenticator are dropped.
    pub require_message_authenticator: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End the session.
    Disconnect,
    /// Set its filters and what its plugins do anew.
    Change,
}

/// Which session is meant: what is said has to be true of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// User-Name.
    pub user: Option<Box<[u8]>>,
    /// NAS-Port.
    pub session: Option<SessionId>,
    /// Framed-IP-Address: the session's, or one that is routed to it.
    pub address: Option<Ipv4Addr>,
    /// Framed-IPv6-Address.
    pub address6: Option<Ipv6Addr>,
    /// Framed-IPv6-Prefix.
    pub prefix6: Option<Prefix6>,
    /// Delegated-IPv6-Prefix.
    pub delegated: Option<Prefix6>,
    /// Framed-Interface-Id.
    pub interface_id: Option<u64>,
    /// Acct-Session-Id.
    pub acct_session_id: Option<Box<[u8]>>,
    /// Acct-Multi-Session-Id.
    pub multi_session_id: Option<Box<[u8]>>,
    /// Called-Station-Id.
    pub called: Option<Box<[u8]>>,
    /// Calling-Station-Id.
    pub calling: Option<Box<[u8]>>,
}

/// Which request an answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u64);

/// A request to be carried out, and answered with [`Server::answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which it is.
    pub token: Token,
    /// What is asked.
    pub action: Action,
    /// Of which session.
    pub selector: Selector,
    /// What a change sets.
    pub changes: Authorization,
}

/// Counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Disconnect-Requests taken.
    pub disconnects: u64,
    /// CoA-Requests taken.
    pub changes: u64,
    /// Requests carried out.
    pub acknowledged: u64,
    /// Requests refused with a cause.
    pub refused: u64,
    /// Datagrams that are no such requests.
    pub malformed: u64,
    /// Requests from who may not ask.
    pub foreign: u64,
    /// Requests by who does not know the secret.
    pub bad_authenticator: u64,
    /// Requests whose Message-Authenticator is missing or wrong.
    pub bad_message_authenticator: u64,
    /// Requests whose time is missing or too far from ours.
    pub stale: u64,
    /// Repetitions.
    pub repeated: u64,
    /// Copies from elsewhere.
    pub replayed: u64,
    /// Requests dropped because as many are remembered as may be.
    pub busy: u64,
}

/// A request that was taken.
#[derive(Debug)]
struct Taken {
    token: Token,
    from: SocketAddr,
    until: Instant,
    code: Code,
    identifier: u8,
    authenticator: Authenticator,
    signed: bool,
    /// Proxy-State, to be returned (RFC 5176 section 3).
    proxies: Vec<Box<[u8]>>,
    answer: Option<Vec<u8>>,
}

/// Takes requests.
#[derive(Debug)]
pub struct Server {
    config: Config,
    taken: VecDeque<Taken>,
    next: u64,
    sends: VecDeque<(SocketAddr, Vec<u8>)>,
    stats: Stats,
}

impl Server {
    /// A server that has taken nothing.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            taken: VecDeque::new(),
            next: 0,
            sends: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    /// Another configuration.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// Its counters.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// A datagram came in at `unix`, seconds since 1970. What has to be done is returned; what is
    /// wrong is answered, or dropped, and counted.
    pub fn receive(
        &mut self,
        now: Instant,
        unix: u64,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Option<Request> {
        let packet = self.admit(unix, from, datagram)?;
        if self.is_known(now, from, &packet) {
            return None;
        }
        let token = Token(self.next);
        self.next += 1;
        let timed = packet.find(Kind::EVENT_TIMESTAMP).is_some();
        let kept = if timed {
            // It may be from WINDOW ahead.
            Duration::from_secs(2 * WINDOW)
        } else {
            REPEATED
        };
        let proxies = packet
            .attributes()
            .filter(|attribute| attribute.kind == Kind::PROXY_STATE)
            .map(|attribute| attribute.value.into());
        self.taken.push_back(Taken {
            token,
            from,
            until: now + kept,
            code: packet.code(),
            identifier: packet.identifier(),
            authenticator: *packet.authenticator(),
            signed: packet.find(Kind::MESSAGE_AUTHENTICATOR).is_some(),
            proxies: proxies.collect(),
            answer: None,
        });
        let action = if packet.code() == Code::DISCONNECT_REQUEST {
            self.stats.disconnects += 1;
            Action::Disconnect
        } else {
            self.stats.changes += 1;
            Action::Change
        };
        let changes = Authorization::parse(&packet, &self.config.secret, packet.authenticator());
        match select(&packet, &self.config.nas, &changes) {
            Ok(selector) => Some(Request {
                token,
                action,
                selector,
                changes,
            }),
            Err(cause) => {
                self.answer(token, Err(cause));
                None
            }
        }
    }

    /// A request was carried out, or why it was not. Given once for each.
    pub fn answer(&mut self, token: Token, result: Result<(), ErrorCause>) {
        let Some(taken) = self.taken.iter_mut().find(|taken| taken.token == token) else {
            return;
        };
        match result {
            Ok(()) => self.stats.acknowledged += 1,
            Err(_) => self.stats.refused += 1,
        }
        let octets = taken.emit(&self.config.secret, result.err());
        self.sends.push_back((taken.from, octets.clone()));
        taken.answer = Some(octets);
    }

    /// The next datagram to send, written over `datagram`, and to whom.
    pub fn poll_transmit(&mut self, datagram: &mut Vec<u8>) -> Option<SocketAddr> {
        let (to, octets) = self.sends.pop_front()?;
        datagram.clear();
        datagram.extend_from_slice(&octets);
        Some(to)
    }

    /// A request by who may ask, who knows the secret, and of our time.
    fn admit<'d>(&mut self, unix: u64, from: SocketAddr, datagram: &'d [u8]) -> Option<Packet<'d>> {
        let config = &self.config;
        let stats = &mut self.stats;
        let packet = Packet::parse(datagram)
            .ok()
            .filter(|packet| matches!(packet.code(), Code::DISCONNECT_REQUEST | Code::COA_REQUEST));
        let Some(packet) = packet else {
            stats.malformed += 1;
            return None;
        };
        let ip = from.ip().to_canonical();
        if !config.clients.is_empty() && !config.clients.contains(&ip) {
            stats.foreign += 1;
            return None;
        }
        if config.secret.is_empty() || !config.secret.is_request(&packet) {
            stats.bad_authenticator += 1;
            return None;
        }
        match config.secret.is_signed(&packet, &[0; 16]) {
            Some(true) => {}
            None if !config.require_message_authenticator => {}
            _ => {
                stats.bad_message_authenticator += 1;
                return None;
            }
        }
        let believed = match packet.find(Kind::EVENT_TIMESTAMP) {
            Some(time) => time
                .u32()
                .is_ok_and(|time| u64::from(time).abs_diff(unix) <= WINDOW),
            None => !config.require_timestamp,
        };
        if !believed {
            stats.stale += 1;
            return None;
        }
        Some(packet)
    }

    /// Whether a request was taken before, or none can be taken; the same one is answered again.
    fn is_known(&mut self, now: Instant, from: SocketAddr, packet: &Packet<'_>) -> bool {
        self.taken.retain(|taken| taken.until > now);
        let before = self
            .taken
            .iter()
            .find(|taken| taken.authenticator == *packet.authenticator());
        match before {
            Some(taken) if taken.from == from => {
                self.stats.repeated += 1;
                if let Some(answer) = &taken.answer {
                    self.sends.push_back((from, answer.clone()));
                }
                true
            }
            Some(_) => {
                self.stats.replayed += 1;
                true
            }
            None if self.taken.len() >= REMEMBERED => {
                self.stats.busy += 1;
                true
            }
            None => false,
        }
    }
}

impl Taken {
    /// The answer to it.
    fn emit(&self, secret: &SharedSecret, cause: Option<ErrorCause>) -> Vec<u8> {
        let code = match (self.code, cause) {
            (Code::DISCONNECT_REQUEST, None) => Code::DISCONNECT_ACK,
            (Code::DISCONNECT_REQUEST, Some(_)) => Code::DISCONNECT_NAK,
            (_, None) => Code::COA_ACK,
            (_, Some(_)) => Code::COA_NAK,
        };
        let mut octets = Vec::new();
        let mut writer = Writer::new(&mut octets, code, self.identifier);
        if self.signed {
            writer.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
        }
        if let Some(cause) = cause {
            writer.u32(Kind::ERROR_CAUSE, cause.0);
        }
        for state in &self.proxies {
            writer.attribute(Kind::PROXY_STATE, state);
        }
        writer.finish(&[0; 16]);
        if self.signed {
            secret.sign(&mut octets, HEADER + 2, &self.authenticator);
        }
        let authenticator = secret.authenticator(&octets, &self.authenticator);
        if let Some(field) = octets.get_mut(wanbox_wire::radius::AUTHENTICATOR) {
            field.copy_from_slice(&authenticator);
        }
        octets
    }
}

/// Which session a request is about, or what is wrong with it: first with its attributes, then
/// with the service it asks for, then that it names none.
fn select(packet: &Packet<'_>, nas: &Nas, changes: &Authorization) -> Result<Selector, ErrorCause> {
    let mut selector = Selector::default();
    let invalid = |_| ErrorCause::INVALID_REQUEST;
    for attribute in packet.attributes() {
        let value = attribute.value;
        match attribute.kind {
            Kind::USER_NAME => selector.user = Some(value.into()),
            Kind::NAS_PORT => {
                let port = attribute.u32().map_err(invalid)?;
                selector.session = Some(SessionId(port));
            }
            Kind::FRAMED_IP_ADDRESS => {
                selector.address = Some(attribute.ipv4().map_err(invalid)?);
            }
            Kind::FRAMED_IPV6_ADDRESS => {
                selector.address6 = Some(attribute.ipv6().map_err(invalid)?);
            }
            Kind::FRAMED_IPV6_PREFIX => {
                selector.prefix6 = Some(attribute.prefix6().map_err(invalid)?);
            }
            Kind::DELEGATED_IPV6_PREFIX => {
                selector.delegated = Some(attribute.prefix6().map_err(invalid)?);
            }
            Kind::FRAMED_INTERFACE_ID => {
                selector.interface_id = Some(attribute.u64().map_err(invalid)?);
            }
            Kind::ACCT_SESSION_ID => selector.acct_session_id = Some(value.into()),
            Kind::ACCT_MULTI_SESSION_ID => selector.multi_session_id = Some(value.into()),
            Kind::CALLED_STATION_ID => selector.called = Some(value.into()),
            Kind::CALLING_STATION_ID => selector.calling = Some(value.into()),
            Kind::NAS_IP_ADDRESS => {
                let address = attribute.ipv4().map_err(invalid)?;
                other_nas(nas.ipv4.is_some_and(|ours| ours != address))?;
            }
            Kind::NAS_IPV6_ADDRESS => {
                let address = attribute.ipv6().map_err(invalid)?;
                other_nas(nas.ipv6.is_some_and(|ours| ours != address))?;
            }
            Kind::NAS_IDENTIFIER => {
                let ours = nas.identifier.as_bytes();
                other_nas(!ours.is_empty() && ours != value)?;
            }
            _ => {}
        }
    }
    if changes.bad_filter {
        return Err(ErrorCause::INVALID_REQUEST);
    }
    // Authenticate-Only and Authorize-Only ask us to ask the server, which we do not.
    if matches!(changes.service, Some(8 | 17)) {
        let named = changes.filter_in.is_some() || changes.filter_out.is_some();
        return Err(if named || !changes.pairs.is_empty() {
            ErrorCause::UNSUPPORTED_ATTRIBUTE
        } else {
            ErrorCause::UNSUPPORTED_SERVICE
        });
    }
    if selector == Selector::default() {
        return Err(ErrorCause::MISSING_ATTRIBUTE);
    }
    if selector.session == Some(SessionId(0)) {
        return Err(ErrorCause::INVALID_REQUEST);
    }
    Ok(selector)
}

fn other_nas(other: bool) -> Result<(), ErrorCause> {
    if other {
        Err(ErrorCause::NAS_IDENTIFICATION_MISMATCH)
    } else {
        Ok(())
    }
}
