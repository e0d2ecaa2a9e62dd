//! Clients that do not do as they should, and are served all the same.

use wanbox_wire::ppp::{Code, Frame, Packet, Protocol, Writer};

use super::*;

/// A control frame.
fn control(protocol: Protocol, code: u8, identifier: u8, data: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    FrameRepr::plain(protocol).append(&mut frame);
    let mut writer = Writer::new(&mut frame, code, identifier);
    writer.data(data);
    writer.finish().unwrap();
    frame
}

/// A client whose PPP is written by hand.
struct ByHand(World);

impl ByHand {
    fn new(lines: &[(&str, &str)]) -> Self {
        let mut world = World::simple(lines);
        world.radius.user("ann", "pw", &[]);
        let mut subscriber = Subscriber::new("ann", "pw", &[]);
        subscriber.by_hand = true;
        world.call(0, subscriber);
        world.run_for(SECOND / 2);
        Self(world)
    }

    fn client(&mut self) -> &mut Subscriber {
        &mut self.0.lacs[0].subscribers[0]
    }

    /// Sends a frame and returns what comes for it.
    fn say(&mut self, protocol: Protocol, code: u8, identifier: u8, data: &[u8]) -> Vec<Said> {
        self.raw(&control(protocol, code, identifier, data))
    }

    fn raw(&mut self, frame: &[u8]) -> Vec<Said> {
        self.client().frames.clear();
        self.client().send_frame(frame);
        self.0.run_for(SECOND / 10);
        self.heard()
    }

    fn heard(&mut self) -> Vec<Said> {
        let frames = std::mem::take(&mut self.client().frames);
        frames
            .iter()
            .map(|frame| {
                let frame = Frame::parse(frame).unwrap();
                let packet = Packet::parse(frame.information).unwrap();
                Said {
                    protocol: frame.protocol,
                    code: packet.code,
                    identifier: packet.identifier,
                    data: packet.data.to_vec(),
                }
            })
            .collect()
    }

    /// Agrees on LCP.
    fn open_lcp(&mut self) -> Said {
        let request = self.heard().pop().expect("a Configure-Request");
        assert_eq!((request.protocol, request.code), (Protocol::LCP, 1));
        self.say(Protocol::LCP, 2, request.identifier, &request.data);
        let acks = self.say(Protocol::LCP, 1, 77, &[]);
        assert_eq!(acks[0].code, u8::from(Code::ConfigureAck));
        request
    }

    /// Logs in by PAP and agrees on the address.
    fn log_in(&mut self) {
        self.open_lcp();
        let answers = self.say(Protocol::PAP, 1, 5, b"\x03ann\x02pw");
        assert_eq!((answers[0].protocol, answers[0].code), (Protocol::PAP, 2));
        self.open_ipcp(&answers);
    }

    fn open_ipcp(&mut self, answers: &[Said]) {
        let request = answers
            .iter()
            .find(|said| said.protocol == Protocol::IPCP)
            .unwrap();
        self.say(Protocol::IPCP, 2, request.identifier, &request.data.clone());
        let answers = self.say(Protocol::IPCP, 1, 1, &[3, 6, 10, 0, 0, 1]);
        assert_eq!(answers[0].code, 2);
        assert!(self.is_up());
    }

    fn is_up(&self) -> bool {
        let Some(id) = self.0.lns.session_of("ann") else {
            return false;
        };
        let session = self.0.lns.sessions().get(id).unwrap();
        session.network().ipv4().is_some()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    protocol: Protocol,
    code: u8,
    identifier: u8,
    data: Vec<u8>,
}

#[test]
fn a_chap_response_instead_of_pap_is_challenged() {
    // Netgear's DM602 agrees on PAP and sends a CHAP response.
    let mut hand = ByHand::new(&[("radius_authtypes", "pap, chap")]);
    let request = hand.open_lcp();
    assert!(request.data.windows(4).any(|w| w == [3, 4, 0xc0, 0x23]));
    let mut response = vec![16];
    response.extend_from_slice(&[1; 16]);
    response.extend_from_slice(b"ann");
    let said = hand.say(Protocol::CHAP, 2, 1, &response);
    assert_eq!((said[0].protocol, said[0].code), (Protocol::CHAP, 1));
}

#[test]
fn a_terminate_request_does_not_end_the_call_but_the_cdn_does() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    let said = hand.say(Protocol::LCP, 5, 9, &[]);
    assert_eq!((said[0].code, said[0].identifier), (6, 9));
    hand.0.run_for(10 * SECOND);
    assert_eq!(hand.0.lns.sessions().len(), 1);
    assert_eq!(hand.client().ended, None);
    let now = hand.0.now();
    hand.0.lacs[0].hang_up(now, 0, 3);
    hand.0.run_for(SECOND);
    assert!(hand.0.lns.sessions().is_empty());
    // The user wanted to go.
    assert_eq!(hand.0.radius.records.last().unwrap().3, Some(1));
}

#[test]
fn a_client_that_terminates_and_whose_lac_says_nothing_is_hung_up() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    hand.say(Protocol::LCP, 5, 9, &[]);
    hand.0.run_for(AFTER_TERMINATE + SECOND);
    assert!(hand.0.lns.sessions().is_empty());
    assert_eq!(hand.client().ended, Some((3, None)));
}

#[test]
fn a_client_that_begins_anew_need_not_prove_itself_again() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    let asked = hand.0.radius.requests;
    let said = hand.say(Protocol::LCP, 1, 1, &[]);
    let request = said.iter().find(|said| said.code == 1).unwrap().clone();
    // No way to prove is asked for.
    assert!(
        !request
            .data
            .windows(2)
            .any(|w| w == [0xc0, 0x23] || w == [0xc2, 0x23])
    );
    assert!(said.iter().any(|said| said.code == 2));
    let said = hand.say(Protocol::LCP, 2, request.identifier, &request.data);
    hand.open_ipcp(&said);
    assert_eq!(hand.0.radius.requests, asked);
    assert_eq!(hand.0.radius.count(1, "ann"), 1);
    assert_eq!(hand.0.radius.count(2, "ann"), 0);
}

#[test]
fn a_client_that_terminates_may_begin_anew() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    hand.say(Protocol::LCP, 5, 9, &[]);
    hand.0.run_for(10 * SECOND);
    let said = hand.say(Protocol::LCP, 1, 1, &[]);
    let request = said.iter().find(|said| said.code == 1).unwrap().clone();
    let said = hand.say(Protocol::LCP, 2, request.identifier, &request.data);
    hand.open_ipcp(&said);
    hand.0.run_for(30 * SECOND);
    assert!(hand.is_up());
}

#[test]
fn a_client_that_wants_us_to_prove_ourselves_gives_in() {
    let mut hand = ByHand::new(&[]);
    hand.heard();
    let said = hand.say(Protocol::LCP, 1, 3, &[3, 4, 0xc0, 0x23]);
    let reject = said.iter().find(|said| said.code == 4).unwrap();
    assert_eq!(reject.data, [3, 4, 0xc0, 0x23]);
}

#[test]
fn compression_that_nobody_has_is_rejected_and_nothing_else_happens() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    // MPPC.
    let said = hand.say(Protocol(0x80fd), 1, 1, &[18, 6, 0, 0, 0, 1]);
    assert_eq!((said[0].protocol, said[0].code), (Protocol::LCP, 8));
    assert_eq!(said[0].data[..2], [0x80, 0xfd]);
    assert!(hand.is_up());
}

#[test]
fn an_address_that_is_not_asked_for_is_told() {
    let mut hand = ByHand::new(&[]);
    hand.open_lcp();
    hand.say(Protocol::PAP, 1, 5, b"\x03ann\x02pw");
    let said = hand.say(Protocol::IPCP, 1, 1, &[]);
    assert_eq!(
        (said[0].code, &*said[0].data),
        (3, &[3, 6, 10, 0, 0, 1][..])
    );
}

#[test]
fn requests_of_another_address_and_of_wins_servers_are_corrected() {
    let mut hand = ByHand::new(&[]);
    hand.open_lcp();
    hand.say(Protocol::PAP, 1, 5, b"\x03ann\x02pw");
    let wins = [3, 6, 0, 0, 0, 0, 130, 6, 0, 0, 0, 0, 132, 6, 0, 0, 0, 0];
    let said = hand.say(Protocol::IPCP, 1, 1, &wins);
    assert_eq!((said[0].code, &*said[0].data), (4, &wins[6..]));
    let dns = [3, 6, 1, 2, 3, 4, 129, 6, 0, 0, 0, 0];
    let said = hand.say(Protocol::IPCP, 1, 2, &dns);
    let wanted = [3, 6, 10, 0, 0, 1, 129, 6, 198, 51, 100, 53];
    assert_eq!((said[0].code, &*said[0].data), (3, &wanted[..]));
}

#[test]
fn an_ipcp_option_of_the_wrong_length_does_no_harm() {
    let mut hand = ByHand::new(&[]);
    hand.open_lcp();
    hand.say(Protocol::PAP, 1, 5, b"\x03ann\x02pw");
    for options in [&[3, 5, 1, 2, 3][..], &[3, 0], &[129, 2], &[3]] {
        hand.say(Protocol::IPCP, 1, 1, options);
    }
    // IPCP with length 4 (a Terminate-Request).
    hand.say(Protocol::IPCP, 5, 1, &[]);
    assert_eq!(hand.0.lns.sessions().len(), 1);
}

#[test]
fn a_repeated_pap_request_gets_the_same_answer_and_is_asked_about_once() {
    let mut hand = ByHand::new(&[]);
    hand.open_lcp();
    hand.0.radius.delay = 5 * SECOND;
    for identifier in 1..4 {
        hand.say(Protocol::PAP, 1, identifier, b"\x03ann\x02pw");
    }
    hand.0.run_for(6 * SECOND);
    let said = hand.heard();
    let acks: Vec<_> = said
        .iter()
        .filter(|said| said.protocol == Protocol::PAP)
        .collect();
    assert_eq!(acks.len(), 1);
    assert_eq!((acks[0].code, acks[0].identifier), (2, 3));
    assert_eq!(
        hand.0.radius.packets.len(),
        2,
        "an Access-Request, sent again once"
    );
    // Its answer was lost.
    let said = hand.say(Protocol::PAP, 1, 4, b"\x03ann\x02pw");
    assert_eq!((said[0].code, said[0].identifier), (2, 4));
}

#[test]
fn code_rejects_do_not_loop() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    let said = hand.say(Protocol::LCP, 7, 1, &[200, 1, 0, 4]);
    assert!(said.is_empty(), "{said:?}");
    let said = hand.say(Protocol::LCP, 200, 1, &[0; 8]);
    assert_eq!((said.len(), said[0].code), (1, 7));
}

#[test]
fn identifications_discards_and_late_answers_are_taken_quietly() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    assert!(
        hand.say(Protocol::LCP, 12, 1, b"\0\0\0\0MSRASV5.20")
            .is_empty()
    );
    assert!(hand.say(Protocol::LCP, 11, 1, &[0; 4]).is_empty());
    assert!(hand.say(Protocol::LCP, 6, 1, &[]).len() <= 1);
    assert_eq!(hand.0.lns.sessions().len(), 1);
}

#[test]
fn echoes_with_any_magic_number_length_and_compression_are_answered() {
    let mut hand = ByHand::new(&[]);
    hand.log_in();
    let said = hand.say(Protocol::LCP, 9, 8, &[1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (said[0].code, said[0].identifier, said[0].data.len()),
        (10, 8, 6)
    );
    // Address and control left out.
    let said = hand.raw(&[0xc0, 0x21, 9, 7, 0, 8, 0, 0, 0, 0]);
    assert_eq!((said[0].code, said[0].identifier), (10, 7));
    // Without a magic number there is nothing to return.
    hand.say(Protocol::LCP, 9, 8, &[]);
    assert!(hand.is_up());
}

#[test]
fn frames_of_any_octets_do_no_harm() {
    let mut hand = ByHand::new(&[("ipv6_prefix", "2001:db8::")]);
    hand.log_in();
    let mut dice = Dice::new(7);
    for _ in 0..wanbox_sim::random_frames().min(20_000) {
        let mut frame = vec![0; dice.below(48) as usize];
        dice.fill(&mut frame);
        let protocols: [&[u8]; 6] = [
            &[0xff, 3, 0xc0, 0x21],
            &[0xc0, 0x23],
            &[0xc2, 0x23],
            &[0x80, 0x21],
            &[0x80, 0x57],
            &[0x57],
        ];
        if dice.chance(0.8) {
            let protocol = *dice.pick(&protocols);
            frame.splice(0..0, protocol.iter().copied());
        }
        hand.client().send_frame(&frame);
        if dice.chance(0.1) {
            hand.0.run_for(SECOND / 10);
            if hand.client().call.is_none() {
                hand = ByHand::new(&[]);
            }
        }
    }
}

#[test]
fn what_a_lac_negotiated_is_taken_over_when_it_will_do() {
    let mut world = World::simple(&[("l2tp_proxy", "yes")]);
    world.radius.user("ann", "pw", &[]);
    let mut ann = Subscriber::new("ann", "pw", &[]);
    ann.by_hand = true;
    ann.connection.last_sent_confreq = [3, 4, 0xc0, 0x23, 5, 6, 1, 2, 3, 4].into();
    ann.connection.last_received_confreq = [5, 6, 9, 9, 9, 9].into();
    ann.connection.proxy = Some(Box::new(crate::tunnel::ProxyAuthentication {
        kind: 3,
        name: (*b"ann").into(),
        id: 33,
        response: (*b"pw").into(),
        ..Default::default()
    }));
    world.call(0, ann);
    world.run_for(SECOND);
    let mut hand = ByHand(world);
    let said = hand.heard();
    // No LCP: the answer to the request that the LAC took, then IPCP.
    assert_eq!(
        (said[0].protocol, said[0].code, said[0].identifier),
        (Protocol::PAP, 2, 33)
    );
    assert_eq!(said[1].protocol, Protocol::IPCP);
    hand.open_ipcp(&said);
}
