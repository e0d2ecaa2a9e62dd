//! Calls that a router passes on from one of its devices to another.

use super::*;

pub fn tests() -> Vec<Trial> {
    vec![
        test("x25_api::three_routers_and_a_switch", NEEDS, three_routers),
        test("x25_api::a_switch_joins_tcp_and_a_cable", NEEDS, joined),
        test("x25_api::what_a_switch_cannot_reach", NEEDS, unreachable),
    ]
}

/// A router between two others, which calls of `4...` cross from the first to the second; X.25 over TCP leads to
/// that, or a cable.
fn chain(tcp: bool) -> Result<Net> {
    let net = Net::new(3)?;
    let [a, switch, b] = &net.routers[..] else {
        return Err(Error::new("three routers"));
    };
    let mut lines = ["cable:far"; 2];
    if tcp {
        netns::veth(&switch.netns, "eth0", &b.netns, "eth0")?;
        switch.netns.ip("addr add 192.0.2.1/24 dev eth0")?;
        b.netns.ip("addr add 192.0.2.2/24 dev eth0")?;
        lines = ["xot:192.0.2.2", "xot-listen:192.0.2.2 source=192.0.2.1/32"];
    }
    let near = section(DEVICE, "DTE", "cable:near", QUICK);
    let far = section(
        DEVICE,
        "DTE",
        lines[1],
        "PACKETWINDOW = 2\nDEF_PKT_SIZE = 128",
    );
    start(a, &[(DEVICE, &near)])?;
    start(b, &[(DEVICE, &far)])?;
    let routes = "\n[x25routes]\n4 = wanpipe2\n41 = wanpipe1\n42 = wanpipe9\n";
    let one = section(DEVICE, "DCE", "cable:near", QUICK) + routes;
    let two = section(
        "wanpipe2",
        "DCE",
        lines[0],
        "UDPPORT = 9001\nPACKETWINDOW = 2\nDEF_PKT_SIZE = 128",
    );
    let two = two.replace("UDPPORT = 9000\n", "");
    start(switch, &[(DEVICE, &one), ("wanpipe2", &two)])?;
    net.wait_up(a, DEVICE)?;
    net.wait_up(switch, "wanpipe2")?;
    net.wait_up(b, DEVICE)?;
    Ok(net)
}

/// Files cross it intact, with other packet sizes on either side; so do causes, resets, interrupts
/// and delivery confirmation.
fn three_routers() -> Result {
    let net = chain(false)?;
    let [a, _, b] = &net.routers[..] else {
        return Err(Error::new("three routers"));
    };
    transfer(&net, (a, "-D -f packet=1024"), (b, ""), 1_000_000)?;
    let mut listener = Application::listening(b, DEVICE, "4711")?;
    let call = Call {
        calling: "99",
        data: &[1, 2, 3],
        ..to("4711")
    };
    let mut caller = Application::calling(a, DEVICE, &call)?;
    let (mut called, incoming) = listener.accept(b, DEVICE)?;
    let told = Call::parse(&incoming.payload).map_err(|e| Error::new(e.to_string()))?;
    ensure!(
        (told.called, told.calling, told.data) == ("4711", "99", &[1, 2, 3][..]),
        "{told:?}"
    );
    caller.expect(Kind::Accept)?;
    let data = Repr {
        flags: flags::Q | flags::D | flags::ACK,
        ..tagged(Kind::Data, 5)
    };
    caller.send(data, b"hello")?;
    let heard = called.expect(Kind::Data)?;
    ensure!(heard.payload == b"hello", "{heard:?}");
    ensure!(
        heard.repr.flags & (flags::Q | flags::D) == flags::Q | flags::D,
        "{heard:?}"
    );
    ensure!(caller.expect(Kind::Sent)?.repr.tag == 5, "not delivered");
    called.send(Repr::new(Kind::Interrupt), &[7])?;
    ensure!(caller.expect(Kind::Interrupt)?.payload == [7], "interrupt");
    caller.send(Repr::new(Kind::Confirm), &[])?;
    called.expect(Kind::Confirm)?;
    let reset = Repr {
        diagnostic: 161,
        ..tagged(Kind::Reset, 3)
    };
    called.send(reset, &[])?;
    called.expect(Kind::Done)?;
    ensure!(caller.expect(Kind::Reset)?.repr.diagnostic == 161, "reset");
    let clear = Repr {
        diagnostic: 162,
        ..tagged(Kind::Clear, 4)
    };
    caller.send(clear, &[])?;
    caller.expect(Kind::Done)?;
    let heard = called.expect(Kind::Clear)?.repr;
    ensure!(
        (heard.cause & 0x7f, heard.diagnostic) == (0, 162),
        "{heard:?}"
    );
    Ok(())
}

/// Files cross from a cable to X.25 over TCP, and the other way; so does the reason why nobody took a call.
fn joined() -> Result {
    let net = chain(true)?;
    let [a, _, b] = &net.routers[..] else {
        return Err(Error::new("three routers"));
    };
    transfer(&net, (a, ""), (b, ""), 1_000_000)?;
    let mut listener = Application::listening(b, DEVICE, "4711")?;
    let mut caller = Application::calling(a, DEVICE, &to("4711"))?;
    let incoming = listener.expect(Kind::Call)?;
    let clear = Repr {
        diagnostic: 163,
        ..tagged(Kind::Clear, incoming.repr.tag)
    };
    listener.send(clear, &[])?;
    let heard = caller.expect(Kind::Clear)?.repr;
    ensure!(
        (heard.cause & 0x7f, heard.diagnostic) == (0, 163),
        "{heard:?}"
    );
    Ok(())
}

/// Nobody there, the same device, a device that does not run, a link that is down, a switch that
/// ends: each has its cause.
fn unreachable() -> Result {
    let net = chain(false)?;
    let [a, switch, b] = &net.routers[..] else {
        return Err(Error::new("three routers"));
    };
    let cause = |called: &str| -> Result<(u8, u8)> {
        let mut caller = Application::calling(a, DEVICE, &to(called))?;
        let clear = caller.expect(Kind::Clear)?.repr;
        Ok((clear.cause, clear.diagnostic))
    };
    ensure!(
        cause("4711")?.0 != 0x09,
        "nobody listens: {:?}",
        cause("4711")?
    );
    let same = cause("41")?;
    ensure!(same == (0x0d, 67), "the same device: {same:?}");
    let absent = cause("42")?;
    ensure!(absent.0 == 0x09, "no such device: {absent:?}");
    let mut listener = Application::listening(b, DEVICE, "4711")?;
    let mut caller = Application::calling(a, DEVICE, &to("4711"))?;
    let (mut called, _) = listener.accept(b, DEVICE)?;
    caller.expect(Kind::Accept)?;
    switch.signal("wanpipe2", Signal::SIGKILL)?;
    let heard = caller.expect(Kind::Clear)?.repr;
    ensure!(heard.cause == 0x09, "the device ended: {heard:?}");
    drop(caller);
    wait_for("the killed device to be gone", SOON, || {
        Ok((cause("4711")?.0 == 0x09).then_some(()))
    })?;
    let _ = called.next();
    Ok(())
}
