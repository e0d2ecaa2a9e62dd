//! Calls: set-up, what they agree on, clearing.

use super::*;

fn with(facilities: &[Facility<'_>]) -> Call {
    let mut call = called("1111");
    for facility in facilities {
        call.facilities.push(facility).unwrap();
    }
    call
}

fn sizes(called: usize, calling: usize) -> Facility<'static> {
    Facility::PacketSize(Directions {
        called: PacketSize::from_octets(called).unwrap(),
        calling: PacketSize::from_octets(calling).unwrap(),
    })
}

fn windows(called: u8, calling: u8) -> Facility<'static> {
    Facility::WindowSize(Directions { called, calling })
}

fn charging(reverse: bool, fast_select: FastSelect) -> Facility<'static> {
    Facility::Charging {
        reverse,
        fast_select,
    }
}

#[test]
fn a_call_is_made_answered_and_cleared() {
    let mut ends = Ends::up(|_| ());
    let now = ends.now;
    let channel = ends.dte.call(now, &called("1111")).unwrap();
    assert_eq!(channel, lci(10));
    assert_eq!(ends.dte.status(channel).unwrap().call, CallState::P2);
    let packets = sent(&mut ends.dte, now);
    assert_eq!(packets, [hex("10 0a 0b 44 11 11 22 22 00 cc")]);
    ends.dce.receive(now, &packets[0]);
    assert_eq!(
        events(&mut ends.dce),
        [Event::Incoming {
            channel,
            call: Box::new(called("1111"))
        }]
    );
    assert_eq!(ends.dce.status(channel).unwrap().call, CallState::P2);
    assert_eq!(
        ends.dte.send(now, channel, PLAIN, b"x"),
        Err(Refusal::State)
    );
    assert_eq!(
        ends.dte.accept(now, channel, &called("")),
        Err(Refusal::State)
    );
    let data = Call {
        user_data: vec![1],
        ..Call::default()
    };
    assert_eq!(
        ends.dce.accept(now, channel, &data),
        Err(Refusal::NoFastSelect)
    );
    ends.dce.accept(now, channel, &Call::default()).unwrap();
    assert_eq!(sent(&mut ends.dce, now), [hex("10 0a 0f")]);
    ends.dte.receive(now, &hex("10 0a 0f"));
    assert_eq!(
        events(&mut ends.dte),
        [Event::Connected {
            channel,
            call: Box::default()
        }]
    );
    assert_eq!(ends.dte.poll_timeout(), None);
    for end in [&ends.dte, &ends.dce] {
        let status = end.status(channel).unwrap();
        assert_eq!(status.call, CallState::P4);
        assert_eq!(status.flow, end.parameters().flow());
    }

    ends.dce
        .clear(
            now,
            channel,
            cause::clear::OUT_OF_ORDER,
            0,
            &Call::default(),
        )
        .unwrap();
    assert_eq!(
        ends.dce.clear(now, channel, 0, 0, &Call::default()),
        Err(Refusal::NoCircuit)
    );
    ends.settle();
    let by_peer = cleared(By::Peer, channel, cause::clear::OUT_OF_ORDER, 0);
    assert_eq!(events(&mut ends.dte), [by_peer]);
    assert_eq!(events(&mut ends.dce), [Event::ClearConfirmed(channel)]);
    for end in [&ends.dte, &ends.dce] {
        assert_eq!(end.status(channel), None);
        assert_eq!(end.poll_timeout(), None);
    }
}

#[test]
fn a_dte_calls_from_the_top_and_a_dce_from_the_bottom() {
    let mut ends = Ends::up(|_| ());
    let now = ends.now;
    let call = called("1");
    for number in [10, 9, 8, 7] {
        assert_eq!(ends.dte.call(now, &call), Ok(lci(number)));
    }
    for number in [3, 4, 5] {
        assert_eq!(ends.dce.call(now, &call), Ok(lci(number)));
    }
    ends.settle();
    assert_eq!(ends.dte.call(now, &call), Ok(lci(6)));
    assert_eq!(ends.dte.call(now, &call), Err(Refusal::NoChannel));
    ends.settle();
    assert_eq!(ends.dce.call(now, &call), Err(Refusal::NoChannel));
    ends.dce.clear(now, lci(9), 0, 0, &Call::default()).unwrap();
    assert_eq!(ends.dte.call(now, &call), Err(Refusal::NoChannel));
    ends.settle();
    assert_eq!(ends.dte.call(now, &call), Ok(lci(9)));
}

#[test]
fn in_a_collision_the_call_of_the_dte_goes_on() {
    let mut ends = Ends::up(|parameters| {
        parameters.channels = Channels {
            two_way: Some(1..=1),
            ..Channels::default()
        };
    });
    let now = ends.now;
    let channel = ends.dte.call(now, &called("1")).unwrap();
    assert_eq!(ends.dce.call(now, &called("2")), Ok(channel));
    ends.exchange();
    assert_eq!(ends.dte.status(channel).unwrap().call, CallState::P5);
    assert_eq!(ends.dce.status(channel).unwrap().call, CallState::P5);
    assert_eq!(events(&mut ends.dte), []);
    let heard = events(&mut ends.dce);
    let gives_way = cleared(By::Collision, channel, 0, diagnostic::COLLISION);
    assert_eq!(heard[0], gives_way);
    assert!(matches!(&heard[1], Event::Incoming { call, .. } if call.called.to_string() == "1"));
    ends.dce.accept(now, channel, &Call::default()).unwrap();
    ends.settle();
    assert!(matches!(
        events(&mut ends.dte)[..],
        [Event::Connected { .. }]
    ));
    assert_eq!(ends.dce.counters().collisions, 1);
}

#[test]
fn sizes_and_windows_are_agreed_on() {
    let mut ends = Ends::up(|parameters| parameters.window_limit = 5);
    ends.dce.parameters.packet_size_limit = PacketSize::from_octets(512).unwrap();
    let flow = |send, receive, send_window, receive_window| FlowControl {
        send_size: PacketSize::from_octets(send).unwrap(),
        receive_size: PacketSize::from_octets(receive).unwrap(),
        send_window,
        receive_window,
    };
    // What the called sends, what the calling sends: limited towards 128 and 2.
    let call = with(&[sizes(1024, 64), windows(5, 1)]);
    let channel = ends.connect(&call, &Call::default());
    assert_eq!(ends.dte.status(channel).unwrap().flow, flow(64, 512, 1, 5));
    assert_eq!(ends.dce.status(channel).unwrap().flow, flow(512, 64, 5, 1));

    // The owner may answer less, but not more, and not what was not asked.
    let channel = ends
        .dte
        .call(ends.now, &with(&[sizes(1024, 1024)]))
        .unwrap();
    ends.settle();
    for wrong in [sizes(2048, 512), sizes(64, 512), windows(2, 2)] {
        let answer = with(&[wrong]);
        let answer = Call {
            user_data: vec![],
            ..answer
        };
        assert_eq!(
            ends.dce.accept(ends.now, channel, &answer),
            Err(Refusal::Facility)
        );
    }
    let mut answer = Call::default();
    answer.facilities.push(&sizes(256, 1024)).unwrap();
    let class = ThroughputClass::new(9).unwrap();
    let class = Facility::Throughput(Directions {
        called: class,
        calling: class,
    });
    answer.facilities.push(&class).unwrap();
    ends.dce.accept(ends.now, channel, &answer).unwrap();
    events(&mut ends.dte);
    ends.settle();
    assert_eq!(
        ends.dte.status(channel).unwrap().flow,
        flow(1024, 256, 2, 2)
    );
    let heard = events(&mut ends.dte);
    assert!(
        matches!(&heard[..], [Event::Connected { call, .. }] if call.facilities == answer.facilities)
    );

    for wrong in [with(&[windows(6, 1)]), with(&[windows(1, 8)])] {
        assert_eq!(ends.dte.call(ends.now, &wrong), Err(Refusal::Facility));
    }
}

#[test]
fn without_negotiation_calls_that_want_it_are_refused() {
    let mut ends = Ends::up(|_| ());
    ends.dce.parameters.negotiation = false;
    let now = ends.now;
    let channel = ends.dte.call(now, &with(&[windows(2, 2)])).unwrap();
    ends.settle();
    let heard = cleared(
        By::Peer,
        channel,
        cause::clear::INVALID_FACILITY,
        diagnostic::FACILITY_NOT_ALLOWED,
    );
    assert_eq!(events(&mut ends.dte), [heard]);
    assert_eq!(events(&mut ends.dce), []);
    assert_eq!(ends.dce.counters().calls_refused, 1);
    assert_eq!(
        ends.dce.call(now, &with(&[windows(2, 2)])),
        Err(Refusal::Facility)
    );
}

#[test]
fn an_answer_beyond_what_was_proposed_clears() {
    for (answer, diagnostic) in [
        ("10 0a 0f 00 03 42 0b 07", diagnostic::PARAMETER_NOT_ALLOWED),
        ("10 0a 0f 00 03 43 01 02", diagnostic::PARAMETER_NOT_ALLOWED),
        ("10 0a 0f 00 03 43 00 02", diagnostic::PARAMETER_NOT_ALLOWED),
        ("10 0a 0f 00 02 43 02", diagnostic::INVALID_FACILITY_LENGTH),
        ("10 0a 0f 00 09", diagnostic::INVALID_FACILITY_LENGTH),
        ("10 0a 0f 00 00 01", diagnostic::TOO_LONG),
    ] {
        let mut ends = Ends::up(|_| ());
        let now = ends.now;
        let channel = ends.dte.call(now, &with(&[sizes(1024, 1024)])).unwrap();
        sent(&mut ends.dte, now);
        ends.dte.receive(now, &hex(answer));
        assert_eq!(
            events(&mut ends.dte),
            [cleared(By::Layer, channel, 0, diagnostic)],
            "{answer}"
        );
    }
}

#[test]
fn fast_select_carries_data_in_answers() {
    let mut ends = Ends::up(|_| ());
    let now = ends.now;
    let mut call = with(&[charging(false, FastSelect::Unrestricted)]);
    call.user_data = vec![7; 128];
    let answer = Call {
        user_data: vec![8; 128],
        ..Call::default()
    };
    let channel = ends.dte.call(now, &call).unwrap();
    ends.settle();
    events(&mut ends.dce);
    let long = Call {
        user_data: vec![8; 129],
        ..Call::default()
    };
    assert_eq!(ends.dce.accept(now, channel, &long), Err(Refusal::TooLong));
    ends.dce.accept(now, channel, &answer).unwrap();
    ends.settle();
    let heard = events(&mut ends.dte);
    assert!(matches!(&heard[..], [Event::Connected { call, .. }] if call.user_data == [8; 128]));
    ends.dte.clear(now, channel, 0, 5, &answer).unwrap();
    ends.settle();
    let heard = events(&mut ends.dce);
    assert!(
        matches!(&heard[..], [Event::Cleared { answer, diagnostic: 5, .. }] if answer.user_data == [8; 128])
    );

    // Restricted: it can only be cleared.
    let mut call = with(&[charging(true, FastSelect::Restricted)]);
    call.user_data = vec![7; 128];
    let channel = ends.dte.call(now, &call).unwrap();
    ends.settle();
    assert_eq!(
        ends.dce.accept(now, channel, &Call::default()),
        Err(Refusal::Restricted)
    );
    ends.dte.receive(now, &hex("10 0a 0f"));
    let error = cleared(By::Layer, channel, 0, diagnostic::NOT_COMPATIBLE);
    assert_eq!(events(&mut ends.dte).pop(), Some(error));

    let mut call = called("1");
    call.user_data = vec![0; 17];
    assert_eq!(ends.dte.call(now, &call), Err(Refusal::TooLong));
}

#[test]
fn fast_select_and_reverse_charging_may_be_unwanted() {
    let cases = [
        (
            with(&[charging(false, FastSelect::Unrestricted)]),
            cause::clear::FAST_SELECT_NOT_ACCEPTED,
            diagnostic::FAST_SELECT_NOT_SUBSCRIBED,
        ),
        (
            with(&[charging(true, FastSelect::No)]),
            cause::clear::REVERSE_CHARGING_NOT_ACCEPTED,
            diagnostic::NONE,
        ),
    ];
    for (call, cause, diagnostic) in cases {
        let mut ends = Ends::up(|parameters| {
            parameters.fast_select = false;
            parameters.reverse_charging = false;
        });
        let now = ends.now;
        let channel = ends.dte.call(now, &call).unwrap();
        ends.settle();
        let heard = cleared(By::Peer, channel, cause, diagnostic);
        assert_eq!(events(&mut ends.dte), [heard]);
        // A DTE that refuses says only that it does.
        let channel = ends.dce.call(now, &call).unwrap();
        ends.settle();
        let heard = cleared(By::Peer, channel, 0, diagnostic);
        assert_eq!(events(&mut ends.dce), [heard]);
    }
}

#[test]
fn a_dte_marks_the_causes_it_passes_on() {
    let mut ends = Ends::up(|_| ());
    let channel = ends.connect(&called("1"), &Call::default());
    let now = ends.now;
    ends.dte
        .reset(now, channel, cause::reset::NETWORK_CONGESTION, 9)
        .unwrap();
    ends.settle();
    ends.dte
        .clear(now, channel, cause::clear::NUMBER_BUSY, 7, &Call::default())
        .unwrap();
    ends.settle();
    let heard = events(&mut ends.dce);
    assert_eq!(
        heard[0],
        Event::Reset {
            channel,
            by: By::Peer,
            cause: 0x87,
            diagnostic: 9
        }
    );
    assert_eq!(heard[1], cleared(By::Peer, channel, 0x81, 7));
}

#[test]
fn a_call_that_nobody_answers_is_cleared() {
    let mut ends = Ends::up(|parameters| parameters.r23 = 2);
    let channel = ends.dte.call(ends.now, &called("1")).unwrap();
    sent(&mut ends.dte, ends.now);
    let t21 = ends.dte.parameters().t21;
    let t23 = ends.dte.parameters().t23;
    ends.now += t21;
    ends.dte.handle_timeout(ends.now);
    let error = cleared(By::Layer, channel, 0, diagnostic::CALL_TIME_EXPIRED);
    assert_eq!(events(&mut ends.dte), [error]);
    assert_eq!(sent(&mut ends.dte, ends.now), [hex("10 0a 13 00 31")]);
    for _ in 0..2 {
        ends.now += t23;
        ends.dte.handle_timeout(ends.now);
        assert_eq!(sent(&mut ends.dte, ends.now), [hex("10 0a 13 00 32")]);
    }
    ends.now += t23;
    ends.dte.handle_timeout(ends.now);
    assert_eq!(ends.dte.status(channel), None);
    let counters = ends.dte.counters();
    assert_eq!((counters.t21_expired, counters.t23_expired), (1, 3));
    assert_eq!(events(&mut ends.dte), []);
    // The channel is called on again when the peer was heard there.
    assert_eq!(ends.dte.call(ends.now, &called("1")), Ok(lci(9)));
    ends.dte.receive(ends.now, &hex("10 0a 17"));
    sent(&mut ends.dte, ends.now);
    ends.dte.receive(ends.now, &hex("10 0a 17"));
    assert_eq!(ends.dte.call(ends.now, &called("1")), Ok(channel));
}

#[test]
fn a_dce_says_its_own_causes_and_complains_in_the_end() {
    let mut ends = Ends::up(|parameters| parameters.r23 = 0);
    let channel = ends.dce.call(ends.now, &called("1")).unwrap();
    sent(&mut ends.dce, ends.now);
    ends.now += ends.dce.parameters().t21;
    ends.dce.handle_timeout(ends.now);
    let error = cleared(By::Layer, channel, 0x13, diagnostic::CALL_TIME_EXPIRED);
    assert_eq!(events(&mut ends.dce), [error]);
    assert_eq!(sent(&mut ends.dce, ends.now), [hex("10 03 13 13 31")]);
    ends.now += ends.dce.parameters().t23;
    ends.dce.handle_timeout(ends.now);
    assert_eq!(sent(&mut ends.dce, ends.now), [hex("10 00 f1 32")]);
}

#[test]
fn clears_that_meet_are_not_confirmed() {
    let mut ends = Ends::up(|_| ());
    let channel = ends.connect(&called("1"), &Call::default());
    let now = ends.now;
    ends.dte
        .clear(now, channel, 0, 0, &Call::default())
        .unwrap();
    ends.dce
        .clear(now, channel, 0, 0, &Call::default())
        .unwrap();
    let packets = (sent(&mut ends.dte, now), sent(&mut ends.dce, now));
    ends.dce.receive(now, &packets.0[0]);
    ends.dte.receive(now, &packets.1[0]);
    ends.settle();
    for end in [&mut ends.dte, &mut ends.dce] {
        assert_eq!(events(end), [Event::ClearConfirmed(channel)]);
        assert_eq!(end.status(channel), None);
        assert_eq!(end.counters().traffic.sent.clear_confirmation, 0);
    }
    // One of them waits to be sent: it is confirmed instead.
    let channel = ends.connect(&called("1"), &Call::default());
    ends.dte
        .clear(now, channel, 0, 0, &Call::default())
        .unwrap();
    ends.dce
        .clear(now, channel, 0, 0, &Call::default())
        .unwrap();
    for packet in sent(&mut ends.dte, now) {
        ends.dce.receive(now, &packet);
    }
    ends.settle();
    for end in [&mut ends.dte, &mut ends.dce] {
        assert_eq!(events(end), [Event::ClearConfirmed(channel)]);
    }
    assert_eq!(ends.dce.counters().traffic.sent.clear_confirmation, 1);
}

/// As Linux does it: the confirmation comes when the channel is ready.
#[test]
fn a_clear_that_met_another_may_be_confirmed() {
    let mut ends = Ends::up(|_| ());
    let channel = ends.connect(&called("1"), &Call::default());
    let now = ends.now;
    let dce = &mut ends.dce;
    dce.clear(now, channel, 0, 0, &Call::default()).unwrap();
    assert_eq!(sent(dce, now), [hex("10 0a 13 00 00")]);
    dce.receive(now, &hex("10 0a 13 00 05"));
    dce.receive(now, &hex("10 0a 17"));
    assert_eq!(events(dce), [Event::ClearConfirmed(channel)]);
    assert_eq!(sent(dce, now), Vec::<Vec<u8>>::new());
    assert_eq!((dce.counters().discarded, dce.counters().errors), (1, 0));
    dce.receive(now, &hex("10 0a 0b 00 00"));
    assert!(matches!(
        events(dce)[..],
        [Event::Incoming { channel: at, .. }] if at == channel
    ));
}

#[test]
fn a_call_taken_back_before_it_was_sent_leaves_no_trace() {
    let mut ends = Ends::up(|_| ());
    let now = ends.now;
    for _ in 0..3 {
        let channel = ends.dte.call(now, &called("1")).unwrap();
        ends.dte
            .clear(now, channel, 0, 0, &Call::default())
            .unwrap();
        assert_eq!(events(&mut ends.dte), [Event::ClearConfirmed(channel)]);
    }
    assert_eq!(sent(&mut ends.dte, now), Vec::<Vec<u8>>::new());
}

#[test]
fn a_clear_during_a_reset_is_told_once() {
    let mut ends = Ends::up(|_| ());
    let channel = ends.connect(&called("1"), &Call::default());
    let now = ends.now;
    ends.dte.reset(now, channel, 0, 0).unwrap();
    sent(&mut ends.dte, now);
    ends.dce
        .clear(now, channel, 0, 0, &Call::default())
        .unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dte), [cleared(By::Peer, channel, 0, 0)]);
    assert_eq!(events(&mut ends.dce), [Event::ClearConfirmed(channel)]);
    let channel = ends.connect(&called("1"), &Call::default());
    ends.dte.reset(now, channel, 0, 0).unwrap();
    ends.dte.link_down(now);
    let told = events(&mut ends.dte);
    let gone = cleared(By::Link, channel, cause::clear::OUT_OF_ORDER, 0);
    assert_eq!(told[2..], [gone, Event::Down(Down::Link)]);
}

#[test]
fn a_call_may_ask_for_delivery_confirmation() {
    for supported in [true, false] {
        let mut ends = Ends::up(|_| ());
        ends.dce.parameters.delivery_confirmation = supported;
        let now = ends.now;
        let call = Call {
            delivery: true,
            ..called("1")
        };
        let channel = ends.dte.call(now, &call).unwrap();
        ends.settle();
        let heard = events(&mut ends.dce);
        assert!(matches!(&heard[..], [Event::Incoming { call, .. }] if call.delivery));
        let answer = Call {
            delivery: true,
            ..Call::default()
        };
        let accepted = ends.dce.accept(now, channel, &answer);
        if !supported {
            assert_eq!(accepted, Err(Refusal::NoDelivery));
            ends.dce.accept(now, channel, &Call::default()).unwrap();
        }
        ends.settle();
        let heard = events(&mut ends.dte);
        assert!(
            matches!(&heard[..], [Event::Connected { call, .. }] if call.delivery == supported)
        );
    }
}
