//! Circuits of applications.

use wanbox_link::x25::By;
use wanbox_wire::x25::Marks as Bits;

use super::*;

const HERE: Owner = Owner(1);
const THERE: Owner = Owner(2);

fn to(called: &str) -> Call {
    Call {
        called: address(called),
        calling: address("31161"),
        user_data: b"x".to_vec(),
        ..Call::default()
    }
}

fn accept(destination: &str) -> Accept {
    Accept {
        destination: Some(Pattern::new(destination)),
        ..Accept::default()
    }
}

/// A call from HERE at A to whoever listens at B, and its channel.
fn connected() -> (Pair<Node>, Lci) {
    let mut pair = pair(&[switched(Role::Dte)], &[accepting(Role::Dce)]);
    pair.b.engine.listen(THERE, accept("777*"));
    let now = pair.now();
    let channel = pair.a.engine.call(now, HERE, &to("7771")).unwrap();
    pair.run_for(SECOND);
    let [told] = &pair.b.told[..] else {
        panic!("{:?}", pair.b.told);
    };
    let Told::Incoming { channel: at, call } = &told.event else {
        panic!("{told:?}");
    };
    assert_eq!((told.owner, *at), (THERE, channel));
    assert_eq!(
        (call.called, &call.user_data[..]),
        (address("7771"), &b"x"[..])
    );
    let now = pair.now();
    let layer = pair.b.engine.circuit(THERE, channel).unwrap();
    layer.accept(now, channel, &Call::default()).unwrap();
    pair.run_for(SECOND);
    let told = pair.a.told.remove(0);
    assert_eq!(told.owner, HERE);
    assert!(matches!(told.event, Told::Connected { .. }), "{told:?}");
    pair.b.told.clear();
    (pair, channel)
}

#[test]
fn an_application_has_the_packet_layer_for_its_circuits() {
    let (mut pair, channel) = connected();
    let now = pair.now();
    let marks = Bits {
        q: true,
        ..Bits::default()
    };
    let layer = pair.a.engine.circuit(HERE, channel).unwrap();
    layer.send(now, channel, marks, b"hello").unwrap();
    layer.interrupt(now, channel, &[7]).unwrap();
    pair.run_for(SECOND);
    let events: Vec<&Told> = pair.b.told.iter().map(|told| &told.event).collect();
    assert!(events.contains(&&Told::Readable(channel)), "{events:?}");
    let interrupt = Told::Interrupt {
        channel,
        data: vec![7],
    };
    assert!(events.contains(&&interrupt), "{events:?}");
    let now = pair.now();
    let mut data = Vec::new();
    let layer = pair.b.engine.circuit(THERE, channel).unwrap();
    assert_eq!(layer.read(now, channel, &mut data), Some(marks));
    assert_eq!(data, b"hello");
    // It is nobody else's.
    assert!(pair.b.engine.circuit(HERE, channel).is_err());
    assert_eq!(
        pair.b.engine.circuits_of(THERE).collect::<Vec<_>>(),
        [channel]
    );
    layer_clear(&mut pair, channel);
}

/// B clears, both hear of it, and the channel is free.
fn layer_clear(pair: &mut Pair<Node>, channel: Lci) {
    pair.a.told.clear();
    pair.b.told.clear();
    let now = pair.now();
    let layer = pair.b.engine.circuit(THERE, channel).unwrap();
    layer.clear(now, channel, 0, 5, &Call::default()).unwrap();
    pair.run_for(SECOND);
    let [told] = &pair.a.told[..] else {
        panic!("{:?}", pair.a.told);
    };
    let Told::Cleared { by, diagnostic, .. } = &told.event else {
        panic!("{told:?}");
    };
    assert_eq!((*by, *diagnostic), (By::Peer, 5));
    assert_eq!(pair.b.told[0].event, Told::ClearConfirmed(channel));
    for node in [&mut pair.a, &mut pair.b] {
        assert!(node.engine.circuit(HERE, channel).is_err());
        assert!(node.engine.circuit(THERE, channel).is_err());
    }
}

#[test]
fn an_owner_that_is_gone_has_its_calls_cleared() {
    let (mut pair, channel) = connected();
    let now = pair.now();
    pair.b.engine.release(now, THERE);
    assert!(pair.b.engine.circuit(THERE, channel).is_err());
    pair.run_for(SECOND);
    assert!(matches!(pair.a.told[0].event, Told::Cleared { .. }));
    // Nobody listens any more.
    let now = pair.now();
    pair.a.told.clear();
    pair.a.engine.call(now, HERE, &to("7771")).unwrap();
    pair.run_for(SECOND);
    assert!(matches!(pair.a.told[0].event, Told::Cleared { .. }));
    assert_eq!(pair.b.engine.counters().calls_refused, 1);
}

/// What a caller at one end hears of a call that the other does not take: cause and diagnostic.
fn refused_by(role: Role, called: &str, user_data: &[u8]) -> (u8, u8) {
    let mut port = accepting(role);
    port.accept.destination = Some(Pattern::new("777"));
    let mut at_port = switched(role);
    at_port.accept.destination = Some(Pattern::new("31*"));
    at_port.accept.source = Some(Pattern::new("5*"));
    at_port.circuit = Circuit::Switched(address("5"));
    let ports = [port, at_port];
    let mut pair = match role {
        Role::Dce => pair(&[], &ports),
        Role::Dte => pair(&ports, &[]),
    };
    let now = pair.now();
    let (caller, other) = match role {
        Role::Dce => (&mut pair.a, &mut pair.b),
        Role::Dte => (&mut pair.b, &mut pair.a),
    };
    let octets = Accept {
        user_data: Some(Pattern::new("C0*")),
        ..accept("888")
    };
    other.engine.listen(THERE, octets);
    let call = Call {
        user_data: user_data.to_vec(),
        ..to(called)
    };
    caller.engine.call(now, HERE, &call).unwrap();
    pair.run_for(SECOND);
    let (caller, other) = match role {
        Role::Dce => (&pair.a, &pair.b),
        Role::Dte => (&pair.b, &pair.a),
    };
    assert_eq!(other.engine.counters().calls_refused, 1);
    assert_eq!(other.told, []);
    match &caller.told[0].event {
        Told::Cleared {
            by: By::Peer,
            cause,
            diagnostic,
            ..
        } => (*cause, *diagnostic),
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_that_nobody_takes_hear_why() {
    // Nobody has the address, whatever the call says: a DCE says so as the network.
    for user_data in [&b""[..], b"x", &[0xcc], &[0xc0]] {
        assert_eq!(refused_by(Role::Dce, "999", user_data), (13, 67));
        assert_eq!(refused_by(Role::Dte, "999", user_data), (0, 67));
        // Others may call there.
        assert_eq!(refused_by(Role::Dce, "31162", user_data), (13, 67));
    }
    // Somebody has it, and knows not what is to be carried: that is never the network's doing.
    for (called, user_data) in [("777", &b""[..]), ("777", &[0xc0]), ("888", &[0xcc])] {
        for role in [Role::Dce, Role::Dte] {
            assert_eq!(refused_by(role, called, user_data), (0, 249), "{called}");
        }
    }
}

#[test]
fn who_demands_most_is_called() {
    let (mut pair, _) = connected();
    let other = Owner(3);
    pair.b.engine.listen(Owner(4), accept("*"));
    pair.b.engine.listen(other, accept("7771"));
    let now = pair.now();
    for (called, owner) in [("7771", other), ("7772", THERE), ("1", Owner(4))] {
        pair.b.told.clear();
        pair.a.engine.call(now, HERE, &to(called)).unwrap();
        pair.run_for(SECOND);
        assert_eq!(pair.b.told[0].owner, owner, "{called}");
    }
    // IP has its interfaces, whoever listens.
    let now = pair.now();
    pair.b.told.clear();
    pair.a.send(now, packet(0, 100));
    pair.run_for(SECOND);
    assert_eq!(pair.b.numbers(), [0]);
    assert!(pair.b.told.is_empty());
}

#[test]
fn permanent_circuits_that_no_interface_has_can_be_had() {
    let mut pair = pair(&[permanent(Role::Dte, 1)], &[permanent(Role::Dce, 1)]);
    let [one, two, three] = [1, 2, 3].map(|number| Lci::new(number).unwrap());
    for engine in [&mut pair.a.engine, &mut pair.b.engine] {
        assert!(engine.attach(HERE, one).is_err(), "an interface has it");
        assert!(engine.attach(HERE, three).is_err(), "it is not permanent");
        engine.attach(HERE, two).unwrap();
        assert!(engine.attach(THERE, two).is_err(), "somebody has it");
    }
    let now = pair.now();
    let layer = pair.a.engine.circuit(HERE, two).unwrap();
    layer.send(now, two, Bits::default(), b"hi").unwrap();
    pair.run_for(SECOND);
    assert_eq!(pair.b.told[0].event, Told::Readable(two));
    let now = pair.now();
    pair.b.engine.release(now, HERE);
    pair.b.engine.attach(THERE, two).unwrap();
    pair.run_for(SECOND);
    assert!(
        matches!(pair.a.told[0].event, Told::Reset { .. }),
        "{:?}",
        pair.a.told
    );
}
