//! What a server is told about sessions (RFC 2866, RFC 2869).

use std::net::Ipv6Addr;
use std::time::Instant;

use wanbox_wire::radius::{Code, Kind, Prefix6, TerminateCause, Vendor, Writer};

use super::request::text;
use super::{Nas, Port, SharedSecret};

/// What happened (RFC 2866 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The session began.
    Start,
    /// It ended.
    Stop(Option<Ended>),
    /// It goes on.
    Interim,
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Acct-Terminate-Cause.
    pub cause: TerminateCause,
    /// The reason in words.
    pub reason: Box<str>,
}

/// What a session used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Octets from the user.
    pub input_octets: u64,
    /// Octets to the user.
    pub output_octets: u64,
    /// Packets from the user.
    pub input_packets: u64,
    /// Packets to the user.
    pub output_packets: u64,
    /// Its time, seconds.
    pub seconds: u32,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountingRequest {
    /// What happened.
    pub status: Status,
    /// Who it is.
    pub user: Box<[u8]>,
    /// The session; its Acct-Session-Id too.
    pub port: Port,
    /// When the call came: Acct-Delay-Time of a Start counts from there, so that its time less its
    /// delay is the time of a Stop less its Acct-Session-Time.
    pub began: Instant,
    /// When it happened, seconds since 1970.
    pub time: u32,
    /// What was used; nothing of it is in a Start.
    pub usage: Usage,
    /// Class, as the server gave it.
    pub class: Vec<Box<[u8]>>,
    /// Further Cisco-AVPairs, `key=value`.
    pub pairs: Vec<Box<str>>,
    /// Whether a server knew the user, or we did (Acct-Authentic).
    pub by_server: bool,
    /// Acct-Multi-Session-Id and Acct-Link-Count of a bundle.
    pub bundle: Option<(Box<str>, u32)>,
    /// Framed-Interface-Id.
    pub interface_id: Option<u64>,
    /// Framed-IPv6-Prefix.
    pub prefix6: Option<Prefix6>,
    /// Delegated-IPv6-Prefix.
    pub delegated: Vec<Prefix6>,
    /// Framed-IPv6-Address.
    pub address6: Option<Ipv6Addr>,
}

impl AccountingRequest {
    /// A record of which nothing else is known.
    #[must_use]
    pub fn new(status: Status, user: &[u8], port: Port, began: Instant, time: u32) -> Self {
        Self {
            status,
            user: user.into(),
            port,
            began,
            time,
            usage: Usage::default(),
            class: Vec::new(),
            pairs: Vec::new(),
            by_server: true,
            bundle: None,
            interface_id: None,
            prefix6: None,
            delegated: Vec::new(),
            address6: None,
        }
    }

    /// Writes the packet as it is at `now`, for a record that was given at `since`. What does not
    /// fit is left out.
    pub(super) fn emit(
        &self,
        octets: &mut Vec<u8>,
        identifier: u8,
        (since, now): (Instant, Instant),
        secret: &SharedSecret,
        nas: &Nas,
    ) {
        let mut writer = Writer::new(octets, Code::ACCOUNTING_REQUEST, identifier);
        text(&mut writer, Kind::USER_NAME, &self.user);
        let seconds = |since| now.saturating_duration_since(since).as_secs() as u32;
        let status = match &self.status {
            Status::Start => 1,
            Status::Stop(_) => 2,
            Status::Interim => 3,
        };
        writer.u32(Kind::ACCT_STATUS_TYPE, status);
        let id = self.port.acct_session_id.as_bytes();
        text(&mut writer, Kind::ACCT_SESSION_ID, id);
        match &self.status {
            Status::Start => {
                writer.u32(Kind::ACCT_DELAY_TIME, seconds(self.began));
            }
            Status::Stop(_) | Status::Interim => self.usage.write(&mut writer),
        }
        if let Status::Stop(Some(ended)) = &self.status {
            writer.u32(Kind::ACCT_TERMINATE_CAUSE, ended.cause.0);
            pair(&mut writer, &format!("disc-cause-ext={}", ended.reason));
        }
        for class in &self.class {
            writer.attribute(Kind::CLASS, class);
        }
        for text in &self.pairs {
            pair(&mut writer, text);
        }
        self.port.write(&mut writer, nas);
        // From here on what l2tpns does not send.
        writer.u32(Kind::EVENT_TIMESTAMP, self.time);
        writer.u32(Kind::ACCT_AUTHENTIC, if self.by_server { 1 } else { 2 });
        let delay = seconds(since);
        if self.status != Status::Start && delay > 0 {
            writer.u32(Kind::ACCT_DELAY_TIME, delay);
        }
        if let Some((id, links)) = &self.bundle {
            text(&mut writer, Kind::ACCT_MULTI_SESSION_ID, id.as_bytes());
            writer.u32(Kind::ACCT_LINK_COUNT, *links);
        }
        if let Some(id) = self.interface_id {
            writer.attribute(Kind::FRAMED_INTERFACE_ID, &id.to_be_bytes());
        }
        if let Some(prefix) = &self.prefix6 {
            writer.prefix6(Kind::FRAMED_IPV6_PREFIX, prefix);
        }
        for prefix in &self.delegated {
            writer.prefix6(Kind::DELEGATED_IPV6_PREFIX, prefix);
        }
        if let Some(address) = self.address6 {
            writer.ipv6(Kind::FRAMED_IPV6_ADDRESS, address);
        }
        writer.finish(&[0; 16]);
        let authenticator = secret.authenticator(octets, &[0; 16]);
        if let Some(field) = octets.get_mut(wanbox_wire::radius::AUTHENTICATOR) {
            field.copy_from_slice(&authenticator);
        }
    }
}

impl Usage {
    fn write(&self, writer: &mut Writer<'_>) {
        // Numbers of 32 bits, which wrap (RFC 2869 sections 5.1 and 5.2).
        writer.u32(Kind::ACCT_INPUT_OCTETS, self.input_octets as u32);
        writer.u32(Kind::ACCT_OUTPUT_OCTETS, self.output_octets as u32);
        writer.u32(Kind::ACCT_SESSION_TIME, self.seconds);
        writer.u32(Kind::ACCT_INPUT_PACKETS, self.input_packets as u32);
        writer.u32(Kind::ACCT_OUTPUT_PACKETS, self.output_packets as u32);
        let gigawords = |octets: u64| (octets >> 32) as u32;
        writer.u32(Kind::ACCT_INPUT_GIGAWORDS, gigawords(self.input_octets));
        writer.u32(Kind::ACCT_OUTPUT_GIGAWORDS, gigawords(self.output_octets));
    }
}

/// A Cisco-AVPair; one that is too long is cut.
fn pair(writer: &mut Writer<'_>, text: &str) {
    const MOST: usize = 247;
    let text = text.as_bytes();
    let text = text.get(..MOST).unwrap_or(text);
    writer.vendor(Vendor::CISCO, Vendor::CISCO_AVPAIR, text);
}
