//! The Internet Protocol (RFC 791, RFC 1122, RFC 1812): what is the same for all datagrams.
//!
//! | to change | open |
//! |---|---|
//! | what happens to a datagram that came in | `input.rs` |
//! | how one leaves: routes, MTU, fragments, link addresses | `output.rs` |
//! | options: source routes, record route | `options.rs` |
//! | putting fragments together | `reassembly.rs` |

mod input;
pub mod options;
mod output;
pub mod reassembly;

use std::net::Ipv4Addr;
use std::time::Duration;

use reassembly::Reassembly;

/// IP in IP (RFC 2003).
pub const IPIP: u8 = 4;
/// IP in IP as older stations number it.
pub const IPIP_OLD: u8 = 94;

/// The counters of the management information base (RFC 1066), and those that it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpStats {
    /// Datagrams received.
    pub in_receives: u64,
    /// Malformed headers.
    pub in_hdr_errors: u64,
    /// Addresses that cannot be there.
    pub in_addr_errors: u64,
    /// Forwarded.
    pub forw_datagrams: u64,
    /// Of a protocol that is not known here.
    pub in_unknown_protos: u64,
    /// Dropped for want of room.
    pub in_discards: u64,
    /// Delivered.
    pub in_delivers: u64,
    /// Made here.
    pub out_requests: u64,
    /// Not sent: the line is down, its queue full, or there is nobody to send to.
    pub out_discards: u64,
    /// Without a route.
    pub out_no_routes: u64,
    /// Fragments received.
    pub reasm_reqds: u64,
    /// Datagrams put together.
    pub reasm_oks: u64,
    /// Datagrams given up.
    pub reasm_fails: u64,
    /// Datagrams cut.
    pub frag_oks: u64,
    /// Datagrams that must not be cut.
    pub frag_fails: u64,
    /// Fragments made.
    pub frag_creates: u64,
    /// Dropped by the filter.
    pub filtered: u64,
    /// Datagrams in datagrams in datagrams: deeper than is looked.
    pub too_deep: u64,
    /// Super-packets whose headers contradict them.
    pub bad_offload: u64,
    /// For groups that are not ours.
    pub multicast: u64,
}

/// What a header of an own datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The source; 0.0.0.0: chosen by the route.
    pub src: Ipv4Addr,
    /// The destination.
    pub dst: Ipv4Addr,
    /// The protocol it carries.
    pub protocol: u8,
    /// Type of service.
    pub tos: u8,
    /// Hops; `None`: the default.
    pub ttl: Option<u8>,
    /// Routers must not cut it.
    pub dont_fragment: bool,
}

impl Header {
    /// An ordinary header.
    #[must_use]
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8) -> Self {
        Self {
            src,
            dst,
            protocol,
            tos: 0,
            ttl: None,
            dont_fragment: false,
        }
    }
}

/// The state of the protocol.
#[derive(Clone, Debug)]
pub struct Ip {
    /// `ip ttl`: hops of own datagrams.
    pub ttl: u8,
    /// Datagrams for others are forwarded.
    pub forwarding: bool,
    /// Source routes are followed.
    pub source_routes: bool,
    /// Datagrams in datagrams are unwrapped.
    pub ipip: bool,
    /// `ip trace`, which start-up files may set. Nothing is shown: `trace` shows what comes in.
    pub trace: bool,
    /// Fragments.
    pub reassembly: Reassembly,
    /// What happened.
    pub stats: IpStats,
    /// The identification of the next own datagram.
    pub ident: u16,
}

impl Default for Ip {
    fn default() -> Self {
        Self {
            ttl: 255,
            forwarding: true,
            source_routes: true,
            ipip: true,
            trace: false,
            reassembly: Reassembly::default(),
            stats: IpStats::default(),
            ident: 0,
        }
    }
}

impl Ip {
    /// `ip rtimer`: how long fragments wait for others.
    pub fn set_rtimer(&mut self, seconds: u32) {
        self.reassembly.timeout = Duration::from_secs(seconds.max(1).into());
    }

    fn next_ident(&mut self) -> u16 {
        let ident = self.ident;
        self.ident = ident.wrapping_add(1);
        ident
    }
}
