//! A model of a RADIUS server.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wanbox_link::ppp::Claim;
use wanbox_link::ppp::auth::{Outcome, Proof};
use wanbox_wire::radius::{AUTHENTICATOR, Code, Kind, Packet, Vendor, VendorAttributes, Writer};

use super::*;
use crate::radius::SharedSecret;

/// What users are granted beyond the address: attributes as they are written.
type Grant = Vec<(Kind, Vec<u8>)>;

pub(super) struct Server {
    secret: SharedSecret,
    /// Users and what they share with the server.
    users: BTreeMap<String, (String, Grant)>,
    /// It does not answer.
    pub silent: bool,
    pub delay: Duration,
    answers: VecDeque<(Instant, u8, SocketAddr, Vec<u8>)>,
    pub requests: u32,
    /// Records as `(status, user, id, cause, input octets)`, each once.
    pub records: Vec<(u32, String, String, Option<u32>, u32)>,
    seen: BTreeSet<Vec<u8>>,
    /// Requests in their octets.
    pub packets: Vec<Vec<u8>>,
}

impl Server {
    pub fn new(secret: &str) -> Self {
        Self {
            secret: SharedSecret::new(secret.as_bytes()),
            users: BTreeMap::new(),
            silent: false,
            delay: Duration::from_millis(5),
            answers: VecDeque::new(),
            requests: 0,
            records: Vec::new(),
            seen: BTreeSet::new(),
            packets: Vec::new(),
        }
    }

    pub fn user(&mut self, user: &str, secret: &str, grant: &[(Kind, &[u8])]) {
        let grant = grant
            .iter()
            .map(|(kind, value)| (*kind, value.to_vec()))
            .collect();
        self.users.insert(user.into(), (secret.into(), grant));
    }

    pub fn receive(&mut self, now: Instant, (socket, to): (u8, SocketAddr), octets: &[u8]) {
        self.requests += 1;
        if self.silent {
            return;
        }
        let packet = Packet::parse(octets).unwrap();
        self.packets.push(octets.to_vec());
        let answer = match packet.code() {
            Code::ACCESS_REQUEST => self.access(&packet),
            Code::ACCOUNTING_REQUEST => self.account(&packet),
            other => panic!("{other:?}"),
        };
        assert_eq!(to.ip(), address(RADIUS).ip());
        self.answers
            .push_back((now + self.delay, socket, to, answer));
    }

    fn text(packet: &Packet<'_>, kind: Kind) -> String {
        let value = packet.attributes().find(|attribute| attribute.kind == kind);
        value.map_or_else(String::new, |attribute| {
            String::from_utf8_lossy(attribute.value).into_owned()
        })
    }

    fn access(&self, packet: &Packet<'_>) -> Vec<u8> {
        assert_eq!(
            self.secret.is_signed(packet, packet.authenticator()),
            Some(true)
        );
        let user = Self::text(packet, Kind::USER_NAME);
        let claim = Claim {
            name: user.as_bytes().into(),
            proof: self.proof(packet),
        };
        let known = self.users.get(&user);
        let verdict = known.map(|(secret, _)| claim.verify(secret.as_bytes()));
        let accepted = verdict
            .as_ref()
            .is_some_and(|v| v.outcome == Outcome::Accepted);
        let code = if accepted {
            Code::ACCESS_ACCEPT
        } else {
            Code::ACCESS_REJECT
        };
        let mut answer = Vec::new();
        let mut writer = Writer::new(&mut answer, code, packet.identifier());
        writer.attribute(Kind::MESSAGE_AUTHENTICATOR, &[0; 16]);
        if let (true, Some((_, grant))) = (accepted, known) {
            for (kind, value) in grant {
                writer.attribute(*kind, value);
            }
            if let (Proof::MsChapV2 { identifier, .. }, Some(verdict)) = (&claim.proof, verdict) {
                let mut value = vec![*identifier];
                value.extend_from_slice(&verdict.message.unwrap()[..42]);
                writer.vendor(Vendor::MICROSOFT, Vendor::MS_CHAP2_SUCCESS, &value);
            }
        } else {
            writer.attribute(Kind::REPLY_MESSAGE, b"go away");
        }
        writer.finish(packet.authenticator());
        self.secret.sign(&mut answer, 22, packet.authenticator());
        self.seal(packet, answer)
    }

    fn seal(&self, request: &Packet<'_>, mut answer: Vec<u8>) -> Vec<u8> {
        let authenticator = self.secret.authenticator(&answer, request.authenticator());
        answer[AUTHENTICATOR].copy_from_slice(&authenticator);
        answer
    }

    fn proof(&self, packet: &Packet<'_>) -> Proof {
        let find = |kind| {
            packet
                .attributes()
                .find(|a| a.kind == kind)
                .map(|attribute| attribute.value.to_vec())
        };
        if let Some(hidden) = find(Kind::USER_PASSWORD) {
            let password = self.secret.reveal_password(packet.authenticator(), &hidden);
            return Proof::Pap {
                password: password.into(),
            };
        }
        if let Some(value) = find(Kind::CHAP_PASSWORD) {
            return Proof::ChapMd5 {
                identifier: value[0],
                challenge: find(Kind::CHAP_CHALLENGE).unwrap().try_into().unwrap(),
                response: value[1..].try_into().unwrap(),
            };
        }
        let (mut challenge, mut response) = (Vec::new(), Vec::new());
        for attribute in packet
            .attributes()
            .filter(|a| a.kind == Kind::VENDOR_SPECIFIC)
        {
            for inner in VendorAttributes::parse(attribute.value).unwrap().flatten() {
                match inner.kind {
                    Vendor::MS_CHAP_CHALLENGE => challenge = inner.value.to_vec(),
                    Vendor::MS_CHAP2_RESPONSE => response = inner.value.to_vec(),
                    _ => {}
                }
            }
        }
        Proof::MsChapV2 {
            identifier: response[0],
            challenge: challenge.try_into().unwrap(),
            peer_challenge: response[2..18].try_into().unwrap(),
            response: response[26..50].try_into().unwrap(),
        }
    }

    fn account(&mut self, packet: &Packet<'_>) -> Vec<u8> {
        assert!(self.secret.is_request(packet));
        let number = |kind| {
            packet
                .attributes()
                .find(|a| a.kind == kind)
                .and_then(|a| a.u32().ok())
        };
        let status = number(Kind::ACCT_STATUS_TYPE).unwrap();
        let id = Self::text(packet, Kind::ACCT_SESSION_ID);
        let key = format!(
            "{status} {id} {}",
            number(Kind::ACCT_SESSION_TIME).unwrap_or(0)
        );
        if self.seen.insert(key.into_bytes()) {
            let user = Self::text(packet, Kind::USER_NAME);
            let cause = number(Kind::ACCT_TERMINATE_CAUSE);
            let octets = number(Kind::ACCT_INPUT_OCTETS).unwrap_or(0);
            self.records.push((status, user, id, cause, octets));
        }
        let mut answer = Vec::new();
        let code = Code::ACCOUNTING_RESPONSE;
        Writer::new(&mut answer, code, packet.identifier()).finish(packet.authenticator());
        self.seal(packet, answer)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.answers.front().map(|(at, ..)| *at)
    }

    pub fn answer(&mut self, now: Instant) -> Option<(u8, SocketAddr, Vec<u8>)> {
        let (_, socket, from, answer) = self.answers.pop_front_if(|(at, ..)| *at <= now)?;
        Some((socket, from, answer))
    }

    /// How many records of a status there are for a user.
    pub fn count(&self, status: u32, user: &str) -> usize {
        let of = |record: &&(u32, String, String, Option<u32>, u32)| {
            record.0 == status && record.1 == user
        };
        self.records.iter().filter(of).count()
    }
}
