//! What a session is to the network: who may open one, which packets go through it, when it ends.

use std::net::{TcpListener, TcpStream};

use libtest_mimic::Trial;
use nix::sys::socket::{getsockopt, sockopt::TcpMaxSeg};
use wanbox_rig::error::Context;
use wanbox_rig::ping::Ping;
use wanbox_rig::{Need, Radius, Result, ensure, until};

use super::caller::{Call, Caller};
use super::{LIMIT, NEEDS, Net, RADIUS, joe};
use crate::test;

const PING: &[Need] = &[
    Need::Namespaces,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("ping"),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test("l2tpns::secrets_of_tunnels", NEEDS, secrets),
        test("l2tpns::segments_of_tcp_fit", NEEDS, segments),
        test("l2tpns::borrowed_addresses", PING, borrowed),
        test("l2tpns::silence_ends_a_session", NEEDS, silence),
        test("l2tpns::ipv6_of_radius", RADIUS, ipv6),
    ]
}

/// Whoever has to prove that he knows the secret of the tunnel is not let in without.
fn secrets() -> Result {
    let net = Net::new()?;
    let _server = net.serve("set l2tp_secret \"between us\"\nset l2tp_challenge yes\n")?;
    for secret in [None, Some("between you")] {
        let call = Call { secret, ..joe() };
        Caller::dial(&net.lac, &net.home, &call)?.ended()?;
        // 4: the requester is not authorized (RFC 2661, 4.4.2).
        until("the refusal", LIMIT, || {
            Ok(net.log().contains(": result 4"))
        })
        .context(net.log())?;
        ensure!(!net.log().contains("Login by"), "{secret:?}: {}", net.log());
    }
    let call = Call {
        secret: Some("between us"),
        ..joe()
    };
    let caller = Caller::dial(&net.lac, &net.home, &call)?;
    caller.connected().context(net.log())?;
    Ok(())
}

/// The ends of a TCP connection are told what fits, though their interfaces take more.
fn segments() -> Result {
    let net = Net::new()?;
    let _server = net.serve("set l2tp_mtu 1000\n")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected().context(net.log())?;
    net.home.ip("link set ppp0 mtu 1500")?;
    let at = ([198, 51, 100, 2], 80).into();
    let listener = net
        .site
        .inside(|| Ok(TcpListener::bind::<std::net::SocketAddr>(at)?))?;
    let client = net
        .home
        .inside(|| Ok(TcpStream::connect_timeout(&at, LIMIT)?))?;
    let (server, _) = listener.accept()?;
    for (end, name) in [(&client, "the subscriber"), (&server, "the site")] {
        let size = getsockopt(end, TcpMaxSeg)?;
        // 962 is the MRU; of what is left of it TCP may keep some for its options.
        ensure!((880..=922).contains(&size), "{name}: {size}");
    }
    Ok(())
}

/// Packets from addresses that the subscriber does not have go nowhere.
fn borrowed() -> Result {
    let net = Net::new()?;
    let _server = net.serve("")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected().context(net.log())?;
    net.home.ip("addr add 10.66.0.1/32 dev lo")?;
    let borrowed = Ping {
        count: 1,
        options: &["-I", "10.66.0.1"],
        ..Ping::new("198.51.100.2")
    };
    let answers = borrowed.send(&net.home)?;
    ensure!(answers == 0, "{answers} answers");
    ensure!(net.counter("in_spoofed")? == 1, "{}", net.log());
    Ping::new("198.51.100.2").all(&net.home)
}

/// Somebody who says nothing of his own but answers is there; somebody whose line is cut is not.
fn silence() -> Result {
    let net = Net::new()?;
    let _server = net.serve("set echo_timeout 1\nset idle_echo_timeout 5\n")?;
    let caller = Caller::dial(&net.lac, &net.home, &joe())?;
    caller.connected().context(net.log())?;
    until("a while", LIMIT, || {
        let session = net.session("joe")?;
        Ok(session["opened"].as_u64() > Some(7))
    })
    .context(net.log())?;
    net.lac.ip("link set eth0 down")?;
    until("the end of the session", LIMIT, || {
        Ok(net.session("joe").is_err())
    })
    .context(net.log())?;
    ensure!(
        net.log().contains("No response to LCP ECHO requests."),
        "{}",
        net.log()
    );
    Ok(())
}

const USERS: &str = r#"
ann Cleartext-Password := "open sesame"
    Framed-IPv6-Address = 2001:db8:6::7,
    Framed-IPv6-Route = "2001:db8:78::/48 :: 1",
    Delegated-IPv6-Prefix = 2001:db8:77::/48
"#;

/// Prefixes from RADIUS lead to the subscriber as long as IPv6 is open.
fn ipv6() -> Result {
    let net = Net::new()?;
    let radius = Radius::start(&net.site, "radsec", USERS)?;
    let _server = net.serve(
        "set primary_radius 198.51.100.2\nset radius_secret \"radsec\"\n\
         set radius_accounting yes\nset ipv6_prefix 2001:db8:5::\n",
    )?;
    net.lns
        .netns
        .ip("-6 addr add 2001:db8:9::1/64 dev eth1 nodad")?;
    net.site.ip("-6 addr add 2001:db8:9::2/64 dev eth0 nodad")?;
    net.site.ip("-6 route add default via 2001:db8:9::1")?;
    let call = Call {
        user: ("ann", "open sesame"),
        ipv6: true,
        ..joe()
    };
    let caller = Caller::dial(&net.lac, &net.home, &call)?;
    caller.connected().context(net.log())?;
    let routes = || net.lns.netns.ip("-6 route show dev tun0");
    let own = ["2001:db8:77::/48", "2001:db8:78::/48", "2001:db8:6::7"];
    until("its routes", LIMIT, || {
        let routes = routes()?;
        Ok(own.iter().all(|route| routes.contains(route)))
    })
    .context(routes()?)?;
    // The router advertisement may have brought one already.
    net.home.ip("-6 route replace default dev ppp0")?;
    for address in ["2001:db8:77::1", "2001:db8:78:9::1", "2001:db8:6::7"] {
        net.home
            .ip(&format!("-6 addr add {address}/128 dev lo nodad"))?;
        Ping::new(address).all(&net.site).context(address)?;
    }
    caller.hang_up();
    until("a record of the end", LIMIT, || {
        let records = radius.accounting()?;
        Ok(records.iter().any(|record| {
            record.get("Acct-Status-Type") == Some("Stop")
                && record.get("Delegated-IPv6-Prefix") == Some("2001:db8:77::/48")
        }))
    })
    .context(format!("{:?}", radius.accounting()?))?;
    let left = routes()?;
    ensure!(own.iter().all(|route| !left.contains(route)), "{left}");
    Ok(())
}
