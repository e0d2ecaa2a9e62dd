//! The options of LCP (RFC 1661 section 6, RFC 1662 section 7.1, RFC 1990 section 5.1): which we
//! ask for, what we allow the peer, and how a looped line is noticed.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use wanbox_wire::ppp::lcp::{AuthProtocol, LcpOption, kind};
use wanbox_wire::ppp::{Options, Protocol, RawOption};

use super::automaton::State;
use super::layer::{Context, Core, Held, Layer, Verdict};
use super::{Cause, Profile, proof};

/// What LCP negotiates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The longest information field that we take, octets: 64 to 65535.
    pub mru: u16,
    /// The least that the peer must take, octets: 0 to 1500, which any peer takes that says
    /// nothing.
    pub min_peer_mru: u16,
    /// The control characters that must come escaped on an asynchronous line, a bit each; `None`
    /// on a synchronous one.
    pub accm: Option<u32>,
    /// Ask for a magic number, without which no loop is noticed.
    pub magic: bool,
    /// Ask for and allow Protocol-Field-Compression.
    pub pfc: bool,
    /// Ask for and allow Address-and-Control-Field-Compression.
    pub acfc: bool,
    /// Multilink, when the link may be a part of a bundle.
    pub multilink: Option<Multilink>,
    /// The time between Echo-Requests on an open link: 100 ms to 1 h. `None` sends none.
    pub echo_interval: Option<Duration>,
    /// Echo-Requests without an answer after which the link is down: 1 to 255.
    pub echo_failures: u8,
    /// Requests of the peer with our own magic number in a row that show a loop: 1 to 255, but
    /// never more than Max-Failure.
    pub loop_limit: u8,
}

impl Config {
    /// Allowed values of [`Config::mru`] and [`Multilink::mrru`].
    pub const MRU: RangeInclusive<u64> = 64..=65_535;
    /// The least MRRU of the peer, octets, whatever [`Config::min_peer_mru`] is.
    pub const MIN_MRRU: u16 = 64;
    /// Allowed values of [`Config::min_peer_mru`].
    pub const MIN_PEER_MRU: RangeInclusive<u64> = 0..=1500;
}

impl Default for Config {
    /// A synchronous link with the RFC's MRU, a magic number, both compressions allowed and asked
    /// for, and no echoes.
    fn default() -> Self {
        Self {
            mru: DEFAULT_MRU,
            min_peer_mru: 64,
            accm: None,
            magic: true,
            pfc: true,
            acfc: true,
            multilink: None,
            echo_interval: None,
            echo_failures: 3,
            loop_limit: 5,
        }
    }
}

/// The multilink options (RFC 1990 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multilink {
    /// The longest packet that we put together again, octets: 64 to 65535.
    pub mrru: u16,
    /// Ask for short sequence numbers.
    pub short_sequence: bool,
    /// Our endpoint discriminator: its class, then its address; empty sends none.
    pub endpoint: Box<[u8]>,
    /// Offer it to a peer that has offered it, and to no other: a peer without multilink rejects
    /// the options, which costs a round trip. Two ends that both wait for the other have none.
    pub on_request: bool,
}

/// The MRU of who does not say another.
pub const DEFAULT_MRU: u16 = 1500;

/// What one side may rely on: its own options that the other side acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The longest information field it takes, octets.
    pub mru: u16,
    /// The longest packet it puts together from a bundle, octets; `None` without multilink.
    pub mrru: Option<u16>,
    /// The control characters that it wants escaped on an asynchronous line.
    pub accm: u32,
    /// Its magic number; 0 for none.
    pub magic: u32,
    /// How it demands proof.
    pub authentication: Option<AuthProtocol>,
    /// It reads protocol fields of one octet.
    pub pfc: bool,
    /// It reads frames without address and control.
    pub acfc: bool,
    /// It wants short multilink sequence numbers.
    pub short_sequence: bool,
}

impl Default for Negotiated {
    /// What holds without negotiation.
    fn default() -> Self {
        Self {
            mru: DEFAULT_MRU,
            mrru: None,
            accm: u32::MAX,
            magic: 0,
            authentication: None,
            pfc: false,
            acfc: false,
            short_sequence: false,
        }
    }
}

/// What a Configure-Request of the peer asks for.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    options: Negotiated,
    endpoint: Option<Box<[u8]>>,
}

/// LCP's part in negotiation.
#[derive(Debug, Default)]
pub(crate) struct Lcp {
    core: Core,
    /// What we ask for, where `asked` has the option's bit.
    want: Negotiated,
    asked: u32,
    peer: Negotiated,
    peer_endpoint: Option<Box<[u8]>>,
    /// The ways to prove that the peer refused, a bit for each of [`Profile::demand`].
    refused: u8,
    /// Requests in a row that had our own magic number.
    loops: u8,
    /// The peer has offered multilink, in this negotiation or in an earlier one.
    multilink_peer: bool,
    /// We have offered it in this negotiation.
    multilink_offered: bool,
    /// A request of the peer that waits until ours is answered.
    held: Option<Held>,
    /// Why the link cannot be, as negotiation found out.
    failed: Option<Cause>,
    /// What the monitors say of the last failure, beside its cause: see [`Cause::bits`].
    noted: u16,
}

const fn bit(kind: u8) -> u32 {
    1_u32.wrapping_shl(kind as u32)
}

impl Lcp {
    /// What we asked for and the peer acknowledged.
    pub(crate) fn local(&self) -> Negotiated {
        let mut local = self.want;
        let default = Negotiated::default();
        for (kind, reset) in [
            (
                kind::MRU,
                (|l, d| l.mru = d.mru) as fn(&mut Negotiated, &Negotiated),
            ),
            (kind::ACCM, |l, d| l.accm = d.accm),
            (kind::AUTHENTICATION, |l, _| l.authentication = None),
            (kind::MAGIC, |l, _| l.magic = 0),
            (kind::PFC, |l, _| l.pfc = false),
            (kind::ACFC, |l, _| l.acfc = false),
            (kind::MRRU, |l, _| l.mrru = None),
            (kind::SHORT_SEQUENCE, |l, _| l.short_sequence = false),
        ] {
            if self.asked & bit(kind) == 0 {
                reset(&mut local, &default);
            }
        }
        local
    }

    pub(crate) const fn state(&self) -> State {
        self.core.state()
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.core.automaton.deadline()
    }

    /// What the peer asked for and we acknowledged.
    pub(crate) const fn peer(&self) -> &Negotiated {
        &self.peer
    }

    /// Who the peer says it is: class and address.
    pub(crate) fn peer_endpoint(&self) -> Option<&[u8]> {
        self.peer_endpoint.as_deref()
    }

    /// Why negotiation cannot succeed; asked once.
    pub(crate) const fn take_failure(&mut self) -> Option<Cause> {
        self.failed.take()
    }

    /// Requests in a row that had our own magic number.
    pub(crate) const fn loops(&self) -> u8 {
        self.loops
    }

    pub(crate) const fn noted(&self) -> u16 {
        self.noted
    }

    /// Forgets what was noted about an earlier attempt.
    pub(crate) const fn begin(&mut self) {
        self.noted = 0;
        self.loops = 0;
        self.failed = None;
    }

    /// Opened with what somebody else negotiated in our place.
    pub(crate) fn adopt(&mut self, adopted: Adopted) {
        self.want = adopted.want;
        self.asked = adopted.asked;
        self.accept(adopted.peer);
        self.core.adopt();
    }

    fn new_magic(&mut self, context: &mut Context<'_>) -> u32 {
        loop {
            let magic = context.random.next_u32();
            if magic != 0 && magic != self.want.magic {
                return magic;
            }
        }
    }

    /// Asks for the options of multilink too.
    fn offer_multilink(&mut self, multilink: &Multilink) {
        self.multilink_offered = true;
        for (kind, asked) in [
            (kind::MRRU, true),
            (kind::SHORT_SEQUENCE, multilink.short_sequence),
            (kind::ENDPOINT, !multilink.endpoint.is_empty()),
        ] {
            self.asked |= if asked { bit(kind) } else { 0 };
        }
    }

    /// The way to prove that is asked for next: `wish`, or the best not refused yet.
    fn demand(&mut self, profile: &Profile, wish: Option<AuthProtocol>) {
        let mut open = profile
            .demand
            .iter()
            .enumerate()
            .filter(|(index, _)| self.refused & 1_u8.wrapping_shl(*index as u32) == 0)
            .map(|(_, way)| proof::option(*way));
        let best = open.clone().next();
        self.want.authentication = open.find(|way| Some(*way) == wish).or(best);
    }
}

/// What somebody else negotiated in our place, and we would have agreed to.
#[derive(Debug)]
pub(crate) struct Adopted {
    want: Negotiated,
    asked: u32,
    peer: Peer,
}

impl Adopted {
    /// Judges the options that the other one asked for and those that it acknowledged; `None`
    /// when one of them would not do.
    pub(crate) fn judge(
        lcp: &mut Lcp,
        context: &mut Context<'_>,
        sent: &[u8],
        received: &[u8],
    ) -> Option<Self> {
        let profile = context.profile;
        let mut want = Negotiated::default();
        let mut asked = 0;
        for option in Options::new(sent) {
            let option = option.ok()?;
            match LcpOption::parse(option).ok()? {
                LcpOption::Mru(mru) if mru <= profile.lcp.mru.max(DEFAULT_MRU) => want.mru = mru,
                LcpOption::Accm(map) => want.accm = map,
                LcpOption::Authentication(way) => want.authentication = Some(way),
                LcpOption::Magic(magic) if magic != 0 => want.magic = magic,
                LcpOption::Pfc => want.pfc = true,
                LcpOption::Acfc => want.acfc = true,
                _ => return None,
            }
            asked |= bit(option.kind);
        }
        let wanted = |way| {
            profile
                .demand
                .iter()
                .any(|demand| proof::option(*demand) == way)
        };
        if !want
            .authentication
            .map_or(profile.demand.is_empty(), wanted)
        {
            return None;
        }
        let (mut peer, mut naks) = (Peer::default(), Vec::new());
        for option in Options::new(received) {
            let verdict = lcp.judge(context, option.ok()?, &mut peer, &mut naks);
            if verdict != Verdict::Ack {
                return None;
            }
        }
        Some(Self { want, asked, peer })
    }
}

impl Layer for Lcp {
    const PROTOCOL: Protocol = Protocol::LCP;
    type Peer = Peer;

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn reset(&mut self, context: &mut Context<'_>) {
        let config = &context.profile.lcp;
        let multilink = config.multilink.as_ref();
        self.refused = 0;
        self.held = None;
        // The same number again, so that a late request of ours says what a later one said.
        let magic = match self.want.magic {
            0 => self.new_magic(context),
            known => known,
        };
        self.want = Negotiated {
            mru: config.mru,
            mrru: multilink.map(|multilink| multilink.mrru),
            accm: config.accm.unwrap_or(u32::MAX),
            magic,
            authentication: None,
            pfc: true,
            acfc: true,
            short_sequence: true,
        };
        self.demand(context.profile, None);
        self.asked = [
            (kind::MRU, config.mru != DEFAULT_MRU),
            (kind::ACCM, config.accm.is_some()),
            (kind::AUTHENTICATION, !context.profile.demand.is_empty()),
            (kind::MAGIC, config.magic),
            (kind::PFC, config.pfc),
            (kind::ACFC, config.acfc),
        ]
        .into_iter()
        .filter(|(_, asked)| *asked)
        .fold(0, |all, (kind, _)| all | bit(kind));
        self.multilink_offered = false;
        if let Some(multilink) = multilink.filter(|m| !m.on_request || self.multilink_peer) {
            self.offer_multilink(multilink);
        }
    }

    fn wants_more(&self, profile: &Profile) -> bool {
        profile.lcp.multilink.is_some() && self.multilink_peer && !self.multilink_offered
    }

    fn hold(&mut self, request: Held) {
        self.held = Some(request);
    }

    fn take_held(&mut self) -> Option<Held> {
        self.held.take()
    }

    fn ask_more(&mut self, profile: &Profile) {
        if let Some(multilink) = &profile.lcp.multilink {
            self.offer_multilink(multilink);
        }
    }

    fn request(&self, profile: &Profile, list: &mut Vec<u8>) {
        let endpoint = profile.lcp.multilink.as_ref().map(|m| &*m.endpoint);
        let authentication = self.want.authentication.map(LcpOption::Authentication);
        for (kind, option) in [
            (kind::MRU, Some(LcpOption::Mru(self.want.mru))),
            (kind::ACCM, Some(LcpOption::Accm(self.want.accm))),
            (kind::AUTHENTICATION, authentication),
            (kind::MAGIC, Some(LcpOption::Magic(self.want.magic))),
            (kind::PFC, Some(LcpOption::Pfc)),
            (kind::ACFC, Some(LcpOption::Acfc)),
            (kind::MRRU, self.want.mrru.map(LcpOption::Mrru)),
            (kind::SHORT_SEQUENCE, Some(LcpOption::ShortSequence)),
            (
                kind::ENDPOINT,
                endpoint.map(|data| {
                    LcpOption::Other(RawOption {
                        kind: kind::ENDPOINT,
                        data,
                    })
                }),
            ),
        ] {
            if self.asked & bit(kind) != 0
                && let Some(option) = option
            {
                option.append(list);
            }
        }
    }

    fn judge(
        &mut self,
        context: &mut Context<'_>,
        option: RawOption<'_>,
        peer: &mut Peer,
        naks: &mut Vec<u8>,
    ) -> Verdict {
        let profile = context.profile;
        let config = &profile.lcp;
        let Ok(read) = LcpOption::parse(option) else {
            return Verdict::Reject;
        };
        let wish = &mut peer.options;
        match read {
            LcpOption::Mru(mru) if mru < config.min_peer_mru => {
                self.noted |= Cause::PEER_MRU_TOO_SMALL;
                LcpOption::Mru(config.min_peer_mru).append(naks);
                return Verdict::Nak;
            }
            LcpOption::Mru(mru) => wish.mru = mru,
            LcpOption::Accm(map) => wish.accm = map,
            LcpOption::Authentication(way) => {
                let mut ready = profile.provide.iter().copied().map(proof::option);
                if !ready.clone().any(|ready| ready == way) {
                    let Some(best) = ready.next() else {
                        self.noted |= Cause::PEER_AUTHENTICATION_REJECTED;
                        return Verdict::Reject;
                    };
                    LcpOption::Authentication(best).append(naks);
                    return Verdict::Nak;
                }
                wish.authentication = Some(way);
            }
            LcpOption::Magic(magic) => {
                let own = self.asked & bit(kind::MAGIC) != 0 && magic == self.want.magic;
                if own {
                    self.loops = self.loops.saturating_add(1);
                    if self.loops >= config.loop_limit.min(context.limits.max_failure) {
                        self.failed = Some(Cause::Looped);
                    }
                } else {
                    self.loops = 0;
                }
                if own || magic == 0 {
                    LcpOption::Magic(self.new_magic(context)).append(naks);
                    return Verdict::Nak;
                }
                wish.magic = magic;
            }
            LcpOption::Pfc if config.pfc => wish.pfc = true,
            LcpOption::Acfc if config.acfc => wish.acfc = true,
            LcpOption::Mrru(mrru) if config.multilink.is_some() => {
                self.multilink_peer = true;
                // Below, hardly a packet could be sent.
                let least = config.min_peer_mru.max(Config::MIN_MRRU);
                if mrru < least {
                    LcpOption::Mrru(least).append(naks);
                    return Verdict::Nak;
                }
                wish.mrru = Some(mrru);
            }
            LcpOption::ShortSequence if config.multilink.is_some() => wish.short_sequence = true,
            LcpOption::Endpoint { .. } if config.multilink.is_some() => {
                peer.endpoint = Some(option.data.into());
            }
            _ => return Verdict::Reject,
        }
        Verdict::Ack
    }

    fn missing(&mut self, _: &Profile, _: &Peer, _: &mut Vec<u8>) {}

    fn accept(&mut self, peer: Peer) {
        self.peer = peer.options;
        self.peer_endpoint = peer.endpoint;
    }

    fn naked(&mut self, context: &mut Context<'_>, option: RawOption<'_>) {
        let profile = context.profile;
        // What was not asked for is not added.
        if u32::from(option.kind) >= u32::BITS || self.asked & bit(option.kind) == 0 {
            return;
        }
        match LcpOption::parse(option) {
            // We can take less than we could, not more.
            Ok(LcpOption::Mru(mru)) => self.want.mru = mru.clamp(64, profile.lcp.mru.max(64)),
            Ok(LcpOption::Mrru(mrru)) => {
                let most = profile
                    .lcp
                    .multilink
                    .as_ref()
                    .map_or(DEFAULT_MRU, |m| m.mrru);
                self.want.mrru = Some(mrru.clamp(64, most.max(64)));
            }
            Ok(LcpOption::Accm(map)) => self.want.accm |= map,
            Ok(LcpOption::Magic(_)) => self.want.magic = self.new_magic(context),
            Ok(LcpOption::Authentication(wish)) => {
                let refused = self.want.authentication;
                for (index, way) in profile.demand.iter().enumerate() {
                    if Some(proof::option(*way)) == refused {
                        self.refused |= 1_u8.wrapping_shl(index as u32);
                    }
                }
                self.demand(profile, Some(wish));
                if self.want.authentication.is_none() {
                    self.failed = Some(Cause::AuthenticationRefused);
                }
            }
            _ => {}
        }
    }

    fn rejected(&mut self, _: &mut Context<'_>, option: u8) {
        if u32::from(option) >= u32::BITS {
            return;
        }
        match option {
            kind::MRU => self.noted |= Cause::MRU_REJECTED,
            kind::AUTHENTICATION if self.asked & bit(kind::AUTHENTICATION) != 0 => {
                self.failed = Some(Cause::AuthenticationRefused);
            }
            // Without bundle no sequence numbers.
            kind::MRRU => self.asked &= !bit(kind::SHORT_SEQUENCE),
            _ => {}
        }
        self.asked &= !bit(option);
    }
}
