//! Which server is asked when, and which answers are taken.

use std::time::Duration;

use super::*;

fn later(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

/// When the next try is sent and to which server, until the request ends.
fn tries(client: &mut Client, begin: Instant) -> (Vec<(u64, IpEnd)>, Instant) {
    let mut list = Vec::new();
    let mut octets = Vec::new();
    let mut now = begin;
    loop {
        while let Some(to) = client.poll_transmit(&mut octets) {
            list.push(((now - begin).as_secs(), IpEnd::of(to.to)));
        }
        match client.poll_timeout() {
            Some(next) => now = next,
            None => return (list, now),
        }
        client.handle_timeout(now);
    }
}

/// The last octet of a server's address, and the port.
type IpEnd = (u8, u16);

trait Of {
    fn of(at: SocketAddr) -> Self;
}

impl Of for IpEnd {
    fn of(at: SocketAddr) -> Self {
        match at {
            SocketAddr::V4(at) => (at.ip().octets()[3], at.port()),
            SocketAddr::V6(_) => unreachable!("these servers have IPv4 addresses"),
        }
    }
}

#[test]
fn tries_are_spaced_and_servers_alternate_as_with_l2tpns() {
    let begin = now();
    let mut one = client(1);
    one.access(begin, 1, pap("joe")).unwrap();
    let (list, end) = tries(&mut one, begin);
    assert_eq!(list, [(0, (1, 1812)), (3, (1, 1812))]);
    assert_eq!(end - begin, Duration::from_secs(7));
    let event = one.poll_event().unwrap();
    assert_eq!((event.key, event.answer), (1, Answer::TimedOut));

    let mut two = client(2);
    two.access(begin, 1, pap("joe")).unwrap();
    let (list, end) = tries(&mut two, begin);
    assert_eq!(
        list,
        [
            (0, (1, 1812)),
            (3, (2, 1812)),
            (7, (1, 1812)),
            (13, (2, 1812))
        ]
    );
    assert_eq!(end - begin, Duration::from_secs(23));
    assert_eq!(two.poll_event().unwrap().answer, Answer::TimedOut);
    assert_eq!(two.pending(), 0);
    assert_eq!(
        [1, 2, 3, 4, 5, 6, 7].map(|n| retry_after(n).as_secs()),
        [3, 4, 6, 10, 18, 34, 34]
    );
}

#[test]
fn the_same_request_is_sent_again_and_a_record_is_made_anew() {
    let begin = now();
    let mut client = client(1);
    client.access(begin, 1, pap("joe")).unwrap();
    let (first, request) = sent(&mut client);
    client.handle_timeout(later(begin, 3));
    let (second, again) = sent(&mut client);
    assert_eq!((first, &request), (second, &again));
    client.receive(begin, first.socket, first.to, &ACCEPT.to(&again, &secret()));
    assert!(matches!(
        client.poll_event().unwrap().answer,
        Answer::Accepted(_)
    ));

    client.account(begin, 2, stop(begin, "1")).unwrap();
    let (to, first) = sent(&mut client);
    assert_eq!(to.to.port(), 1813);
    client.handle_timeout(later(begin, 3));
    let (_, second) = sent(&mut client);
    assert_ne!(first, second);
    let delay = Packet::parse(&second).unwrap().find(Kind::ACCT_DELAY_TIME);
    assert_eq!(delay.unwrap().u32(), Ok(3));
    // The answer to the first try is one, too.
    client.receive(
        later(begin, 4),
        to.socket,
        to.to,
        &ACCOUNTED.to(&first, &secret()),
    );
    let event = client.poll_event().unwrap();
    assert_eq!((event.key, event.answer), (2, Answer::Accounted));
    assert_eq!((client.pending(), client.poll_timeout()), (0, None));
}

#[test]
fn answers_are_taken_from_who_was_asked_and_knows_the_secret() {
    let begin = now();
    let mut client = client(2);
    client.access(begin, 1, pap("joe")).unwrap();
    let (to, request) = sent(&mut client);
    let right = ACCEPT.to(&request, &secret());
    // Not the server that was asked, another port, another socket, another identifier.
    client.receive(begin, to.socket, access_port(2), &right);
    let other_port = SocketAddr::new(to.to.ip(), 1813);
    client.receive(begin, to.socket, other_port, &right);
    assert_eq!(client.unmatched().foreign, 2);
    client.receive(begin, to.socket + 1, to.to, &right);
    let mut other = right.clone();
    other[1] ^= 1;
    client.receive(begin, to.socket, to.to, &other);
    assert_eq!(client.unmatched().late, 2);
    client.receive(begin, to.socket, to.to, &right[..19]);
    assert_eq!(client.unmatched().malformed, 1);
    // Another secret; one bit; no Message-Authenticator, or a wrong one.
    let forged = ACCEPT.to(&request, &SharedSecret::new(b"guess"));
    client.receive(begin, to.socket, to.to, &forged);
    let mut other = right.clone();
    other[0] = 3;
    client.receive(begin, to.socket, to.to, &other);
    let unsigned = Reply {
        signed: false,
        ..ACCEPT
    };
    client.receive(begin, to.socket, to.to, &unsigned.to(&request, &secret()));
    let wrong = Reply {
        attributes: &[(Kind::MESSAGE_AUTHENTICATOR, &[1; 16])],
        ..unsigned
    };
    client.receive(begin, to.socket, to.to, &wrong.to(&request, &secret()));
    let twice = Reply {
        attributes: &[(Kind::MESSAGE_AUTHENTICATOR, &[1; 16])],
        ..ACCEPT
    };
    client.receive(begin, to.socket, to.to, &twice.to(&request, &secret()));
    client.receive(begin, to.socket, to.to, &ACCOUNTED.to(&request, &secret()));
    assert_eq!(client.poll_event(), None);
    let stats = client.servers().next().unwrap().stats[0];
    assert_eq!(stats.bad_authenticator, 2);
    // Said once, and not again for a while.
    let complaint = client.poll_complaint().unwrap();
    assert_eq!((complaint.server, complaint.fault), (to.to, Fault::Forged));
    assert_eq!(client.poll_complaint(), None);
    let reply = unsigned.to(&request, &secret());
    client.receive(begin + COMPLAINTS, to.socket, to.to, &reply);
    let complaint = client.poll_complaint().unwrap();
    assert_eq!(complaint.fault, Fault::Unsigned);
    assert!(
        complaint
            .to_string()
            .contains("radius_message_authenticator no")
    );
    // The answer of the other service has none either.
    assert_eq!(stats.bad_message_authenticator, 4);
    client.receive(begin, to.socket, to.to, &right);
    assert!(client.poll_event().is_some());
    client.receive(begin, to.socket, to.to, &right);
    assert_eq!(client.poll_event(), None);
    assert_eq!(client.unmatched().late, 3);
}

#[test]
fn old_servers_do_without_message_authenticator() {
    let begin = now();
    let mut config = Config::new(vec![at(1)], secret());
    config.require_message_authenticator = false;
    let mut client = Client::new(config, 1, 1);
    let unsigned = Reply {
        signed: false,
        ..ACCEPT
    };
    client.access(begin, 1, pap("joe")).unwrap();
    let (to, request) = sent(&mut client);
    let wrong = Reply {
        attributes: &[(Kind::MESSAGE_AUTHENTICATOR, &[1; 16])],
        ..unsigned
    };
    client.receive(begin, to.socket, to.to, &wrong.to(&request, &secret()));
    assert_eq!(client.poll_event(), None);
    client.receive(begin, to.socket, to.to, &unsigned.to(&request, &secret()));
    assert!(client.poll_event().is_some());
}

#[test]
fn rejects_and_challenges_carry_their_message() {
    let begin = now();
    let mut client = client(1);
    for (key, code) in [(1, Code::ACCESS_REJECT), (2, Code::ACCESS_CHALLENGE)] {
        client.access(begin, key, pap("joe")).unwrap();
        let (to, request) = sent(&mut client);
        let reply = Reply {
            code,
            attributes: &[
                (Kind::REPLY_MESSAGE, b"not"),
                (Kind::REPLY_MESSAGE, b" you"),
            ],
            signed: true,
        };
        client.receive(begin, to.socket, to.to, &reply.to(&request, &secret()));
        let rejection = Rejection {
            message: b"not you".as_slice().into(),
            error: None,
        };
        let wanted = if code == Code::ACCESS_REJECT {
            Answer::Rejected(rejection)
        } else {
            Answer::Challenged(rejection)
        };
        assert_eq!(
            client.poll_event(),
            Some(Event {
                key,
                answer: wanted
            })
        );
    }
}

#[test]
fn a_dead_server_is_passed_over_and_tried_again() {
    let begin = now();
    let mut client = client(2);
    let mut octets = Vec::new();
    let mut at = begin;
    // The first never answers, the second always does.
    let mut first_tries = Vec::new();
    for key in 0..100 {
        client.access(at, key, pap("joe")).unwrap();
        let answered = loop {
            while let Some(to) = client.poll_transmit(&mut octets) {
                if to.to == access_port(1) {
                    first_tries.push((at - begin).as_secs());
                } else {
                    let reply = REJECT.to(&octets, &secret());
                    client.receive(at, to.socket, to.to, &reply);
                }
            }
            if let Some(event) = client.poll_event() {
                break event;
            }
            at = client.poll_timeout().unwrap();
            client.handle_timeout(at);
        };
        assert_eq!(answered.key, key);
        assert!(matches!(answered.answer, Answer::Rejected(_)));
        at += Duration::from_secs(1);
    }
    // Three to find out, then one each half a minute.
    assert!(first_tries.len() <= 3 + 5, "{first_tries:?}");
    assert!(client.servers().next().unwrap().dead[0]);
    // It answers again: requests go to it first.
    at += Duration::from_secs(31);
    for key in 200..202 {
        client.access(at, key, pap("joe")).unwrap();
        let (to, request) = sent(&mut client);
        assert_eq!(to.to, access_port(1));
        client.receive(at, to.socket, to.to, &REJECT.to(&request, &secret()));
    }
    assert!(!client.servers().next().unwrap().dead[0]);
}

#[test]
fn limits_are_kept_and_refusals_said() {
    let begin = now();
    let mut config = Config::new(vec![at(1)], secret());
    config.outstanding = 2;
    config.queue = 3;
    config.backlog = 4;
    let mut client = Client::new(config, 1, 1);
    for key in 0..5 {
        assert_eq!(client.access(begin, key, pap("joe")), Ok(()));
    }
    assert_eq!(client.access(begin, 9, pap("joe")), Err(Refusal::Busy));
    assert_eq!((client.pending(), client.waiting()), (5, 3));
    assert_eq!(client.unmatched().refused, 1);
    // Two are under way, three wait until there is an answer.
    let (to, request) = sent(&mut client);
    assert_eq!(client.exchanges().count(), 2);
    client.receive(begin, to.socket, to.to, &REJECT.to(&request, &secret()));
    assert_eq!((client.pending(), client.waiting()), (4, 2));
    // Records: interim ones take half of the places.
    for key in 0..6 {
        assert_eq!(client.account(begin, key, stop(begin, "1")), Ok(()));
    }
    let mut interim = stop(begin, "1");
    interim.status = Status::Interim;
    assert_eq!(client.account(begin, 9, interim), Err(Refusal::Busy));
    assert_eq!(
        client.account(begin, 9, stop(begin, "1")),
        Err(Refusal::Busy)
    );
    assert_eq!((client.unmatched().lost, client.backlog()), (2, 4));

    let mut nobody = Client::new(Config::new(Vec::new(), secret()), 1, 1);
    assert_eq!(nobody.access(begin, 1, pap("joe")), Err(Refusal::NoServer));
    assert_eq!(
        nobody.account(begin, 1, stop(begin, "1")),
        Err(Refusal::NoServer)
    );
}

#[test]
fn another_configuration_while_requests_are_under_way() {
    let begin = now();
    let mut client = client(1);
    client.access(begin, 1, pap("joe")).unwrap();
    let (to, request) = sent(&mut client);
    client.configure(begin, Config::new(vec![at(2)], SharedSecret::new(b"new")));
    // The answer of the old server under the old secret is still one.
    client.receive(begin, to.socket, to.to, &ACCEPT.to(&request, &secret()));
    assert!(client.poll_event().is_some());
    client.access(begin, 2, pap("joe")).unwrap();
    let (to, request) = sent(&mut client);
    assert_eq!(to.to, access_port(2));
    let reply = ACCEPT.to(&request, &SharedSecret::new(b"new"));
    client.receive(begin, to.socket, to.to, &reply);
    assert!(client.poll_event().is_some());
    // Without any server what waits runs out.
    client.access(begin, 3, pap("joe")).unwrap();
    client.configure(begin, Config::new(Vec::new(), secret()));
    let (_, end) = tries(&mut client, begin);
    assert!(end - begin <= Duration::from_secs(30));
    assert_eq!(client.poll_event().unwrap().answer, Answer::TimedOut);
}
