//! What a server grants, out of an Access-Accept or a CoA-Request.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wanbox_link::ppp::auth::{Method, Outcome, Verdict};
use wanbox_wire::radius::{
    Attribute, Authenticator, Kind, Packet, Prefix6, Vendor, VendorAttribute, VendorAttributes,
    tagged_text, tagged_u24,
};

use super::SharedSecret;
use super::pairs::{Pair, pairs};

/// The most entries of each list: routes, prefixes, classes, pairs. More are ignored.
pub const MAX_LIST: usize = 64;

/// Which address a user gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FramedAddress {
    /// One of ours.
    #[default]
    Pool,
    /// This one.
    Static(Ipv4Addr),
}

/// An IPv4 network that is reached through the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route4 {
    /// Its first address.
    pub network: Ipv4Addr,
    /// Its length, 0 to 32 bits.
    pub length: u8,
}

impl Route4 {
    /// The network that an address is in; a length above 32 counts as 32.
    #[must_use]
    pub fn new(address: Ipv4Addr, length: u8) -> Self {
        let length = length.min(32);
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        Self {
            network: Ipv4Addr::from(u32::from(address) & mask),
            length,
        }
    }

    /// Reads a Framed-Route: `10.1.0.0/16 gateway metrics`. Without a length it is that of the
    /// address's class. What is behind the network says nothing about a session that has one
    /// address; 0.0.0.0 is no network of a user.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let word = first_word(text)?;
        let (address, length) = match word.split_once('/') {
            Some((address, length)) => (address, Some(bits(length, 32)?)),
            None => (word, None),
        };
        let address: Ipv4Addr = address.parse().ok()?;
        let class = match address.octets() {
            [0..128, ..] => 8,
            [128..192, ..] => 16,
            _ => 24,
        };
        let length = length.unwrap_or(class);
        (!address.is_unspecified() && length > 0).then(|| Self::new(address, length))
    }
}

fn first_word(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()?.split_whitespace().next()
}

fn bits(text: &str, most: u8) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let length = text.parse().ok()?;
    (digits && length <= most).then_some(length)
}

/// Reads a Framed-IPv6-Route: `2001:db8::/32 gateway metrics`; without a length it is one address.
fn route6(text: &[u8]) -> Option<Prefix6> {
    let word = first_word(text)?;
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, bits(length, 128)?),
        None => (word, 128),
    };
    let address: Ipv6Addr = address.parse().ok()?;
    (length > 0 && !address.is_unspecified()).then(|| Prefix6::new(address, length))
}

/// Reads a Filter-Id: the name of an access list and `.in` (from the user) or `.out` (to the user).
/// `Ok` is for the direction from the user, `Err` for that to the user.
#[must_use]
pub fn filter_name(text: &[u8]) -> Option<Result<&str, &str>> {
    let text = std::str::from_utf8(text).ok()?;
    let named = |name: &&str| !name.is_empty();
    match text.rsplit_once('.')? {
        (name, "in") => Some(Ok(name)).filter(|_| named(&name)),
        (name, "out") => Some(Err(name)).filter(|_| named(&name)),
        _ => None,
    }
}

/// A tunnel that a user's session is to be put through (RFC 2868).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// What groups its attributes, 0 to 31.
    pub tag: u8,
    /// Tunnel-Type: 3 is L2TP.
    pub kind: Option<u32>,
    /// Tunnel-Medium-Type: 1 is IPv4.
    pub medium: Option<u32>,
    /// Tunnel-Client-Endpoint.
    pub client_endpoint: Box<[u8]>,
    /// Tunnel-Server-Endpoint.
    pub server_endpoint: Box<[u8]>,
    /// Tunnel-Password, in the clear.
    pub password: Option<Box<[u8]>>,
    /// Tunnel-Private-Group-ID.
    pub private_group: Box<[u8]>,
    /// Tunnel-Assignment-ID.
    pub assignment: Box<[u8]>,
    /// Tunnel-Preference; the lowest first.
    pub preference: Option<u32>,
    /// Tunnel-Client-Auth-ID.
    pub client_name: Box<[u8]>,
    /// Tunnel-Server-Auth-ID.
    pub server_name: Box<[u8]>,
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password.
        f.debug_struct("Tunnel")
            .field("tag", &self.tag)
            .field("server_endpoint", &self.server_endpoint.escape_ascii())
            .finish_non_exhaustive()
    }
}

/// What a user is granted. What is `None`, empty or zero was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorization {
    /// Service-Type.
    pub service: Option<u32>,
    /// Framed-IP-Address; 255.255.255.254 and 255.255.255.255 leave it to us and to the user, and
    /// both get one of ours.
    pub address: FramedAddress,
    /// Framed-IP-Netmask.
    pub netmask: Option<Ipv4Addr>,
    /// Framed-Pool.
    pub pool: Option<Box<str>>,
    /// Framed-Route.
    pub routes: Vec<Route4>,
    /// Filter-Id with `.in`: the access list for packets from the user.
    pub filter_in: Option<Box<str>>,
    /// Filter-Id with `.out`: that for packets to the user.
    pub filter_out: Option<Box<str>>,
    /// Filter-Id without either; a CoA with one is refused.
    pub bad_filter: bool,
    /// Framed-MTU, octets.
    pub mtu: Option<u32>,
    /// Reply-Message, all of them.
    pub message: Box<[u8]>,
    /// Class, to be returned in accounting.
    pub class: Vec<Box<[u8]>>,
    /// Session-Timeout, seconds; 0 is no time at all.
    pub session_timeout: Option<u32>,
    /// Idle-Timeout, seconds.
    pub idle_timeout: Option<u32>,
    /// Acct-Interim-Interval, seconds.
    pub interim: Option<u32>,
    /// Port-Limit: links of a bundle.
    pub port_limit: Option<u32>,
    /// DNS servers; Ascend's and Microsoft's attributes.
    pub dns: [Option<Ipv4Addr>; 2],
    /// Framed-Interface-Id.
    pub interface_id: Option<u64>,
    /// Framed-IPv6-Prefix.
    pub prefixes6: Vec<Prefix6>,
    /// Framed-IPv6-Route.
    pub routes6: Vec<Prefix6>,
    /// Delegated-IPv6-Prefix.
    pub delegated: Vec<Prefix6>,
    /// Framed-IPv6-Pool.
    pub pool6: Option<Box<str>>,
    /// Delegated-IPv6-Prefix-Pool.
    pub delegated_pool: Option<Box<str>>,
    /// Framed-IPv6-Address.
    pub address6: Option<Ipv6Addr>,
    /// DNS-Server-IPv6-Address.
    pub dns6: Vec<Ipv6Addr>,
    /// Cisco-AVPair, for plugins, in order.
    pub pairs: Vec<Pair>,
    /// Tunnel attributes, grouped by tag.
    pub tunnels: Vec<Tunnel>,
    /// The rate from the user, kbit/s, 0: no limit. Only the subscribers' file says it; a server
    /// uses Cisco-AVPair.
    pub rate_in: Option<u32>,
    /// The rate to the user, kbit/s, 0: no limit.
    pub rate_out: Option<u32>,
    /// Whether a server said all this, and not our own file.
    pub by_server: bool,
    /// Attributes of these types whose values could not be read, and what exceeded a list.
    pub ignored: u32,
    /// MS-CHAP2-Success without its identifier: `S=` and 40 digits.
    pub success: Option<Box<[u8]>>,
}

impl Authorization {
    /// Reads the attributes of a packet. What cannot be read is counted and ignored.
    #[must_use]
    pub fn parse(packet: &Packet<'_>, secret: &SharedSecret, request: &Authenticator) -> Self {
        let mut all = Self {
            by_server: true,
            ..Self::default()
        };
        for attribute in packet.attributes() {
            if all.read(attribute, secret, request).is_none() {
                all.ignored += 1;
            }
        }
        all
    }

    /// `None`: it could not be read.
    fn read(
        &mut self,
        attribute: Attribute<'_>,
        secret: &SharedSecret,
        request: &Authenticator,
    ) -> Option<()> {
        let value = attribute.value;
        match attribute.kind {
            Kind::SERVICE_TYPE => self.service = Some(attribute.u32().ok()?),
            Kind::FRAMED_IP_ADDRESS => {
                self.address = match u32::from(attribute.ipv4().ok()?) {
                    0 | 0xffff_fffe | 0xffff_ffff => FramedAddress::Pool,
                    address => FramedAddress::Static(address.into()),
                };
            }
            Kind::FRAMED_IP_NETMASK => self.netmask = Some(attribute.ipv4().ok()?),
            Kind::FRAMED_POOL => self.pool = Some(string(value)?),
            Kind::FRAMED_ROUTE => push(&mut self.routes, Route4::parse(value)?)?,
            Kind::FILTER_ID => match filter_name(value) {
                Some(Ok(name)) => self.filter_in = Some(name.into()),
                Some(Err(name)) => self.filter_out = Some(name.into()),
                None => {
                    self.bad_filter = true;
                    return None;
                }
            },
            Kind::FRAMED_MTU => self.mtu = Some(attribute.u32().ok()?),
            Kind::REPLY_MESSAGE => append(&mut self.message, value),
            Kind::CLASS => push(&mut self.class, value.into())?,
            Kind::SESSION_TIMEOUT => self.session_timeout = Some(attribute.u32().ok()?),
            Kind::IDLE_TIMEOUT => self.idle_timeout = Some(attribute.u32().ok()?),
            Kind::ACCT_INTERIM_INTERVAL => self.interim = Some(attribute.u32().ok()?),
            Kind::PORT_LIMIT => self.port_limit = Some(attribute.u32().ok()?),
            Kind::ASCEND_CLIENT_PRIMARY_DNS => self.name_server(0, attribute)?,
            Kind::ASCEND_CLIENT_SECONDARY_DNS => self.name_server(1, attribute)?,
            Kind::FRAMED_INTERFACE_ID => self.interface_id = Some(attribute.u64().ok()?),
            Kind::FRAMED_IPV6_PREFIX => push(&mut self.prefixes6, attribute.prefix6().ok()?)?,
            Kind::FRAMED_IPV6_ROUTE => push(&mut self.routes6, route6(value)?)?,
            Kind::DELEGATED_IPV6_PREFIX => push(&mut self.delegated, attribute.prefix6().ok()?)?,
            Kind::FRAMED_IPV6_POOL => self.pool6 = Some(string(value)?),
            Kind::DELEGATED_IPV6_PREFIX_POOL => self.delegated_pool = Some(string(value)?),
            Kind::FRAMED_IPV6_ADDRESS => self.address6 = Some(attribute.ipv6().ok()?),
            Kind::DNS_SERVER_IPV6_ADDRESS => push(&mut self.dns6, attribute.ipv6().ok()?)?,
            Kind::VENDOR_SPECIFIC => {
                for attribute in VendorAttributes::parse(value).ok()? {
                    self.read_vendor(attribute.ok()?)?;
                }
            }
            Kind(64..=67 | 69 | 81..=83 | 90..=91) => {
                self.read_tunnel(attribute, secret, request)?;
            }
            _ => {}
        }
        Some(())
    }

    fn name_server(&mut self, which: usize, attribute: Attribute<'_>) -> Option<()> {
        let address = attribute.ipv4().ok()?;
        *self.dns.get_mut(which)? = (!address.is_unspecified()).then_some(address);
        Some(())
    }

    fn read_vendor(&mut self, attribute: VendorAttribute<'_>) -> Option<()> {
        let inner = attribute.attribute();
        match (attribute.vendor, attribute.kind) {
            (Vendor::CISCO, Vendor::CISCO_AVPAIR) => {
                for pair in pairs(attribute.value) {
                    push(&mut self.pairs, pair)?;
                }
                Some(())
            }
            (Vendor::MICROSOFT, Vendor::MS_PRIMARY_DNS_SERVER)
            | (Vendor::ASCEND, Vendor::ASCEND_CLIENT_PRIMARY_DNS) => self.name_server(0, inner),
            (Vendor::MICROSOFT, Vendor::MS_SECONDARY_DNS_SERVER)
            | (Vendor::ASCEND, Vendor::ASCEND_CLIENT_SECONDARY_DNS) => self.name_server(1, inner),
            (Vendor::MICROSOFT, Vendor::MS_CHAP2_SUCCESS) => {
                let (_identifier, text) = attribute.value.split_first()?;
                self.success = Some(text.into());
                Some(())
            }
            _ => Some(()),
        }
    }

    fn read_tunnel(
        &mut self,
        attribute: Attribute<'_>,
        secret: &SharedSecret,
        request: &Authenticator,
    ) -> Option<()> {
        match attribute.kind {
            Kind::TUNNEL_TYPE | Kind::TUNNEL_MEDIUM_TYPE | Kind::TUNNEL_PREFERENCE => {
                let number = tagged_u24(attribute.value).ok()?;
                let tunnel = self.tunnel(number.tag)?;
                let field = match attribute.kind {
                    Kind::TUNNEL_TYPE => &mut tunnel.kind,
                    Kind::TUNNEL_MEDIUM_TYPE => &mut tunnel.medium,
                    _ => &mut tunnel.preference,
                };
                *field = Some(number.value);
            }
            Kind::TUNNEL_PASSWORD => {
                let (&tag, hidden) = attribute.value.split_first()?;
                let tag = if tag > 0x1f { 0 } else { tag };
                let password = secret.reveal_tunnel(request, hidden)?;
                self.tunnel(tag)?.password = Some(password.into());
            }
            kind => {
                let text = tagged_text(attribute.value).ok()?;
                let tunnel = self.tunnel(text.tag)?;
                let field = match kind {
                    Kind::TUNNEL_CLIENT_ENDPOINT => &mut tunnel.client_endpoint,
                    Kind::TUNNEL_SERVER_ENDPOINT => &mut tunnel.server_endpoint,
                    Kind::TUNNEL_PRIVATE_GROUP_ID => &mut tunnel.private_group,
                    Kind::TUNNEL_ASSIGNMENT_ID => &mut tunnel.assignment,
                    Kind::TUNNEL_CLIENT_AUTH_ID => &mut tunnel.client_name,
                    _ => &mut tunnel.server_name,
                };
                *field = text.value.into();
            }
        }
        Some(())
    }

    /// The tunnel of a tag. Tags are 0 to 31, so there are not more of them.
    fn tunnel(&mut self, tag: u8) -> Option<&mut Tunnel> {
        let place = self.tunnels.iter().position(|tunnel| tunnel.tag == tag);
        let place = place.unwrap_or_else(|| {
            self.tunnels.push(Tunnel {
                tag,
                ..Tunnel::default()
            });
            self.tunnels.len() - 1
        });
        self.tunnels.get_mut(place)
    }

    /// What PPP is told. An MS-CHAPv2 peer also wants to know who we are: without the server's
    /// proof it cannot be let in.
    #[must_use]
    pub fn verdict(&self, method: Method) -> Verdict {
        let proof = self.success.as_deref().filter(|text| is_proof(text));
        let message = match method {
            Method::Pap | Method::ChapMd5 => said(&self.message),
            Method::MsChapV2 if proof.is_none() => return Verdict::plain(Outcome::Refused),
            Method::MsChapV2 => proof.map(Into::into),
        };
        Verdict {
            outcome: Outcome::Accepted,
            message,
        }
    }

    /// The address of the endpoint of every tunnel that L2TP over IP can make, best first.
    pub fn l2tp_tunnels(&self) -> impl Iterator<Item = (&Tunnel, IpAddr)> {
        self.tunnels
            .iter()
            .filter(|tunnel| tunnel.kind == Some(3) && matches!(tunnel.medium, Some(1 | 2)))
            .filter_map(|tunnel| {
                let text = std::str::from_utf8(&tunnel.server_endpoint).ok()?;
                Some((tunnel, text.trim().parse().ok()?))
            })
    }
}

/// `S=` and 40 hexadecimal digits, and perhaps more (RFC 2759 section 5).
fn is_proof(text: &[u8]) -> bool {
    text.strip_prefix(b"S=")
        .and_then(|digits| digits.get(..40))
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn said(message: &[u8]) -> Option<Box<[u8]>> {
    // PAP has one octet for the length.
    (!message.is_empty()).then(|| message.get(..255).unwrap_or(message).into())
}

fn string(value: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty())
        .map(Into::into)
}

fn push<T>(list: &mut Vec<T>, item: T) -> Option<()> {
    (list.len() < MAX_LIST).then(|| list.push(item))
}

fn append(text: &mut Box<[u8]>, more: &[u8]) {
    let mut all = std::mem::take(text).into_vec();
    all.extend_from_slice(more);
    *text = all.into_boxed_slice();
}

/// Why a user may not come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// Reply-Message, all of them.
    pub message: Box<[u8]>,
    /// MS-CHAP-Error without its identifier.
    pub error: Option<Box<[u8]>>,
}

impl Rejection {
    /// Reads the attributes of an Access-Reject or an Access-Challenge.
    #[must_use]
    pub fn parse(packet: &Packet<'_>) -> Self {
        let mut all = Self::default();
        for attribute in packet.attributes() {
            match attribute.kind {
                Kind::REPLY_MESSAGE => append(&mut all.message, attribute.value),
                Kind::VENDOR_SPECIFIC => all.read_vendor(attribute.value),
                _ => {}
            }
        }
        all
    }

    fn read_vendor(&mut self, value: &[u8]) {
        for attribute in VendorAttributes::parse(value)
            .into_iter()
            .flatten()
            .flatten()
        {
            if (attribute.vendor, attribute.kind) == (Vendor::MICROSOFT, Vendor::MS_CHAP_ERROR)
                && let Some((_identifier, text)) = attribute.value.split_first()
            {
                self.error = Some(text.into());
            }
        }
    }

    /// What PPP is told. The server's offer to try again (`R=1`) is not ours: our challenge is
    /// used up.
    #[must_use]
    pub fn verdict(&self, method: Method) -> Verdict {
        let message = match method {
            Method::Pap | Method::ChapMd5 => said(&self.message),
            Method::MsChapV2 => self
                .error
                .as_deref()
                .filter(|text| text.starts_with(b"E="))
                .map(|text| {
                    String::from_utf8_lossy(text)
                        .replacen(" R=1", " R=0", 1)
                        .into_bytes()
                        .into()
                }),
        };
        Verdict {
            outcome: Outcome::WrongSecret,
            message,
        }
    }
}
