//! The link as a whole: restarts, all of its channels, parameters.

use super::*;

#[test]
fn a_restart_ends_all_calls() {
    let mut ends = Ends::up(|_| ());
    let channel = ends.connect(&called("1"), &Call::default());
    let pending = ends.dte.call(ends.now, &called("2")).unwrap();
    ends.settle();
    events(&mut ends.dce);
    ends.dce
        .restart(ends.now, cause::restart::NETWORK_CONGESTION, 113)
        .unwrap();
    assert_eq!(ends.dce.link_state(), LinkState::R3);
    assert_eq!(ends.dce.call(ends.now, &called("1")), Err(Refusal::Down));
    ends.settle();
    let reset = |number, by| Event::Reset {
        channel: lci(number),
        by,
        cause: cause::reset::NETWORK_CONGESTION,
        diagnostic: 113,
    };
    let congestion = cause::clear::NETWORK_CONGESTION;
    let expected = |down| {
        vec![
            reset(1, By::Restart),
            reset(2, By::Restart),
            cleared(By::Restart, pending, congestion, 113),
            cleared(By::Restart, channel, congestion, 113),
            Event::Down(down),
            Event::Up,
        ]
    };
    let peer = Down::Peer {
        cause: cause::restart::NETWORK_CONGESTION,
        diagnostic: 113,
    };
    assert_eq!(events(&mut ends.dte), expected(peer));
    assert_eq!(events(&mut ends.dce), expected(Down::Local));
    assert_eq!(ends.dte.poll_timeout(), None);
    assert_eq!(ends.dce.poll_timeout(), None);
    assert_eq!(ends.dte.call(ends.now, &called("1")), Ok(channel));
}

#[test]
fn restarts_are_repeated() {
    let mut ends = Ends::new(|parameters| parameters.r20 = 1);
    let t20 = ends.dte.parameters().t20;
    let mut heard = [vec![], vec![]];
    ends.dte.link_up(ends.now);
    ends.dce.link_up(ends.now);
    for _ in 0..3 {
        heard[0].extend(sent(&mut ends.dte, ends.now));
        heard[1].extend(sent(&mut ends.dce, ends.now));
        ends.now += t20;
        ends.dte.handle_timeout(ends.now);
        ends.dce.handle_timeout(ends.now);
    }
    heard[1].extend(sent(&mut ends.dce, ends.now));
    let dte = [hex("10 00 fb 00 00"), hex("10 00 fb 00 34")];
    let dce = [
        hex("10 00 fb 07 00"),
        hex("10 00 fb 01 34"),
        hex("10 00 f1 34"),
    ];
    assert_eq!(heard, [dte.to_vec(), dce.to_vec()]);
    // A DTE waits for the network, a DCE takes the interface for ready.
    assert_eq!(events(&mut ends.dte), [Event::Down(Down::NoAnswer)]);
    assert_eq!(events(&mut ends.dce), [Event::Up]);
    assert_eq!(ends.dte.poll_timeout(), None);
    // Later somebody is there, who is answered.
    ends.dce.restart(ends.now, 0, 0).unwrap();
    ends.settle();
    assert_eq!(events(&mut ends.dte), [Event::Up]);
    assert_eq!(ends.dce.link_state(), LinkState::R1);
    assert_eq!(ends.dte.counters().traffic.sent.restart_confirmation, 1);
}

#[test]
fn all_channels_of_a_link_at_once() {
    let mut ends = Ends::up(|parameters| {
        parameters.channels = Channels {
            two_way: Some(1..=Channels::LAST),
            ..Channels::default()
        };
    });
    let now = ends.now;
    for number in (1..=Channels::LAST).rev() {
        assert_eq!(ends.dte.call(now, &called("1")), Ok(lci(number)));
    }
    assert_eq!(ends.dte.call(now, &called("1")), Err(Refusal::NoChannel));
    ends.settle();
    for event in events(&mut ends.dce) {
        let Event::Incoming { channel, .. } = event else {
            panic!("{event:?}");
        };
        ends.dce.accept(now, channel, &Call::default()).unwrap();
    }
    ends.settle();
    assert_eq!(events(&mut ends.dte).len(), usize::from(Channels::LAST));
    for number in 1..=Channels::LAST {
        ends.dte
            .send(now, lci(number), PLAIN, &number.to_be_bytes())
            .unwrap();
    }
    ends.settle();
    for number in 1..=Channels::LAST {
        let heard = read(&mut ends.dce, now, lci(number));
        assert_eq!(heard, [(PLAIN, number.to_be_bytes().to_vec())]);
    }
    events(&mut ends.dce);
    ends.dce.restart(now, 0, 0).unwrap();
    ends.settle();
    for end in [&mut ends.dte, &mut ends.dce] {
        let told = events(end);
        assert_eq!(told.len(), usize::from(Channels::LAST) + 2);
        assert!(matches!(told.last(), Some(Event::Up)));
        assert_eq!(end.circuits().count(), 0);
        assert_eq!((end.poll_timeout(), end.counters().events_lost), (None, 0));
    }
}

#[test]
fn parameters_have_ranges() {
    let good = || Parameters::new(Role::Dte, channels());
    assert_eq!(good().check(), Ok(()));
    let ranges = |permanent, incoming, two_way, outgoing| Channels {
        permanent,
        incoming,
        two_way,
        outgoing,
    };
    #[expect(clippy::reversed_empty_ranges, reason = "a wrong range")]
    let wrong = [
        ranges(None, None, None, None),
        ranges(None, None, Some(0..=5), None),
        ranges(None, None, Some(1..=4096), None),
        ranges(None, None, Some(5..=4), None),
        ranges(Some(1..=5), None, Some(5..=6), None),
        ranges(None, Some(7..=8), Some(5..=6), None),
        ranges(None, None, Some(7..=8), Some(5..=6)),
    ];
    for channels in wrong {
        let error = Parameters { channels, ..good() }.check().unwrap_err();
        assert_eq!(error.name, "channels");
    }
    let second = Duration::from_secs(1);
    let half = PacketSize::from_octets(64).unwrap();
    for (wrong, name) in [
        (
            Parameters {
                packet_size_limit: half,
                ..good()
            },
            "packet size",
        ),
        (
            Parameters {
                window: 0,
                ..good()
            },
            "window",
        ),
        (
            Parameters {
                window: 8,
                ..good()
            },
            "window",
        ),
        (
            Parameters {
                window_limit: 8,
                ..good()
            },
            "window",
        ),
        (
            Parameters {
                window_limit: 1,
                ..good()
            },
            "window",
        ),
        (
            Parameters {
                t20: second / 2,
                ..good()
            },
            "T20 to T26",
        ),
        (
            Parameters {
                t26: Some(3601 * second),
                ..good()
            },
            "T20 to T26",
        ),
        (
            Parameters {
                acknowledgement: 11 * second,
                ..good()
            },
            "acknowledgement",
        ),
        (
            Parameters {
                queue: 1023,
                ..good()
            },
            "queue",
        ),
    ] {
        let error = Layer::new(wrong).unwrap_err();
        assert_eq!(error.name, name);
        assert!(error.to_string().contains(error.allowed));
    }
}
