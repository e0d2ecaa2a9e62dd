//! Circuits of applications, message by message.

use super::*;

pub fn tests() -> Vec<Trial> {
    vec![
        test("x25_api::two_hundred_calls_at_once", NEEDS, many_calls),
        test("x25_api::clears_and_resets", NEEDS, clears_and_resets),
        test("x25_api::a_slow_reader", NEEDS, slow_reader),
        test("x25_api::marks_and_interrupts", NEEDS, marks_and_interrupts),
        test("x25_api::wrong_requests", NEEDS, wrong_requests),
        test("x25_api::permanent_circuits", NEEDS, permanent_circuits),
    ]
}

/// One end calls two hundred times, the other accepts; each circuit carries what is its own.
fn many_calls() -> Result {
    const CALLS: usize = 200;
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let mut listener = Application::listening(b, DEVICE, "7*")?;
    let addresses: Vec<String> = (0..CALLS).map(|n| format!("7{n}")).collect();
    let mut callers = Vec::new();
    for address in &addresses {
        callers.push(Application::calling(a, DEVICE, &to(address))?);
    }
    let mut called = Vec::new();
    for _ in 0..CALLS {
        let (circuit, incoming) = listener.accept(b, DEVICE)?;
        let call = Call::parse(&incoming.payload).map_err(|e| Error::new(e.to_string()))?;
        called.push((circuit, call.called.to_owned()));
    }
    for caller in &mut callers {
        caller.expect(Kind::Accept)?;
    }
    let circuits = |router: &Router| -> Result<serde_json::Value> {
        Ok(router.status(DEVICE)?["x25"]["applications"]["circuits"].clone())
    };
    ensure!(circuits(a)? == CALLS && circuits(b)? == CALLS, "circuits");
    for (caller, address) in callers.iter().zip(&addresses) {
        caller.send(Repr::new(Kind::Data), address.as_bytes())?;
    }
    for (circuit, address) in &mut called {
        let data = circuit.expect(Kind::Data)?;
        ensure!(data.payload == address.as_bytes(), "{data:?} for {address}");
        circuit.send(Repr::new(Kind::Data), &noise(address.len() as u64, 3000))?;
    }
    for (caller, address) in callers.iter_mut().zip(&addresses) {
        let mut octets = Vec::new();
        while octets.len() < 3000 {
            octets.extend(caller.expect(Kind::Data)?.payload);
        }
        ensure!(octets == noise(address.len() as u64, 3000), "for {address}");
        caller.send(tagged(Kind::Clear, 9), &[])?;
    }
    for caller in &mut callers {
        ensure!(caller.expect(Kind::Done)?.repr.tag == 9, "not cleared");
        caller.expect_end()?;
    }
    for (circuit, _) in &mut called {
        circuit.expect(Kind::Clear)?;
        circuit.expect_end()?;
    }
    ensure!(circuits(a)? == 0 && circuits(b)? == 0, "circuits are left");
    Ok(())
}

/// A circuit: the caller's end and the other.
pub fn circuit(a: &Router, b: &Router) -> Result<(Application, Application)> {
    let mut listener = Application::listening(b, DEVICE, "1")?;
    let mut caller = Application::calling(a, DEVICE, &to("1"))?;
    let (called, _) = listener.accept(b, DEVICE)?;
    caller.expect(Kind::Accept)?;
    Ok((caller, called))
}

/// Causes and diagnostics reach the other end, those of a refused call the caller.
fn clears_and_resets() -> Result {
    let net = Net::pair(Over::Udp, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let (mut caller, mut called) = circuit(a, b)?;
    caller.send(Repr::new(Kind::Data), b"one")?;
    ensure!(called.expect(Kind::Data)?.payload == b"one", "one");
    let reset = Repr {
        diagnostic: 250,
        ..tagged(Kind::Reset, 5)
    };
    caller.send(reset, &[])?;
    ensure!(caller.expect(Kind::Done)?.repr.tag == 5, "not reset");
    let heard = called.expect(Kind::Reset)?.repr;
    ensure!((heard.cause, heard.diagnostic) == (0, 250), "{heard:?}");
    called.send(Repr::new(Kind::Data), b"two")?;
    ensure!(caller.expect(Kind::Data)?.payload == b"two", "two");
    ensure!(caller.status()?.resets == 1, "resets");
    let clear = Repr {
        diagnostic: 33,
        ..tagged(Kind::Clear, 6)
    };
    called.send(clear, &[])?;
    ensure!(called.expect(Kind::Done)?.repr.tag == 6, "not cleared");
    let heard = caller.expect(Kind::Clear)?.repr;
    ensure!((heard.cause, heard.diagnostic) == (0, 33), "{heard:?}");
    // A call that its listener refuses, and one whose listener goes away.
    let mut listener = Application::listening(b, DEVICE, "2")?;
    let mut caller = Application::calling(a, DEVICE, &to("2"))?;
    let tag = listener.expect(Kind::Call)?.repr.tag;
    let refuse = Repr {
        diagnostic: 99,
        ..tagged(Kind::Clear, tag)
    };
    listener.send(refuse, &[])?;
    listener.expect(Kind::Done)?;
    let heard = caller.expect(Kind::Clear)?.repr;
    ensure!((heard.tag, heard.diagnostic) == (1, 99), "{heard:?}");
    let mut caller = Application::calling(a, DEVICE, &to("2"))?;
    listener.expect(Kind::Call)?;
    drop(listener);
    ensure!(
        caller.expect(Kind::Clear)?.repr.diagnostic == 242,
        "listener gone"
    );
    // The caller gives up first.
    let mut listener = Application::listening(b, DEVICE, "2")?;
    let caller = Application::calling(a, DEVICE, &to("2"))?;
    let tag = listener.expect(Kind::Call)?.repr.tag;
    drop(caller);
    ensure!(listener.expect(Kind::Clear)?.repr.tag == tag, "not told");
    let late = Application::new(b, DEVICE)?;
    late.send(tagged(Kind::Accept, tag), &[])?;
    let mut late = late;
    ensure!(late.refused(tag)? == Reason::Absent, "accepted");
    // Clearing behind the data, by one who does not stay for it.
    let (caller, mut called) = circuit(a, b)?;
    let data = noise(3, 30_000);
    for _ in 0..5 {
        caller.send(Repr::new(Kind::Data), &data)?;
    }
    let after = Repr {
        flags: flags::AFTER,
        diagnostic: 1,
        ..Repr::new(Kind::Clear)
    };
    caller.send(after, &[])?;
    drop(caller);
    let mut octets = Vec::new();
    loop {
        let message = called.next()?;
        if message.repr.kind == Kind::Clear {
            ensure!(message.repr.diagnostic == 1, "{:?}", message.repr);
            break;
        }
        octets.extend(message.payload);
    }
    ensure!(octets == data.repeat(5), "{} octets", octets.len());
    Ok(())
}

/// While one end does not read, the other cannot send for ever; then everything is there.
fn slow_reader() -> Result {
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let (mut caller, mut called) = circuit(a, b)?;
    let mut sent: u32 = 0;
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(2) {
        let data = Repr {
            flags: flags::ACK,
            ..tagged(Kind::Data, sent)
        };
        if caller.try_send(data, &noise(sent.into(), 1000))? {
            sent += 1;
            quiet = Instant::now();
        } else {
            thread::sleep(Duration::from_millis(5));
        }
        ensure!(sent < 20_000, "the socket takes everything");
    }
    // Others are not held up.
    let (other, mut its_end) = {
        let mut listener = Application::listening(b, DEVICE, "9")?;
        let mut other = Application::calling(a, DEVICE, &to("9"))?;
        let (its_end, _) = listener.accept(b, DEVICE)?;
        other.expect(Kind::Accept)?;
        (other, its_end)
    };
    other.send(Repr::new(Kind::Data), b"quick")?;
    ensure!(its_end.expect(Kind::Data)?.payload == b"quick", "held up");
    for n in 0..sent {
        let data = called.expect(Kind::Data)?;
        ensure!(
            data.payload == noise(n.into(), 1000),
            "message {n} of {sent}"
        );
    }
    for n in 0..sent {
        let acknowledged = caller.expect(Kind::Sent)?.repr.tag;
        ensure!(acknowledged == n, "{acknowledged}, not {n}");
    }
    Ok(())
}

/// Q, D and M, messages longer than packets, interrupts past waiting data, facilities.
fn marks_and_interrupts() -> Result {
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let mut listener = Application::listening(b, DEVICE, "")?;
    let call = Call {
        calling: "42",
        facilities: &[0x42, 7, 7, 0x43, 3, 3],
        data: &[1, 0, 0, 0],
        ..Call::default()
    };
    let mut caller = Application::calling(a, DEVICE, &call)?;
    let (mut called, incoming) = listener.accept(b, DEVICE)?;
    let told = Call::parse(&incoming.payload).map_err(|e| Error::new(e.to_string()))?;
    ensure!(
        (told.called, told.calling, told.data) == ("", "42", call.data),
        "{told:?}"
    );
    caller.expect(Kind::Accept)?;
    let status = caller.status()?;
    let sizes = (
        status.packet_out,
        status.packet_in,
        status.window_out,
        status.window_in,
    );
    ensure!(
        sizes == (128, 128, 3, 3) && status.state == State::Connected,
        "{status:?}"
    );
    for marks in [0, flags::Q, flags::D, flags::Q | flags::D] {
        let data = Repr {
            flags: marks | flags::ACK,
            ..tagged(Kind::Data, 8)
        };
        caller.send(data, &noise(5, 300))?;
        let mut octets = Vec::new();
        for last in [false, false, true] {
            let part = called.expect(Kind::Data)?;
            let more = part.repr.flags & flags::M != 0;
            let (q, d) = (part.repr.flags & flags::Q, part.repr.flags & flags::D);
            ensure!(more != last && q == marks & flags::Q, "{part:?}");
            ensure!(!last || d == marks & flags::D, "{part:?}");
            octets.extend(part.payload);
        }
        ensure!(octets == noise(5, 300), "octets");
        caller.expect(Kind::Sent)?;
    }
    caller.send(Repr::new(Kind::Interrupt), &[1, 2, 3])?;
    caller.send(tagged(Kind::Interrupt, 4), &[4])?;
    ensure!(caller.refused(4)? == Reason::State, "two interrupts");
    ensure!(
        called.expect(Kind::Interrupt)?.payload == [1, 2, 3],
        "interrupt"
    );
    called.send(Repr::new(Kind::Confirm), &[])?;
    caller.expect(Kind::Confirm)?;
    Ok(())
}

/// What cannot be is refused, with the reason.
fn wrong_requests() -> Result {
    let net = Net::pair(Over::Cable, QUICK)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let mut application = Application::new(a, DEVICE)?;
    let idle: &[(Kind, &[u8], Reason)] = &[
        (Kind::Data, b"x", Reason::State),
        (Kind::Bind, b"12x", Reason::Malformed),
        (Kind::Call, &[1], Reason::Malformed),
        (Kind::Call, &[0, 0, 1, 0x42], Reason::Unsupported),
        (Kind::Accept, &[], Reason::Absent),
        (Kind::Clear, &[], Reason::State),
        (Kind::Reset, &[], Reason::State),
        (Kind::Interrupt, &[1], Reason::State),
        (Kind::Attach, &[], Reason::Absent),
        (Kind::Done, &[], Reason::Malformed),
        (Kind::Status, &[1], Reason::Malformed),
    ];
    for (n, (kind, payload, reason)) in (1..).zip(idle) {
        application.send(tagged(*kind, n), payload)?;
        let refused = application.refused(n)?;
        ensure!(refused == *reason, "{kind:?}: {refused:?}");
    }
    application.socket.send(&[1; 30])?;
    ensure!(
        application.refused(0x0101_0101)? == Reason::Malformed,
        "garbage"
    );
    ensure!(
        application.status()?.refused == idle.len() as u64 + 1,
        "counted"
    );
    let (caller, mut called) = circuit(a, b)?;
    called.send(tagged(Kind::Listen, 3), &[])?;
    ensure!(called.refused(3)? == Reason::State, "listens");
    drop(caller);
    let clear = called.expect(Kind::Clear)?.repr;
    ensure!((clear.cause, clear.diagnostic) == (0, 242), "{clear:?}");
    Ok(())
}

/// A permanent circuit is taken by its channel, has one application, and is reset when that ends.
fn permanent_circuits() -> Result {
    let keys = "LOWESTPVC = 1\nHIGHESTPVC = 2\nLOWESTSVC = 3\nHIGHESTSVC = 9\n";
    let net = Net::pair(Over::Cable, keys)?;
    let [a, b] = &net.routers[..] else {
        return Err(Error::new("two routers"));
    };
    let attach = |router: &Router, channel: u16| -> Result<Application> {
        let application = Application::new(router, DEVICE)?;
        let repr = Repr {
            channel,
            ..tagged(Kind::Attach, 1)
        };
        application.send(repr, &[])?;
        Ok(application)
    };
    let (mut near, mut far) = (attach(a, 2)?, attach(b, 2)?);
    ensure!(near.expect(Kind::Accept)?.repr.channel == 2, "another");
    far.expect(Kind::Accept)?;
    ensure!(attach(a, 2)?.refused(1)? == Reason::Busy, "taken twice");
    ensure!(attach(a, 3)?.refused(1)? == Reason::Absent, "switched");
    near.send(Repr::new(Kind::Data), &noise(4, 5000))?;
    let mut octets = Vec::new();
    while octets.len() < 5000 {
        octets.extend(far.expect(Kind::Data)?.payload);
    }
    ensure!(octets == noise(4, 5000), "octets");
    near.send(tagged(Kind::Clear, 7), &[])?;
    ensure!(near.expect(Kind::Done)?.repr.tag == 7, "not given back");
    near.expect_end()?;
    far.expect(Kind::Reset)?;
    let mut again = attach(a, 2)?;
    again.expect(Kind::Accept)?;
    far.send(Repr::new(Kind::Data), b"again")?;
    ensure!(again.expect(Kind::Data)?.payload == b"again", "again");
    Ok(())
}
