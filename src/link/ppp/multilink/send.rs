//! Sending: how a packet is shared out over the members.

use std::time::{Duration, Instant};

use wanbox_wire::ppp::FrameRepr;
use wanbox_wire::ppp::multilink::FragmentRepr;

use super::{Bundle, MAX_MEMBERS, MemberConfig, MemberId};

/// What a member is thought to have waiting counts for no more than this: rates are often only
/// what somebody wrote down.
const HORIZON: Duration = Duration::from_millis(100);

/// The octets of a packet's Protocol field at most.
const MAX_PREFIX: usize = 2;

/// Why a packet was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// No link is in the bundle. Counted.
    NoMember,
    /// No member takes fragments now: the owner keeps the packet until one does.
    Busy,
    /// Longer than the peer's MRRU, octets. Counted.
    TooLong {
        /// The longest information field that it takes.
        limit: usize,
    },
}

/// When a member will have sent what it was given.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    rate_bps: u64,
    free_at: Instant,
    /// The turn in which it was used last.
    used: u64,
}

impl Meter {
    pub fn new(now: Instant, rate_bps: u64) -> Self {
        Self {
            rate_bps: match rate_bps {
                0 => MemberConfig::UNKNOWN_RATE,
                rate => rate.min(100_000_000_000),
            },
            free_at: now,
            used: 0,
        }
    }

    /// Nanoseconds from now until it is free.
    fn backlog(&self, now: Instant) -> u64 {
        let wait = self.free_at.saturating_duration_since(now).min(HORIZON);
        u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Nanoseconds that these octets take.
    fn time_for(&self, octets: usize) -> u64 {
        let bits = (octets as u64).saturating_mul(8);
        bits.saturating_mul(1_000_000_000) / self.rate_bps
    }

    fn charge(&mut self, now: Instant, octets: usize, turn: u64) {
        let wait = self.backlog(now).saturating_add(self.time_for(octets));
        self.free_at = now + Duration::from_nanos(wait).min(HORIZON);
        self.used = turn;
    }
}

/// The part of a packet that one member gets.
#[derive(Clone, Copy, Default)]
struct Share {
    member: usize,
    backlog: u64,
    rate: u64,
    octets: usize,
}

/// Shares for the members that take part.
#[derive(Default)]
struct Shares {
    list: [Share; MAX_MEMBERS],
    len: usize,
}

impl Shares {
    fn push(&mut self, share: Share) {
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = share;
            self.len += 1;
        }
    }

    fn all(&mut self) -> &mut [Share] {
        self.list.get_mut(..self.len).unwrap_or_default()
    }

    /// Gives each member as many octets as let all of them end at the same time; none gets fewer
    /// than `least`.
    fn divide(&mut self, octets: usize, least: usize) {
        self.all().sort_unstable_by_key(|share| share.backlog);
        while self.len > 1 {
            let end = self.common_end(octets);
            let mut left = octets;
            let mut short = None;
            for (place, share) in self.all().iter_mut().enumerate() {
                let time = end.saturating_sub(u128::from(share.backlog));
                let part = time * u128::from(share.rate) / 8_000_000_000;
                share.octets = usize::try_from(part).unwrap_or(left).min(left);
                left -= share.octets;
                if share.octets < least {
                    short = Some(place);
                }
            }
            match short {
                // The others carry its part better.
                Some(place) => {
                    self.all()
                        .get_mut(place..)
                        .unwrap_or_default()
                        .rotate_left(1);
                    self.len -= 1;
                }
                None => {
                    // What rounding left.
                    if let Some(first) = self.all().first_mut() {
                        first.octets += left;
                    }
                    return;
                }
            }
        }
        if let Some(only) = self.all().first_mut() {
            only.octets = octets;
        }
    }

    /// When all members end together, nanoseconds from now.
    fn common_end(&mut self, octets: usize) -> u128 {
        let (mut work, mut rates) = (octets as u128 * 8_000_000_000, 0_u128);
        let mut end = 0;
        for share in self.all() {
            // Later ones are busy beyond the end: they take no part.
            if rates > 0 && u128::from(share.backlog) >= end {
                break;
            }
            work += u128::from(share.backlog) * u128::from(share.rate);
            rates += u128::from(share.rate);
            end = work.checked_div(rates).unwrap_or_default();
        }
        end
    }
}

impl Bundle {
    /// Cuts a packet into fragments and gives each to `push`: the member, the octets before the
    /// data (the link's header, the fragment's header and, in the first one, `protocol`), the data.
    ///
    /// `protocol` is the packet's Protocol field, one octet or two; `information` what follows it.
    ///
    /// # Errors
    /// Why nothing was sent.
    pub fn send(
        &mut self,
        now: Instant,
        protocol: &[u8],
        information: &[u8],
        mut push: impl FnMut(MemberId, &[u8], &[u8]),
    ) -> Result<(), Unsent> {
        let limit = self.config.send_limit;
        if information.len() > limit || protocol.len() > MAX_PREFIX {
            self.stats.tx_too_long += 1;
            return Err(Unsent::TooLong { limit });
        }
        let mut shares = self.share_out(now, protocol.len() + information.len())?;
        self.turn += 1;
        self.stats.tx_packets += 1;
        let (mut protocol, mut rest) = (protocol, information);
        let format = self.config.send_format;
        let mut begin = true;
        for share in shares.all().iter().filter(|share| share.octets > 0) {
            let Some(member) = self.members.get_mut(share.member).and_then(Option::as_mut) else {
                continue;
            };
            member.meter.charge(now, share.octets, self.turn);
            let most = member.mru - format.header_len();
            let mut octets = share.octets;
            while octets > 0 {
                let length = octets.min(most);
                octets -= length;
                let (data, behind) = rest
                    .split_at_checked(length - protocol.len())
                    .unwrap_or((rest, &[]));
                rest = behind;
                let header = FragmentRepr {
                    begin,
                    end: rest.is_empty(),
                    sequence: self.send_sequence,
                };
                let head = Head::new(&member.link_header, header.octets(format), protocol);
                begin = false;
                protocol = &[];
                self.send_sequence = format.advance(self.send_sequence, 1);
                self.stats.tx_fragments += 1;
                member.stats.tx_fragments += 1;
                member.stats.tx_octets += length as u64;
                push(MemberId(share.member as u8), head.as_ref(), data);
            }
        }
        Ok(())
    }

    /// Whether a packet would be taken now.
    #[must_use]
    pub fn has_ready_member(&self) -> bool {
        self.members.iter().flatten().any(|member| member.ready)
    }

    fn share_out(&mut self, now: Instant, octets: usize) -> Result<Shares, Unsent> {
        let mut shares = Shares::default();
        let mut best: Option<(u64, u64, Share)> = None;
        let mut present = false;
        for (place, member) in self.members.iter().enumerate() {
            let Some(member) = member else {
                continue;
            };
            present = true;
            if !member.ready {
                continue;
            }
            let share = Share {
                member: place,
                backlog: member.meter.backlog(now),
                rate: member.meter.rate_bps,
                octets,
            };
            shares.push(share);
            let end = share.backlog.saturating_add(member.meter.time_for(octets));
            let used = member.meter.used;
            if best.is_none_or(|(other, rested, _)| (end, used) < (other, rested)) {
                best = Some((end, used, share));
            }
        }
        let Some((_, _, best)) = best else {
            if present {
                return Err(Unsent::Busy);
            }
            self.stats.tx_no_member += 1;
            return Err(Unsent::NoMember);
        };
        let least = self.config.min_fragment;
        if shares.len > 1 && octets >= 2 * least {
            shares.divide(octets, least);
        } else {
            shares.len = 0;
            shares.push(best);
        }
        Ok(shares)
    }
}

/// The octets before a fragment's data.
struct Head {
    octets: [u8; Self::CAPACITY],
    len: usize,
}

impl Head {
    const CAPACITY: usize = FrameRepr::MAX_LEN + FragmentRepr::MAX_LEN + MAX_PREFIX;

    fn new(link: &FrameRepr, fragment: ([u8; 4], usize), protocol: &[u8]) -> Self {
        let (link, link_len) = link.octets();
        let (fragment, fragment_len) = fragment;
        let mut head = Self {
            octets: [0; Self::CAPACITY],
            len: 0,
        };
        let octets = (link.iter().take(link_len))
            .chain(fragment.iter().take(fragment_len))
            .chain(protocol);
        for (to, from) in head.octets.iter_mut().zip(octets) {
            *to = *from;
            head.len += 1;
        }
        head
    }
}

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}
