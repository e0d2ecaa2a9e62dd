//! Data, interrupts, resets and windows on circuits.

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn connected(change: impl Fn(&mut Parameters)) -> (Ends, Lci) {
    let mut ends = Ends::up(change);
    let channel = ends.connect(&called("1111"), &Call::default());
    (ends, channel)
}

#[test]
fn what_is_sent_arrives_and_what_is_not_read_stays_with_the_sender() {
    let (mut ends, channel) = connected(|_| ());
    let now = ends.now;
    for number in 0..5u8 {
        ends.dte.send(now, channel, PLAIN, &[number; 100]).unwrap();
    }
    ends.settle();
    // A window of two.
    assert_eq!(events(&mut ends.dce), [Event::Readable(channel)]);
    let status = ends.dte.status(channel).unwrap();
    assert_eq!((status.outstanding, status.waiting), (2, 300));
    assert_eq!(ends.dce.status(channel).unwrap().unread, 2);

    let mut packet = Vec::new();
    assert_eq!(ends.dce.read(now, channel, &mut packet), Some(PLAIN));
    assert_eq!(packet, [0; 100]);
    ends.settle();
    let status = ends.dte.status(channel).unwrap();
    assert_eq!((status.outstanding, status.waiting), (2, 200));
    assert_eq!(status.delivered, 1);
    assert_eq!(events(&mut ends.dce), [], "the owner knows");

    for number in 1..5 {
        packet.clear();
        assert_eq!(ends.dce.read(now, channel, &mut packet), Some(PLAIN));
        assert_eq!(packet, [number; 100]);
        ends.settle();
    }
    assert_eq!(ends.dce.read(now, channel, &mut packet), None);
    let status = ends.dte.status(channel).unwrap();
    assert_eq!((status.outstanding, status.waiting), (0, 0));
    assert_eq!(status.delivered, 5);
    assert_eq!(status.traffic.sent.data, 5);
    assert_eq!(status.traffic.sent.octets, 500);
    assert_eq!(status.traffic.received.rr, 5);
    assert_eq!(ends.dte.counters().traffic.sent.octets, 500);
}

#[test]
fn acknowledgements_wait_for_data_for_half_a_window_and_for_a_while() {
    let (mut ends, channel) = connected(|parameters| parameters.window = 7);
    let now = ends.now;
    let one = |ends: &mut Ends| {
        ends.dte.send(now, channel, PLAIN, b"data").unwrap();
        ends.settle();
        assert_eq!(read(&mut ends.dce, now, channel).len(), 1);
    };
    for _ in 0..3 {
        one(&mut ends);
    }
    assert_eq!(sent(&mut ends.dce, now), Vec::<Vec<u8>>::new());
    assert_eq!(ends.dce.poll_timeout(), Some(now + 100 * MILLISECOND));
    one(&mut ends);
    assert_eq!(ends.dce.status(channel).unwrap().acknowledged, 0);
    ends.settle();
    assert_eq!(ends.dce.status(channel).unwrap().acknowledged, 4);
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 0);

    one(&mut ends);
    ends.wait(99 * MILLISECOND);
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 1);
    ends.wait(MILLISECOND);
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 0);
    assert_eq!(ends.dce.poll_timeout(), None);

    one(&mut ends);
    ends.dce.send(ends.now, channel, PLAIN, b"back").unwrap();
    let now = ends.now;
    // LCN 10: P(R) 6, P(S) 0.
    let data = [hex("10 0a c0").as_slice(), b"back"].concat();
    assert_eq!(sent(&mut ends.dce, now)[0], data);
    ends.dte.receive(now, &data);
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 0);
    ends.wait(100 * MILLISECOND);
    assert_eq!(ends.dce.status(channel).unwrap().traffic.sent.rr, 2);
}

#[test]
fn messages_are_cut_into_packets_and_share_them() {
    let (mut ends, channel) = connected(|parameters| {
        parameters.packet_size = PacketSize::MIN;
        parameters.window = 7;
    });
    let now = ends.now;
    let message: Vec<u8> = (0..100).collect();
    ends.dte.send(now, channel, PLAIN, &message).unwrap();
    let packets = sent(&mut ends.dte, now);
    let lengths: Vec<_> = packets.iter().map(|packet| packet.len() - 3).collect();
    assert_eq!(lengths, [16, 16, 16, 16, 16, 16, 4]);
    for (number, packet) in packets.iter().enumerate() {
        let more = if number < 6 { 0x10 } else { 0 };
        assert_eq!(packet[2], more | (number as u8) << 1);
        ends.dce.receive(now, packet);
    }
    assert_eq!(read(&mut ends.dce, now, channel), [(PLAIN, message)]);
    ends.settle();

    // Short pieces: a packet with M goes when it is full.
    ends.dte.send(now, channel, MORE, &[1; 10]).unwrap();
    assert_eq!(sent(&mut ends.dte, now), Vec::<Vec<u8>>::new());
    ends.dte.send(now, channel, MORE, &[2; 10]).unwrap();
    ends.dte.send(now, channel, MORE, &[]).unwrap();
    let packets = sent(&mut ends.dte, now);
    assert_eq!(packets.len(), 1);
    assert_eq!(packets[0][2] & 0x10, 0x10);
    assert_eq!(packets[0][3..], [[1u8; 10].as_slice(), &[2; 6]].concat());
    ends.dce.receive(now, &packets[0]);
    // With D it goes at once.
    let both = Marks { d: true, ..MORE };
    ends.dte.send(now, channel, both, &[3; 2]).unwrap();
    let packets = sent(&mut ends.dte, now);
    assert_eq!(packets.len(), 1);
    assert_eq!(packets[0][..2], [0x50, 10]);
    assert_eq!(packets[0][3..], [2, 2, 2, 2, 3, 3]);
    ends.dce.receive(now, &packets[0]);
    ends.dte.send(now, channel, PLAIN, &[4; 16]).unwrap();
    ends.settle();
    let expected = [[1u8; 10].as_slice(), &[2; 10], &[3; 2], &[4; 16]].concat();
    assert_eq!(read(&mut ends.dce, now, channel), [(PLAIN, expected)]);
    ends.settle();

    // An empty packet ends a message whose last one was full.
    ends.dte.send(now, channel, MORE, &[5; 16]).unwrap();
    assert_eq!(sent(&mut ends.dte, now).len(), 1);
    ends.dte.send(now, channel, PLAIN, &[]).unwrap();
    assert_eq!(sent(&mut ends.dte, now), [hex("10 0a 06")]);
}

#[test]
fn the_qualifier_is_that_of_a_whole_message() {
    let (mut ends, channel) = connected(|_| ());
    let now = ends.now;
    let qualified = Marks { q: true, ..PLAIN };
    ends.dte
        .send(now, channel, Marks { q: true, ..MORE }, &[1; 128])
        .unwrap();
    assert_eq!(
        ends.dte.send(now, channel, PLAIN, b"x"),
        Err(Refusal::Qualifier)
    );
    ends.dte.send(now, channel, qualified, b"x").unwrap();
    ends.dte.send(now, channel, PLAIN, b"y").unwrap();
    ends.settle();
    let mut data = Vec::new();
    let first = ends.dce.read(now, channel, &mut data).unwrap();
    assert!(first.q && first.m);
    ends.settle();
    assert_eq!(ends.dce.read(now, channel, &mut data), Some(qualified));
    assert_eq!(ends.dce.read(now, channel, &mut data), Some(PLAIN));
    assert_eq!(data.len(), 130);
    assert_eq!(ends.dce.read(now, channel, &mut data), None);
    ends.settle();

    events(&mut ends.dce);
    ends.dce.receive(now, &hex("90 0a 16 01"));
    assert_eq!(events(&mut ends.dce), [Event::Readable(channel)]);
    ends.dce.receive(now, &hex("10 0a 08 01"));
    let reset = Event::Reset {
        channel,
        by: By::Layer,
        cause: cause::reset::LOCAL_PROCEDURE_ERROR,
        diagnostic: diagnostic::INCONSISTENT_Q,
    };
    assert_eq!(events(&mut ends.dce), [reset]);
}

#[test]
fn the_queue_has_a_bound_and_says_when_there_is_room() {
    let (mut ends, channel) = connected(|parameters| parameters.queue = 1024);
    let now = ends.now;
    assert_eq!(ends.dte.room(channel), 64 * 1024);
    assert_eq!(
        ends.dte.send(now, channel, PLAIN, &vec![0; 64 * 1024 + 1]),
        Err(Refusal::TooLong)
    );
    ends.dte.send(now, channel, PLAIN, &[7; 500]).unwrap();
    let room = ends.dte.room(channel);
    assert_eq!(room, 1024 - 500 - 64);
    assert_eq!(
        ends.dte.send(now, channel, PLAIN, &vec![0; room + 1]),
        Err(Refusal::Full)
    );
    ends.dte.send(now, channel, PLAIN, &vec![8; room]).unwrap();
    assert_eq!(ends.dte.room(channel), 0);
    ends.settle();
    assert_eq!(events(&mut ends.dte), []);
    events(&mut ends.dce);
    let mut data = Vec::new();
    let mut told = false;
    while ends.dce.read(now, channel, &mut data).is_some() {
        ends.settle();
        for event in events(&mut ends.dte) {
            assert_eq!(event, Event::Writable(channel));
            assert!(!std::mem::replace(&mut told, true), "told twice");
        }
    }
    assert!(told);
    assert_eq!(data.len(), 500 + room);
    assert_eq!(ends.dte.counters().refused, 2);
}

#[test]
fn a_short_message_costs_of_the_queue_too() {
    let (mut ends, channel) = connected(|parameters| parameters.queue = 1024);
    let now = ends.now;
    let mut taken = 0;
    while ends.dte.send(now, channel, PLAIN, &[]).is_ok() {
        taken += 1;
        assert!(taken < 100);
    }
    assert_eq!(ends.dte.send(now, channel, PLAIN, b"x"), Err(Refusal::Full));
}

#[test]
fn a_busy_owner_stops_its_peer() {
    let (mut ends, channel) = connected(|_| ());
    let now = ends.now;
    ends.dce.set_busy(now, channel, true).unwrap();
    ends.settle();
    assert!(ends.dte.status(channel).unwrap().peer_busy);
    ends.dte.send(now, channel, PLAIN, b"data").unwrap();
    ends.settle();
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 0);
    // Data the other way say nothing of that.
    ends.dce.send(now, channel, PLAIN, b"data").unwrap();
    ends.settle();
    assert!(ends.dte.status(channel).unwrap().peer_busy);
    // A reset ends it for the peer, so it is told again.
    ends.dte.reset(now, channel, 0, 0).unwrap();
    ends.settle();
    assert!(ends.dte.status(channel).unwrap().peer_busy);
    ends.dte.send(now, channel, PLAIN, b"data").unwrap();
    ends.dce.set_busy(now, channel, false).unwrap();
    ends.settle();
    assert_eq!(
        read(&mut ends.dce, now, channel),
        [(PLAIN, b"data".to_vec())]
    );
    assert_eq!(ends.dce.counters().traffic.sent.rnr, 2);
}

#[test]
fn delivery_is_confirmed_when_the_other_end_says_so() {
    let (mut ends, channel) = connected(|parameters| parameters.window = 7);
    let now = ends.now;
    ends.dte.send(now, channel, DELIVERY, b"first").unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dte), []);
    assert_eq!(read(&mut ends.dce, now, channel).len(), 1);
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::Delivered(channel)]);

    ends.dce.withhold_delivery(channel, true).unwrap();
    for marks in [PLAIN, DELIVERY, PLAIN, DELIVERY, PLAIN] {
        ends.dte.send(now, channel, marks, b"data").unwrap();
    }
    ends.settle();
    assert_eq!(read(&mut ends.dce, now, channel).len(), 5);
    ends.wait(Duration::from_secs(1));
    let outstanding = |ends: &Ends| ends.dte.status(channel).unwrap().outstanding;
    assert_eq!((events(&mut ends.dte), outstanding(&ends)), (vec![], 4));
    for left in [2, 0] {
        ends.dce.deliver(now, channel).unwrap();
        ends.settle();
        assert_eq!(events(&mut ends.dte), [Event::Delivered(channel)]);
        assert_eq!(outstanding(&ends), left);
    }
    assert_eq!(ends.dce.deliver(now, channel), Err(Refusal::State));
    // When it is no longer withheld, it is delivered.
    ends.dte.send(now, channel, DELIVERY, b"last").unwrap();
    ends.settle();
    assert_eq!(read(&mut ends.dce, now, channel).len(), 1);
    ends.dce.withhold_delivery(channel, false).unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::Delivered(channel)]);
}

#[test]
fn without_delivery_confirmation_there_is_none() {
    let (mut ends, channel) = connected(|parameters| parameters.delivery_confirmation = false);
    let now = ends.now;
    assert_eq!(
        ends.dte.send(now, channel, DELIVERY, b"x"),
        Err(Refusal::NoDelivery)
    );
    ends.dce.receive(now, &hex("50 0a 00 01"));
    assert_eq!(sent(&mut ends.dce, now), [hex("10 0a 1b 05 a6")]);
}

#[test]
fn interrupts_pass_data_and_are_confirmed_one_by_one() {
    let (mut ends, channel) = connected(|_| ());
    let now = ends.now;
    for _ in 0..5 {
        ends.dte.send(now, channel, PLAIN, b"data").unwrap();
    }
    ends.dte.interrupt(now, channel, &[1; 32]).unwrap();
    assert_eq!(
        ends.dte.interrupt(now, channel, &[2]),
        Err(Refusal::Interrupt)
    );
    assert_eq!(ends.dte.interrupt(now, channel, &[]), Err(Refusal::Empty));
    assert_eq!(
        ends.dte.interrupt(now, channel, &[0; 33]),
        Err(Refusal::TooLong)
    );
    ends.settle();
    let interrupt = Event::Interrupt {
        channel,
        data: vec![1; 32],
    };
    let heard = events(&mut ends.dce);
    assert_eq!(heard, [interrupt, Event::Readable(channel)]);
    assert_eq!(
        ends.dte.confirm_interrupt(now, channel),
        Err(Refusal::Interrupt)
    );
    assert_eq!(events(&mut ends.dte), []);
    ends.dce.confirm_interrupt(now, channel).unwrap();
    assert_eq!(
        ends.dce.confirm_interrupt(now, channel),
        Err(Refusal::Interrupt)
    );
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::InterruptConfirmed(channel)]);
    ends.dte.interrupt(now, channel, &[3]).unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dce).len(), 1);
}

#[test]
fn an_interrupt_that_is_not_confirmed_in_time_resets() {
    let t26 = Duration::from_secs(60);
    let (mut ends, channel) = connected(|parameters| parameters.t26 = Some(t26));
    let now = ends.now;
    ends.dte.interrupt(now, channel, &[1]).unwrap();
    ends.settle();
    assert_eq!(ends.dte.poll_timeout(), Some(now + t26));
    ends.wait(t26);
    let reset = |by| Event::Reset {
        channel,
        by,
        cause: 0,
        diagnostic: diagnostic::INTERRUPT_TIMER,
    };
    assert_eq!(events(&mut ends.dte), [reset(By::Layer)]);
    assert_eq!(events(&mut ends.dce).pop(), Some(reset(By::Peer)));
    assert_eq!(ends.dte.poll_timeout(), None);
    assert_eq!(
        ends.dce.confirm_interrupt(ends.now, channel),
        Err(Refusal::Interrupt),
        "forgotten"
    );
    assert_eq!(ends.dte.counters().t26_expired, 1);
}

#[test]
fn a_reset_begins_anew_on_both_sides() {
    let (mut ends, channel) = connected(|_| ());
    let now = ends.now;
    for end in [&mut ends.dte, &mut ends.dce] {
        for _ in 0..4 {
            end.send(now, channel, PLAIN, b"lost").unwrap();
        }
    }
    ends.settle();
    events(&mut ends.dte);
    events(&mut ends.dce);
    ends.dte.reset(now, channel, 0, 161).unwrap();
    ends.dte.send(now, channel, PLAIN, b"new").unwrap();
    assert_eq!(ends.dte.status(channel).unwrap().reset, ResetState::D2);
    ends.settle();
    let reset = Event::Reset {
        channel,
        by: By::Peer,
        cause: 0,
        diagnostic: 161,
    };
    assert_eq!(events(&mut ends.dce), [reset, Event::Readable(channel)]);
    assert_eq!(events(&mut ends.dte), [Event::ResetConfirmed(channel)]);
    assert_eq!(read(&mut ends.dte, now, channel), []);
    assert_eq!(
        read(&mut ends.dce, now, channel),
        [(PLAIN, b"new".to_vec())]
    );
    assert_eq!(ends.dce.counters().unread, 2);
    assert_eq!(ends.dte.counters().forgotten, 8);

    // Both at once: neither confirms.
    ends.dte.reset(now, channel, 0, 1).unwrap();
    ends.dce
        .reset(now, channel, cause::reset::NETWORK_CONGESTION, 2)
        .unwrap();
    ends.exchange();
    assert_eq!(events(&mut ends.dte), [Event::ResetConfirmed(channel)]);
    assert_eq!(events(&mut ends.dce), [Event::ResetConfirmed(channel)]);
    assert_eq!(ends.dce.counters().traffic.sent.reset_confirmation, 1);
    assert_eq!(ends.dte.counters().traffic.sent.reset_confirmation, 0);
    assert_eq!(ends.dte.poll_timeout(), None);

    // One that waits for its confirmation to be sent.
    ends.dte.reset(now, channel, 0, 3).unwrap();
    for packet in sent(&mut ends.dte, now) {
        ends.dce.receive(now, &packet);
    }
    ends.dce.reset(now, channel, 0, 4).unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::ResetConfirmed(channel)]);
    let heard = events(&mut ends.dce);
    assert!(matches!(
        heard[..],
        [Event::Reset { by: By::Peer, .. }, Event::ResetConfirmed(_)]
    ));
}

#[test]
fn resets_are_repeated_and_then_given_up() {
    let (mut ends, channel) = connected(|parameters| parameters.r22 = 1);
    let t22 = ends.dte.parameters().t22;
    let permanent = lci(1);
    for at in [channel, permanent] {
        ends.dte.reset(ends.now, at, 0, 0).unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(sent(&mut ends.dte, ends.now));
        ends.now += t22;
        ends.dte.handle_timeout(ends.now);
    }
    let first = [hex("10 0a 1b 00 00"), hex("10 01 1b 00 00")];
    let again = [hex("10 01 1b 00 33"), hex("10 0a 1b 00 33")];
    // A call is cleared; a permanent circuit is reset until somebody is there.
    assert_eq!(heard[0], first);
    assert_eq!(heard[1], again);
    assert_eq!(heard[2], [again[0].clone(), hex("10 0a 13 00 33")]);
    let error = cleared(By::Layer, channel, 0, diagnostic::RESET_TIME_EXPIRED);
    assert_eq!(events(&mut ends.dte), [error]);
    ends.settle();
    let told = events(&mut ends.dte);
    assert!(told.contains(&Event::ResetConfirmed(permanent)));
}

#[test]
fn permanent_circuits_need_no_call_and_take_none() {
    let mut ends = Ends::up(|_| ());
    let now = ends.now;
    let channel = lci(1);
    ends.dte.send(now, channel, PLAIN, b"data").unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dce), [Event::Readable(channel)]);
    assert_eq!(read(&mut ends.dce, now, channel).len(), 1);
    assert_eq!(
        ends.dte.clear(now, channel, 0, 0, &Call::default()),
        Err(Refusal::Permanent)
    );
    ends.dce.receive(now, &hex("10 01 0b 00 00"));
    ends.settle();
    let reset = |by| Event::Reset {
        channel,
        by,
        cause: cause::reset::LOCAL_PROCEDURE_ERROR,
        diagnostic: diagnostic::INVALID_ON_PVC,
    };
    assert_eq!(events(&mut ends.dce), [reset(By::Layer)]);
    assert_eq!(events(&mut ends.dte), [reset(By::Peer)]);
    assert_eq!(ends.dte.circuits().collect::<Vec<_>>(), [lci(1), lci(2)]);
    // The link goes and comes: it begins anew.
    ends.dte.link_down(now);
    let gone = Event::Reset {
        channel,
        by: By::Link,
        cause: cause::reset::OUT_OF_ORDER,
        diagnostic: 0,
    };
    let told = events(&mut ends.dte);
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], gone);
    assert_eq!(told[2], Event::Down(Down::Link));
    assert_eq!(ends.dte.send(now, channel, PLAIN, b"x"), Err(Refusal::Down));
    ends.dte.link_up(now);
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::Up]);
    ends.dte.send(now, channel, PLAIN, b"again").unwrap();
    ends.settle();
    assert_eq!(
        read(&mut ends.dce, now, channel),
        [(PLAIN, b"again".to_vec())]
    );
}

#[test]
fn circuits_take_turns() {
    let mut ends = Ends::up(|parameters| parameters.window = 7);
    let now = ends.now;
    let all: Vec<_> = (0..4)
        .map(|_| ends.connect(&called("1"), &Call::default()))
        .collect();
    for _ in 0..3 {
        for &channel in &all {
            ends.dte.send(now, channel, PLAIN, &[0; 10]).unwrap();
        }
    }
    ends.dte.send(now, all[0], PLAIN, &[0; 300]).unwrap();
    let order: Vec<_> = sent(&mut ends.dte, now)
        .iter()
        .map(|packet| lci(packet[1].into()))
        .collect();
    let mut expected = all.repeat(3);
    expected.extend([all[0]; 3]);
    assert_eq!(order, expected);
}

#[test]
fn modulo_128_and_the_greatest_sizes() {
    let (mut ends, channel) = connected(|parameters| {
        parameters.modulo = Modulo::OneTwentyEight;
        parameters.window_limit = 127;
        parameters.window = 127;
        parameters.packet_size = PacketSize::MAX;
        parameters.queue = 1024 * 1024;
    });
    let now = ends.now;
    for number in 0..200u8 {
        ends.dte.send(now, channel, PLAIN, &[number; 4096]).unwrap();
    }
    ends.settle();
    assert_eq!(ends.dte.status(channel).unwrap().outstanding, 127);
    let mut all = Vec::new();
    loop {
        let some = read(&mut ends.dce, now, channel);
        if some.is_empty() {
            break;
        }
        all.extend(some);
        ends.settle();
    }
    assert_eq!(all.len(), 200);
    for (number, (_, data)) in all.iter().enumerate() {
        assert_eq!(*data, [number as u8; 4096]);
    }
}
