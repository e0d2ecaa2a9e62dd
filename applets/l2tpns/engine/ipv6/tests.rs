use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use wanbox_wire::dhcpv6::{Association, DhcpOption, INFINITY, Kind, Message, Options, status};
use wanbox_wire::ip::{Icmp, Ipv6};
use wanbox_wire::ndp::NdpOptions;

use super::*;
use wanbox_sim::hex;

const CLIENT: &[u8] = &[0, 3, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];
const OURS: &[u8] = &[0, 3, 0, 27, 0xfd, 0xfd, 0xfa, 0xfa];

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn settings() -> Settings {
    Settings {
        prefix: Some(address("2001:db8:1::")),
        dns: vec![address("2001:db8::53")],
        dns_lifetime: 1200,
        domains: vec!["fdn.fr".to_owned()],
        ..Settings::default()
    }
}

/// A session and its client.
struct Session {
    server: Server,
    binding: Binding,
    prefixes: Vec<(Ipv6Addr, u8)>,
}

impl Session {
    fn new() -> Self {
        Self {
            server: Server::new(settings()),
            binding: Binding::default(),
            prefixes: vec![(address("2001:db8:77::"), 48)],
        }
    }

    fn receive(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        let facts = Facts {
            ipv4: Some(Ipv4Addr::new(10, 10, 10, 1)),
            address: None,
            prefixes: &self.prefixes,
        };
        assert!(Server::concerns(packet));
        self.server.receive(&mut self.binding, &facts, packet)
    }

    /// The answer to a message with these options, and whether an advertisement came too.
    fn ask(&mut self, kind: Kind, options: &[DhcpOption<'_>]) -> Option<(Answer, bool)> {
        let answers = self.receive(&packet(kind, options));
        let first = Ipv6::parse(answers.first()?).unwrap();
        assert_eq!(
            (first.src(), first.dst()),
            (ROUTER, address("fe80::a0a:a01"))
        );
        let (_, octets) = first.transport().unwrap();
        let udp = Udp::parse(octets).unwrap();
        assert_eq!((udp.src_port(), udp.dst_port()), (547, 546));
        assert!(udp.checksum_is_valid(first.pseudo_header(17, octets.len()), false));
        let message = Message::parse(udp.payload()).unwrap();
        assert_eq!(message.transaction, [1, 2, 3]);
        let answer = Answer(udp.payload().to_vec());
        Some((answer, answers.len() == 2))
    }

    fn reply(&mut self, kind: Kind, options: &[DhcpOption<'_>]) -> Answer {
        self.ask(kind, options).unwrap().0
    }
}

struct Answer(Vec<u8>);

impl Answer {
    fn message(&self) -> Message<'_> {
        Message::parse(&self.0).unwrap()
    }

    fn has(&self, option: DhcpOption<'_>) -> bool {
        self.message().options.iter().any(|other| other == option)
    }

    /// The status at the message's own level.
    fn status(&self) -> Option<u16> {
        status_in(&self.message().options)
    }

    fn addresses(&self) -> Vec<Association<'_>> {
        let options = self.message().options;
        options
            .iter()
            .filter_map(|option| match option {
                DhcpOption::IaNa(association) => Some(association),
                _ => None,
            })
            .collect()
    }

    fn prefixes(&self) -> Vec<Association<'_>> {
        let options = self.message().options;
        options
            .iter()
            .filter_map(|option| match option {
                DhcpOption::IaPd(association) => Some(association),
                _ => None,
            })
            .collect()
    }
}

fn status_in(options: &Options<'_>) -> Option<u16> {
    options.iter().find_map(|option| match option {
        DhcpOption::Status { code, .. } => Some(code),
        _ => None,
    })
}

/// The prefixes of an association, with their valid lifetimes.
fn delegated(association: &Association<'_>) -> Vec<(Ipv6Addr, u8, u32)> {
    let prefixes = association.options.iter();
    prefixes
        .filter_map(|option| match option {
            DhcpOption::Prefix {
                prefix,
                bits,
                valid,
                ..
            } => Some((prefix, bits, valid)),
            _ => None,
        })
        .collect()
}

fn packet(kind: Kind, options: &[DhcpOption<'_>]) -> Vec<u8> {
    let (mut list, mut message) = (Vec::new(), Vec::new());
    for option in options {
        option.append(&mut list);
    }
    Message {
        kind,
        transaction: [1, 2, 3],
        options: Options::written(&list),
    }
    .append(&mut message);
    wrap(&message)
}

fn wrap(message: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 48];
    packet.extend_from_slice(message);
    let header = Ipv6Repr {
        src: address("fe80::a0a:a01"),
        ..header(SERVERS, protocol::UDP, 1)
    };
    let ports = UdpRepr {
        src_port: CLIENT_PORT,
        dst_port: SERVER_PORT,
    };
    let sum = pseudo_header(&header, packet.len() - 40);
    ports.emit(&mut packet[40..], sum).unwrap();
    emit(header, &mut packet);
    packet
}

fn ia(iaid: u32) -> Association<'static> {
    Association {
        iaid,
        t1: 0,
        t2: 0,
        options: Options::NONE,
    }
}

const ID: DhcpOption<'_> = DhcpOption::ClientId(CLIENT);
const TO_US: DhcpOption<'_> = DhcpOption::ServerId(OURS);

#[test]
fn an_advertisement_as_2_4_1_sends_it() {
    let mut settings = settings();
    settings.domains.clear();
    let facts = Facts {
        ipv4: Some(Ipv4Addr::new(10, 10, 10, 1)),
        ..Facts::default()
    };
    let packet = Server::new(settings).router_advertisement(&facts, ALL_NODES);
    let wanted = "6000000000483aff fe800000000000000000000000000001 ff020000000000000000000000000001 \
        8600b648 40c0ffff 00000000 00000000 \
        030440c0 00278d00 00093a80 00000000 20010db8000100000000000000000000 \
        19030000 000004b0 20010db8000000000000000000000053";
    assert_eq!(packet, hex(wanted));
}

#[test]
fn advertisements_and_their_options() {
    let fixed = Facts {
        address: Some(address("2001:db8:5:6:7::8")),
        ..Facts::default()
    };
    let mut server = Server::new(settings());
    let packet = server.router_advertisement(&fixed, ALL_NODES);
    let packet = Ipv6::parse(&packet).unwrap();
    let (_, octets) = packet.transport().unwrap();
    let icmp = Icmp::parse(octets).unwrap();
    assert!(icmp.checksum_is_valid(packet.pseudo_header(58, octets.len())));
    let read = RouterAdvertisement::parse(octets).unwrap();
    let options: Vec<_> = NdpOptions::new(read.options).flatten().collect();
    assert!(matches!(options[..], [
        NdpOption::Prefix { prefix, .. },
        NdpOption::DnsServers { lifetime: 1200, .. },
        NdpOption::DomainList { lifetime: 1200, domains: b"\x03fdn\x02fr\0" },
    ] if prefix == address("2001:db8:5:6::")));
    // Nothing to tell is not told.
    let packet =
        Server::new(Settings::default()).router_advertisement(&Facts::default(), ALL_NODES);
    assert_eq!(packet.len(), 40 + 16);
}

#[test]
fn solicitations_are_answered() {
    let mut session = Session::new();
    for (from, to) in [("fe80::2", "fe80::2"), ("::", "ff02::1")] {
        let mut packet = vec![0; 40];
        packet.extend_from_slice(&[133, 0, 0, 0, 0, 0, 0, 0]);
        let header = Ipv6Repr {
            src: address(from),
            ..header(ALL_ROUTERS, protocol::ICMPV6, 255)
        };
        let sum = pseudo_header(&header, 8).octets(&packet[40..]).checksum();
        packet[42..44].copy_from_slice(&sum.to_be_bytes());
        emit(header, &mut packet);
        let answers = session.receive(&packet);
        assert_eq!(answers.len(), 1);
        assert_eq!(Ipv6::parse(&answers[0]).unwrap().dst(), address(to));
        // One that a router forwarded.
        packet[7] = 254;
        assert!(session.receive(&packet).is_empty());
    }
    assert_eq!(session.server.counters().other, 2);
}

#[test]
fn an_advertise_as_2_4_1_sends_it() {
    let mut session = Session::new();
    let oro = [0, 23, 0, 24];
    let answer = session.reply(
        Kind::Solicit,
        &[
            ID,
            DhcpOption::OptionRequest(&oro),
            DhcpOption::IaNa(ia(2)),
            DhcpOption::IaPd(ia(1)),
        ],
    );
    let wanted = "02010203 \
        00020008 0003001bfdfdfafa 0001000a 00030001aabbccddeeff \
        00190029 00000001 ffffffff ffffffff 001a0019 ffffffff ffffffff 30 20010db8007700000000000000000000 \
        00030028 00000002 ffffffff ffffffff 00050018 20010db8000100000a0a0a0100000000 ffffffff ffffffff \
        00170010 20010db8000000000000000000000053 00180008 0366646e02667200 00070001 ff";
    assert_eq!(answer.0, hex(wanted));
    // Nobody is bound by an offer.
    assert_eq!(session.binding, Binding::default());
}

#[test]
fn a_lease_from_request_to_release() {
    let mut session = Session::new();
    let (na, pd) = (DhcpOption::IaNa(ia(2)), DhcpOption::IaPd(ia(1)));
    let (answer, advertised) = session.ask(Kind::Request, &[ID, TO_US, na, pd]).unwrap();
    assert!(advertised);
    assert_eq!(answer.message().kind, Kind::Reply);
    assert_eq!(
        delegated(&answer.prefixes()[0]),
        [(address("2001:db8:77::"), 48, INFINITY)]
    );
    assert_eq!(session.binding.client(), Some(CLIENT));
    // Renewed, with one association that nobody knows.
    let other = DhcpOption::IaPd(ia(9));
    let answer = session.reply(Kind::Renew, &[ID, TO_US, na, pd, other]);
    assert_eq!(delegated(&answer.prefixes()[0]).len(), 1);
    assert_eq!(
        status_in(&answer.prefixes()[1].options),
        Some(status::NO_BINDING)
    );
    assert_eq!(status_in(&answer.addresses()[0].options), None);
    // Another client hears nothing.
    let stranger = DhcpOption::ClientId(b"stranger");
    for kind in [Kind::Request, Kind::Renew, Kind::Release, Kind::Decline] {
        assert!(session.ask(kind, &[stranger, TO_US, pd]).is_none());
    }
    assert!(session.ask(Kind::Rebind, &[stranger, pd]).is_none());
    assert_eq!(session.server.counters().other_client, 5);
    // Given back.
    let answer = session.reply(Kind::Release, &[ID, TO_US, na, pd, other]);
    assert_eq!(answer.status(), Some(status::SUCCESS));
    assert_eq!(answer.prefixes().len(), 1);
    assert_eq!(answer.prefixes()[0].iaid, 9);
    assert_eq!(session.binding, Binding::default());
    session.reply(Kind::Request, &[stranger, TO_US, pd]);
    assert_eq!(session.binding.client(), Some(&b"stranger"[..]));
}

#[test]
fn rapid_commit_takes_two_messages() {
    let mut session = Session::new();
    let pd = DhcpOption::IaPd(ia(1));
    let answer = session.reply(Kind::Solicit, &[ID, DhcpOption::RapidCommit, pd]);
    assert_eq!(answer.message().kind, Kind::Reply);
    assert!(answer.has(DhcpOption::RapidCommit));
    assert!(!answer.has(DhcpOption::Preference(255)));
    assert_eq!(session.binding.client(), Some(CLIENT));
    session.reply(Kind::Renew, &[ID, TO_US, pd]);
}

/// A client that outlived our memory of it, and one whose prefix is another now.
#[test]
fn rebind_takes_what_is_still_right() {
    let mut session = Session::new();
    let mut held = Vec::new();
    for prefix in ["2001:db8:77::", "2001:db8:99::"] {
        DhcpOption::Prefix {
            preferred: 1,
            valid: 2,
            bits: 48,
            prefix: address(prefix),
            options: Options::NONE,
        }
        .append(&mut held);
    }
    let association = Association {
        options: Options::written(&held),
        ..ia(1)
    };
    let answer = session.reply(Kind::Rebind, &[ID, DhcpOption::IaPd(association)]);
    assert_eq!(
        delegated(&answer.prefixes()[0]),
        [
            (address("2001:db8:77::"), 48, INFINITY),
            (address("2001:db8:99::"), 48, 0),
        ]
    );
    session.reply(Kind::Renew, &[ID, TO_US, DhcpOption::IaPd(ia(1))]);
}

#[test]
fn several_associations_share_the_prefixes() {
    let mut session = Session::new();
    session.prefixes.push((address("2001:db8:80:1230::"), 60));
    session.prefixes.push((address("2001:db8:90::"), 44));
    let mut named = Vec::new();
    DhcpOption::Prefix {
        preferred: 0,
        valid: 0,
        bits: 60,
        prefix: address("2001:db8:80:123f::"),
        options: Options::NONE,
    }
    .append(&mut named);
    let second = Association {
        options: Options::written(&named),
        ..ia(2)
    };
    let answer = session.reply(
        Kind::Request,
        &[
            ID,
            TO_US,
            DhcpOption::IaPd(ia(1)),
            DhcpOption::IaPd(second),
            DhcpOption::IaPd(ia(3)),
            DhcpOption::IaNa(ia(1)),
            DhcpOption::IaNa(ia(2)),
            DhcpOption::IaTa(7, Options::NONE),
        ],
    );
    let prefixes = answer.prefixes();
    assert_eq!(delegated(&prefixes[0]).len(), 2);
    assert_eq!(
        delegated(&prefixes[1]),
        [(address("2001:db8:80:1230::"), 60, INFINITY)]
    );
    assert_eq!(
        status_in(&prefixes[2].options),
        Some(status::NO_PREFIX_AVAIL)
    );
    assert_eq!(status_in(&answer.addresses()[0].options), None);
    assert_eq!(
        status_in(&answer.addresses()[1].options),
        Some(status::NO_ADDRS_AVAIL)
    );
    let temporary = answer
        .message()
        .options
        .iter()
        .find_map(|option| match option {
            DhcpOption::IaTa(7, options) => status_in(&options),
            _ => None,
        });
    assert_eq!(temporary, Some(status::UNSPEC_FAIL));
}

#[test]
fn confirm_looks_at_the_link() {
    let mut session = Session::new();
    for (text, wanted) in [
        ("2001:db8:1::a0a:a01:0:0", status::SUCCESS),
        ("2001:db8:2::1", status::NOT_ON_LINK),
    ] {
        let mut held = Vec::new();
        DhcpOption::Address {
            address: address(text),
            preferred: 0,
            valid: 0,
            options: Options::NONE,
        }
        .append(&mut held);
        let association = Association {
            options: Options::written(&held),
            ..ia(1)
        };
        let answer = session.reply(Kind::Confirm, &[ID, DhcpOption::IaNa(association)]);
        assert_eq!(answer.status(), Some(wanted));
    }
    assert!(
        session
            .ask(Kind::Confirm, &[ID, DhcpOption::IaNa(ia(1))])
            .is_none()
    );
}

#[test]
fn declined_addresses_are_counted() {
    let mut session = Session::new();
    let na = DhcpOption::IaNa(ia(1));
    session.reply(Kind::Request, &[ID, TO_US, na]);
    let answer = session.reply(Kind::Decline, &[ID, TO_US, na]);
    assert_eq!(answer.status(), Some(status::SUCCESS));
    assert_eq!(session.server.counters().declined, 1);
}

#[test]
fn information_without_a_lease() {
    let mut session = Session::new();
    let oro = DhcpOption::OptionRequest(&[0, 24]);
    let answer = session.reply(Kind::InformationRequest, &[oro]);
    assert!(answer.has(DhcpOption::DomainList(b"\x03fdn\x02fr\0")));
    assert_eq!(answer.message().options.iter().count(), 2);
    session.reply(Kind::InformationRequest, &[ID, TO_US, oro]);
    assert_eq!(session.binding, Binding::default());
}

#[test]
fn what_is_not_for_this_server_is_ignored() {
    let mut session = Session::new();
    let (na, other) = (DhcpOption::IaNa(ia(1)), DhcpOption::ServerId(b"other"));
    for (kind, options) in [
        (Kind::Solicit, &[na][..]),
        (Kind::Solicit, &[ID, TO_US, na]),
        (Kind::Request, &[ID, na]),
        (Kind::Request, &[ID, other, na]),
        (Kind::Request, &[TO_US, na]),
        (Kind::Renew, &[ID, other, na]),
        (Kind::Rebind, &[ID, TO_US, na]),
        (Kind::Confirm, &[ID, TO_US, na]),
        (Kind::Release, &[ID, na]),
        (Kind::InformationRequest, &[ID, na]),
        (Kind::InformationRequest, &[ID, other]),
        (Kind::Advertise, &[ID, TO_US, na]),
        (Kind::Reply, &[ID, TO_US, na]),
        (Kind::Other(200), &[ID]),
    ] {
        assert!(session.ask(kind, options).is_none(), "{kind:?} {options:?}");
    }
    assert_eq!(session.server.counters().misaddressed, 14);
    let mut damaged = packet(Kind::Solicit, &[ID, na]);
    *damaged.last_mut().unwrap() ^= 1;
    assert!(session.receive(&damaged).is_empty());
    assert_eq!(session.server.counters().bad_checksum, 1);
    assert!(session.receive(&wrap(&[1, 1, 2, 3, 0])).is_empty());
    assert!(session.receive(&wrap(&[12, 0])).is_empty());
    assert_eq!(session.server.counters().malformed, 2);
}

#[test]
fn lifetimes() {
    for (preferred, valid, wanted) in [
        (0, 0, [INFINITY; 4]),
        (1000, 0, [1000, INFINITY, 500, 800]),
        (1000, 500, [500, 500, 250, 400]),
        (0, 500, [500, 500, 250, 400]),
        (
            u32::MAX - 1,
            0,
            [u32::MAX - 1, INFINITY, 0x7fff_ffff, 3_435_973_835],
        ),
    ] {
        let server = Server::new(Settings {
            preferred_lifetime: preferred,
            valid_lifetime: valid,
            ..settings()
        });
        let lifetimes = server.lifetimes();
        let have = [
            lifetimes.preferred,
            lifetimes.valid,
            lifetimes.t1,
            lifetimes.t2,
        ];
        assert_eq!(have, wanted, "{preferred} {valid}");
    }
}

#[test]
fn prefixes_of_any_length() {
    for (bits, wanted) in [
        (0, "::"),
        (44, "2001:db8:fff0::"),
        (52, "2001:db8:ffff:f000::"),
        (64, "2001:db8:ffff:ffff::"),
        (128, "2001:db8:ffff:ffff:ffff::1"),
        (200, "2001:db8:ffff:ffff:ffff::1"),
    ] {
        let cut = network(address("2001:db8:ffff:ffff:ffff::1"), bits);
        assert_eq!(cut, address(wanted), "{bits}");
    }
}

proptest! {
    #[test]
    fn any_packet(octets in proptest::collection::vec(prop_oneof![0..27u8, any::<u8>()], 0..160)) {
        fuzz_ipv6(&octets);
    }

    #[test]
    fn any_message(
        kinds in proptest::collection::vec(1..12u8, 1..6),
        with_client: bool,
        with_server: bool,
        iaids in proptest::collection::vec(0..12u32, 0..12),
    ) {
        let mut session = Session::new();
        for kind in kinds {
            let mut options = Vec::new();
            if with_client { options.push(ID); }
            if with_server { options.push(TO_US); }
            options.extend(iaids.iter().map(|n| if n % 2 == 0 { DhcpOption::IaPd(ia(*n)) } else { DhcpOption::IaNa(ia(*n)) }));
            let _ = session.ask(kind.into(), &options);
            fuzz_ipv6(&packet(kind.into(), &options)[48..]);
        }
    }
}
