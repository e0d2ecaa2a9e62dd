//! IPCP (RFC 1332, RFC 1877): addresses, name servers and header compression.

use std::net::Ipv4Addr;
use std::time::Instant;

use wanbox_wire::ppp::ipcp::{IpcpOption, kind};
use wanbox_wire::ppp::{Protocol, RawOption};

use super::Profile;
use super::automaton::State;
use super::layer::{Context, Core, Layer, Verdict};

/// What IPCP negotiates. An address of 0.0.0.0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our address; 0.0.0.0: the peer is asked for one.
    pub local: Ipv4Addr,
    /// Take another address than [`Config::local`] when the peer says so.
    pub accept_local: bool,
    /// The peer's address, which it is given when it asks for one; 0.0.0.0: it has its own.
    pub peer: Ipv4Addr,
    /// Take it when the peer has another address than [`Config::peer`].
    pub accept_peer: bool,
    /// The name servers that the peer is told when it asks.
    pub dns: [Ipv4Addr; 2],
    /// Ask the peer for name servers.
    pub ask_dns: bool,
    /// Van Jacobson header compression, offered and allowed.
    pub van_jacobson: Option<Slots>,
}

impl Default for Config {
    /// [`Config::of_peer`] without name servers.
    fn default() -> Self {
        Self::of_peer()
    }
}

impl Config {
    const NONE: Self = Self {
        local: Ipv4Addr::UNSPECIFIED,
        accept_local: false,
        peer: Ipv4Addr::UNSPECIFIED,
        accept_peer: true,
        dns: [Ipv4Addr::UNSPECIFIED; 2],
        ask_dns: false,
        van_jacobson: None,
    };

    /// Both ends know their addresses (`IP_MODE STATIC`): ours is told and not changed; the peer
    /// is believed, or given this one if it has none.
    #[must_use]
    pub const fn fixed(local: Ipv4Addr, peer: Ipv4Addr) -> Self {
        Self {
            local,
            peer,
            ..Self::NONE
        }
    }

    /// We give both addresses (`IP_MODE HOST`): the peer must take this one.
    #[must_use]
    pub const fn host(local: Ipv4Addr, peer: Ipv4Addr) -> Self {
        Self {
            accept_peer: false,
            ..Self::fixed(local, peer)
        }
    }

    /// The peer gives both addresses (`IP_MODE PEER`).
    #[must_use]
    pub const fn of_peer() -> Self {
        Self {
            accept_local: true,
            ..Self::NONE
        }
    }
}

/// The connection slots of Van Jacobson's compression (RFC 1332 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The highest slot: one less than their number; 1 to 255.
    pub max_slot: u8,
    /// Headers may come without the slot's number when it is the last one's.
    pub compress_slot: bool,
}

impl Default for Slots {
    /// 16 slots, as everybody has.
    fn default() -> Self {
        Self {
            max_slot: 15,
            compress_slot: true,
        }
    }
}

/// What IPCP agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// Our address; 0.0.0.0 when neither side named one.
    pub local: Ipv4Addr,
    /// The peer's; 0.0.0.0 when it did not say.
    pub peer: Ipv4Addr,
    /// The name servers that the peer told; 0.0.0.0 for none.
    pub dns: [Ipv4Addr; 2],
    /// Van Jacobson's compression towards us.
    pub receive: Option<Slots>,
    /// Towards the peer.
    pub send: Option<Slots>,
}

/// What a Configure-Request of the peer asks for.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    address: Option<Ipv4Addr>,
    slots: Option<Slots>,
}

const ADDRESS: u8 = 1;
const COMPRESSION: u8 = 2;
const DNS: [u8; 2] = [4, 8];

/// IPCP's part in negotiation.
#[derive(Debug)]
pub(crate) struct Ipcp {
    core: Core,
    config: Config,
    local: Ipv4Addr,
    peer: Ipv4Addr,
    dns: [Ipv4Addr; 2],
    /// What we ask to be sent, when `asked` has its bit.
    receive: Slots,
    send: Option<Slots>,
    /// The options that we ask for.
    asked: u8,
}

impl Ipcp {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            core: Core::default(),
            config,
            local: config.local,
            peer: Ipv4Addr::UNSPECIFIED,
            dns: [Ipv4Addr::UNSPECIFIED; 2],
            receive: Slots::default(),
            send: None,
            asked: 0,
        }
    }

    pub(crate) const fn state(&self) -> State {
        self.core.state()
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.core.automaton.deadline()
    }

    pub(crate) const fn configure(&mut self, config: Config) {
        self.config = config;
    }

    pub(crate) fn agreed(&self) -> Ipv4 {
        Ipv4 {
            local: self.local,
            peer: self.peer,
            dns: self.dns,
            receive: (self.asked & COMPRESSION != 0).then_some(self.receive),
            send: self.send,
        }
    }

    /// Whether we have no address although we asked for one.
    pub(crate) const fn lacks_address(&self) -> bool {
        self.config.accept_local && self.local.is_unspecified()
    }

    /// Whether the peer may have this address.
    fn allows(&self, address: Ipv4Addr) -> bool {
        let Config {
            peer, accept_peer, ..
        } = self.config;
        !address.is_unspecified() && (peer.is_unspecified() || accept_peer || address == peer)
    }
}

impl Layer for Ipcp {
    const PROTOCOL: Protocol = Protocol::IPCP;
    type Peer = Peer;

    fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    fn reset(&mut self, _: &mut Context<'_>) {
        let config = self.config;
        self.local = config.local;
        self.dns = [Ipv4Addr::UNSPECIFIED; 2];
        self.asked = 0;
        if !config.local.is_unspecified() || config.accept_local {
            self.asked |= ADDRESS;
        }
        if let Some(slots) = config.van_jacobson {
            self.receive = slots;
            self.asked |= COMPRESSION;
        }
        if config.ask_dns {
            self.asked |= DNS[0] | DNS[1];
        }
    }

    fn request(&self, _: &Profile, list: &mut Vec<u8>) {
        let [primary, secondary] = self.dns;
        for (flag, option) in [
            (ADDRESS, IpcpOption::Address(self.local)),
            (
                COMPRESSION,
                IpcpOption::VanJacobson {
                    max_slot: self.receive.max_slot,
                    compress_slot: self.receive.compress_slot,
                },
            ),
            (DNS[0], IpcpOption::DnsPrimary(primary)),
            (DNS[1], IpcpOption::DnsSecondary(secondary)),
        ] {
            if self.asked & flag != 0 {
                option.append(list);
            }
        }
    }

    fn judge(
        &mut self,
        _: &mut Context<'_>,
        option: RawOption<'_>,
        peer: &mut Peer,
        naks: &mut Vec<u8>,
    ) -> Verdict {
        let Ok(read) = IpcpOption::parse(option) else {
            return Verdict::Reject;
        };
        let [primary, secondary] = self.config.dns;
        match read {
            IpcpOption::Address(address) => {
                peer.address = Some(address);
                if self.allows(address) {
                    return Verdict::Ack;
                }
                if self.config.peer.is_unspecified() {
                    // It asks for an address and there is none to give.
                    return Verdict::Reject;
                }
                IpcpOption::Address(self.config.peer).append(naks);
                Verdict::Nak
            }
            IpcpOption::VanJacobson {
                max_slot,
                compress_slot,
            } => {
                if self.config.van_jacobson.is_none() {
                    return Verdict::Reject;
                }
                peer.slots = Some(Slots {
                    max_slot,
                    compress_slot,
                });
                Verdict::Ack
            }
            IpcpOption::DnsPrimary(address) => {
                name_server(address, primary, naks, IpcpOption::DnsPrimary)
            }
            IpcpOption::DnsSecondary(address) => {
                name_server(address, secondary, naks, IpcpOption::DnsSecondary)
            }
            IpcpOption::Other(RawOption {
                kind: kind::COMPRESSION,
                ..
            }) => {
                let Some(slots) = self.config.van_jacobson else {
                    return Verdict::Reject;
                };
                IpcpOption::VanJacobson {
                    max_slot: slots.max_slot,
                    compress_slot: slots.compress_slot,
                }
                .append(naks);
                Verdict::Nak
            }
            IpcpOption::Other(_) => Verdict::Reject,
        }
    }

    fn missing(&mut self, _: &Profile, peer: &Peer, naks: &mut Vec<u8>) {
        // A peer that must take our address, but does not ask for one, is told to.
        if peer.address.is_none() && !self.config.peer.is_unspecified() && !self.config.accept_peer
        {
            IpcpOption::Address(self.config.peer).append(naks);
        }
    }

    fn accept(&mut self, peer: Peer) {
        // Who does not say is believed to be where we think.
        self.peer = peer.address.unwrap_or(self.config.peer);
        self.send = peer.slots;
    }

    fn naked(&mut self, _: &mut Context<'_>, option: RawOption<'_>) {
        match IpcpOption::parse(option) {
            Ok(IpcpOption::Address(address))
                if self.asked & ADDRESS != 0
                    && !address.is_unspecified()
                    && (self.config.accept_local || self.config.local.is_unspecified()) =>
            {
                self.local = address;
            }
            Ok(IpcpOption::VanJacobson {
                max_slot,
                compress_slot,
            }) if self.asked & COMPRESSION != 0 => {
                self.receive = Slots {
                    max_slot: max_slot.clamp(1, self.receive.max_slot.max(1)),
                    compress_slot: compress_slot && self.receive.compress_slot,
                };
            }
            Ok(IpcpOption::DnsPrimary(address)) if self.asked & DNS[0] != 0 => {
                self.dns[0] = address;
            }
            Ok(IpcpOption::DnsSecondary(address)) if self.asked & DNS[1] != 0 => {
                self.dns[1] = address;
            }
            _ => {}
        }
    }

    fn rejected(&mut self, _: &mut Context<'_>, option: u8) {
        match option {
            kind::ADDRESS => self.asked &= !ADDRESS,
            kind::COMPRESSION => self.asked &= !COMPRESSION,
            kind::DNS_PRIMARY => {
                self.asked &= !DNS[0];
                self.dns[0] = Ipv4Addr::UNSPECIFIED;
            }
            kind::DNS_SECONDARY => {
                self.asked &= !DNS[1];
                self.dns[1] = Ipv4Addr::UNSPECIFIED;
            }
            _ => {}
        }
    }
}

/// What is said to a peer that asks for a name server (RFC 1877 section 1).
fn name_server(
    asked: Ipv4Addr,
    ours: Ipv4Addr,
    naks: &mut Vec<u8>,
    option: fn(Ipv4Addr) -> IpcpOption<'static>,
) -> Verdict {
    if ours.is_unspecified() {
        Verdict::Reject
    } else if asked == ours {
        Verdict::Ack
    } else {
        option(ours).append(naks);
        Verdict::Nak
    }
}
