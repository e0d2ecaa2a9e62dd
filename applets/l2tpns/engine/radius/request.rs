//! What a server is asked about a user, and what every request says of us and of the session.

use std::net::{Ipv4Addr, Ipv6Addr};

use wanbox_link::ppp::auth::Proof;
use wanbox_wire::radius::{Attribute, Authenticator, Code, HEADER, Kind, Vendor, Writer};

use super::{Route4, SharedSecret};
use crate::SessionId;

/// The longest user name that is sent, octets.
pub const MAX_USER: usize = Attribute::MAX_VALUE;
/// The longest password that is sent, octets (RFC 2865 section 5.2).
pub const MAX_PASSWORD: usize = 128;

/// Who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nas {
    /// NAS-IP-Address; without one the server sees where the packet comes from.
    pub ipv4: Option<Ipv4Addr>,
    /// NAS-IPv6-Address.
    pub ipv6: Option<Ipv6Addr>,
    /// NAS-Identifier; empty: none.
    pub identifier: Box<str>,
}

/// Service-Type (RFC 2865 section 5.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// 2: Framed.
    #[default]
    Framed,
    /// 8: Authenticate Only, for a further link of a bundle.
    AuthenticateOnly,
}

/// What is known about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// NAS-Port.
    pub session: SessionId,
    /// What it is for.
    pub service: Service,
    /// Framed-IP-Address, when it has one.
    pub address: Option<Ipv4Addr>,
    /// Framed-Route.
    pub routes: Vec<Route4>,
    /// Session-Timeout, seconds; 0: none.
    pub session_timeout: u32,
    /// Idle-Timeout, seconds; 0: none.
    pub idle_timeout: u32,
    /// Called-Station-Id; empty: none.
    pub called: Box<[u8]>,
    /// Calling-Station-Id; empty: none.
    pub calling: Box<[u8]>,
    /// Acct-Session-Id, as [`acct_session_id`] makes it; empty: none.
    pub acct_session_id: Box<str>,
}

impl Port {
    /// A session of which nothing else is known.
    #[must_use]
    pub fn new(session: SessionId) -> Self {
        Self {
            session,
            service: Service::Framed,
            address: None,
            routes: Vec::new(),
            session_timeout: 0,
            idle_timeout: 0,
            called: Box::default(),
            calling: Box::default(),
            acct_session_id: Box::default(),
        }
    }

    /// Writes what requests of both kinds say of the session and of us, in l2tpns' order; what
    /// l2tpns does not send comes last.
    pub(super) fn write(&self, writer: &mut Writer<'_>, nas: &Nas) {
        writer.u32(Kind::NAS_PORT, self.session.0);
        let service = match self.service {
            Service::Framed => 2,
            Service::AuthenticateOnly => 8,
        };
        writer.u32(Kind::SERVICE_TYPE, service);
        // PPP.
        writer.u32(Kind::FRAMED_PROTOCOL, 1);
        if let Some(address) = self.address {
            writer.ipv4(Kind::FRAMED_IP_ADDRESS, address);
        }
        for route in &self.routes {
            let gateway = self.address.unwrap_or(Ipv4Addr::UNSPECIFIED);
            let text = format!("{}/{} {gateway} 1", route.network, route.length);
            writer.attribute(Kind::FRAMED_ROUTE, text.as_bytes());
        }
        for (kind, seconds) in [
            (Kind::SESSION_TIMEOUT, self.session_timeout),
            (Kind::IDLE_TIMEOUT, self.idle_timeout),
        ] {
            if seconds > 0 {
                writer.u32(kind, seconds);
            }
        }
        text(writer, Kind::CALLED_STATION_ID, &self.called);
        text(writer, Kind::CALLING_STATION_ID, &self.calling);
        if let Some(address) = nas.ipv4 {
            writer.ipv4(Kind::NAS_IP_ADDRESS, address);
        }
        // From here on what l2tpns does not send.
        if let Some(address) = nas.ipv6 {
            writer.ipv6(Kind::NAS_IPV6_ADDRESS, address);
        }
        text(writer, Kind::NAS_IDENTIFIER, nas.identifier.as_bytes());
        // Virtual.
        writer.u32(Kind::NAS_PORT_TYPE, 5);
    }
}

/// Writes a text unless it is empty; one that is too long is cut.
pub(super) fn text(writer: &mut Writer<'_>, kind: Kind, text: &[u8]) {
    let text = text.get(..Attribute::MAX_VALUE).unwrap_or(text);
    if !text.is_empty() {
        writer.attribute(kind, text);
    }
}

/// The Acct-Session-Id of a session: its number among all since the start, and when its call came,
/// seconds since 1970.
#[must_use]
pub fn acct_session_id(unique: u32, unix: u64) -> String {
    format!("{unique:08X}{:08X}", unix as u32)
}

/// Asks whether a user may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// Who wants to come in: at most [`MAX_USER`] octets.
    pub user: Box<[u8]>,
    /// The proof; a password has at most [`MAX_PASSWORD`] octets.
    pub proof: Proof,
    /// The session.
    pub port: Port,
}

impl AccessRequest {
    /// Whether it can be sent: shortening a name would make it another's.
    #[must_use]
    pub fn fits(&self) -> bool {
        let password = match &self.proof {
            Proof::Pap { password } => password.len(),
            Proof::ChapMd5 { .. } | Proof::MsChapV2 { .. } => 0,
        };
        self.user.len() <= MAX_USER && password <= MAX_PASSWORD
    }

    /// Writes the packet.
    pub(super) fn emit(
        &self,
        octets: &mut Vec<u8>,
        identifier: u8,
        authenticator: &Authenticator,
        secret: &SharedSecret,
        nas: &Nas,
    ) {
        let mut writer = Writer::new(octets, Code::ACCESS_REQUEST, identifier);
        // First of all: a forger then cannot know what is digested before what he may choose.
        writer.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
        writer.attribute(Kind::USER_NAME, &self.user);
        write_proof(&mut writer, &self.proof, authenticator, secret);
        self.port.write(&mut writer, nas);
        let id = self.port.acct_session_id.as_bytes();
        text(&mut writer, Kind::ACCT_SESSION_ID, id);
        writer.finish(authenticator);
        secret.sign(octets, HEADER + 2, authenticator);
    }
}

fn write_proof(
    writer: &mut Writer<'_>,
    proof: &Proof,
    authenticator: &Authenticator,
    secret: &SharedSecret,
) {
    match proof {
        Proof::Pap { password } => {
            let hidden = secret.hide_password(authenticator, password);
            writer.attribute(Kind::USER_PASSWORD, &hidden);
        }
        Proof::ChapMd5 {
            identifier,
            challenge,
            response,
        } => {
            let mut value = vec![*identifier];
            value.extend_from_slice(response);
            writer.attribute(Kind::CHAP_PASSWORD, &value);
            writer.attribute(Kind::CHAP_CHALLENGE, challenge);
        }
        Proof::MsChapV2 {
            identifier,
            challenge,
            peer_challenge,
            response,
        } => {
            writer.vendor(Vendor::MICROSOFT, Vendor::MS_CHAP_CHALLENGE, challenge);
            // RFC 2548 section 2.3.2: identifier, flags, peer challenge, reserved, response.
            let mut value = vec![*identifier, 0];
            value.extend_from_slice(peer_challenge);
            value.extend_from_slice(&[0; 8]);
            value.extend_from_slice(response);
            writer.vendor(Vendor::MICROSOFT, Vendor::MS_CHAP2_RESPONSE, &value);
        }
    }
}
