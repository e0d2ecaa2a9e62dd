//! What is refused, and with which words; nothing is half done.

use libtest_mimic::Trial;
use serde_json::json;
use wanbox_rig::{Result, Router, ensure, until};

use super::{EQLD, LIMIT, NEEDS, enslave, slave, start, status};
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test("eqld::refused_slaves", NEEDS, slaves),
        test("eqld::refused_loops", NEEDS, loops),
        test("eqld::refused_requests", NEEDS, requests),
        test("eqld::limits", NEEDS, limits),
        test("eqld::refused_command_lines", NEEDS, command_lines),
    ]
}

/// A router with a master that is up and some interfaces.
fn router() -> Result<Router> {
    let router = Router::new(&crate::wanbox())?;
    start(&router, 0, "--mtu 1500")?;
    for command in [
        "tuntap add tun0 mode tun",
        "link set tun0 mtu 1500 up",
        "link add eth0 type veth peer name far0",
        "link set eth0 up",
        "link set far0 up",
    ] {
        router.netns.ip(command)?;
    }
    runs(&router, "eth0")?;
    Ok(router)
}

/// The kernel follows the carrier a moment later.
fn runs(router: &Router, name: &str) -> Result {
    until("the interface to run", LIMIT, || {
        let links = router.netns.ip_json(&format!("link show {name}"))?;
        Ok(links[0]["operstate"] == "UP")
    })?;
    Ok(())
}

/// An enslaving by these words is refused with this code and reason, and leaves nothing behind.
fn refused(router: &Router, words: &str, code: i32, because: &str) -> Result {
    let before = status(router)?["slaves"].clone();
    let done = router.run(&format!("eql_enslave {words}"))?;
    ensure!(
        done.code == code && done.stderr.contains(because),
        "{words}: not {code} and '{because}': {done:?}"
    );
    let after = status(router)?["slaves"].clone();
    ensure!(before == after, "{words}: {before} became {after}");
    Ok(())
}

fn slaves() -> Result {
    let router = router()?;
    for (words, code, because) in [
        ("eql eql 28800", 1, "eql can't be its own slave"),
        ("eql ppp7 28800", 3, "ppp7: there is no such interface"),
        ("eql a-name-of-16-oct 28800", 2, "1 to 15 octets"),
        ("eql tun0 0", 2, "0"),
        ("eql tun0 -9600", 2, "-9600"),
        ("eql tun0 99999999999999", 2, "99999999999999"),
        ("eql tun0 fast", 2, "fast"),
        // Nobody has it open, so it does not run.
        ("eql tun0 28800", 1, "tun0 is not up and running"),
        ("eql eth0 28800", 1, "name the next router on it"),
        (
            "--via 224.0.0.1 eql eth0 28800",
            1,
            "224.0.0.1 is no address of a next router",
        ),
        ("eql1 eth0 28800", 3, "eql1"),
    ] {
        refused(&router, words, code, because)?;
    }
    let eth0 = "--via 192.0.2.1 eql eth0 28800";
    for (command, because) in [
        (
            "link set eth0 mtu 1400",
            "master eql (1500) and slave eth0 (1400)",
        ),
        ("link set eth0 mtu 1500 down", "eth0 is not up and running"),
        ("link set eth0 up", "192.0.2.1"),
        ("link set eql down", "eql is not up and running"),
    ] {
        router.netns.ip(command)?;
        if command.ends_with("eth0 up") {
            runs(&router, "eth0")?;
        }
        refused(&router, eth0, 1, because)?;
    }
    Ok(())
}

fn loops() -> Result {
    let router = router()?;
    router.netns.ip("link set lo mtu 1500 up")?;
    refused(
        &router,
        "eql lo 1M",
        1,
        "lo: its packets would come back to eql: it is a loopback",
    )?;
    // The master of another eqld.
    router.ok("eqld eql1 --mtu 1500")?;
    router.netns.ip("link set eql1 up")?;
    refused(&router, "eql eql1 1M", 1, "eql1 is a master itself")?;
    // A slave of another one.
    router.ok("eql_enslave --sticky --via 192.0.2.2 eql1 eth0 64k")?;
    refused(
        &router,
        "--sticky --via 192.0.2.2 eql eth0 64k",
        1,
        "eth0 is a slave of eql1 already",
    )?;
    // A tunnel whose other end is reached through the master; not every kernel has tunnels.
    router.netns.ip("route add 198.51.100.1/32 dev eql")?;
    if router
        .netns
        .ip("link add ipip9 type ipip local 10.1.0.1 remote 198.51.100.1")
        .is_ok()
    {
        router.netns.ip("link set ipip9 mtu 1500 up")?;
        refused(
            &router,
            "eql ipip9 1M",
            1,
            "a tunnel to 198.51.100.1, which is reached through eql",
        )?;
    }
    Ok(())
}

fn requests() -> Result {
    let router = router()?;
    for (request, words) in [
        (
            json!({"op": "emancipate", "slave": "eth0"}),
            "eth0 is no slave of eql",
        ),
        (
            json!({"op": "set_slave", "slave": "eth0", "rate": {"fixed": 1}}),
            "eth0 is no slave of eql",
        ),
        (
            json!({"op": "set_slave", "slave": "eth0", "rate": {"fixed": 0}}),
            "0 bit/s is no rate",
        ),
        (
            json!({"op": "set_master", "max_slaves": 0}),
            "a limit of 0 slaves",
        ),
        (
            json!({"op": "set_master", "max_slaves": 65}),
            "a limit of 65 slaves",
        ),
        (json!({"op": "dance"}), "dance"),
        (json!({"op": "enslave", "slave": 7}), "invalid type"),
        (
            json!({"op": "enslave", "slave": "eth0", "rate": {"fixed": -1}}),
            "-1",
        ),
        (json!([1, 2]), "error"),
    ] {
        let text = match router.ask(EQLD, &request) {
            Ok(answer) => return Err(wanbox_rig::Error::new(format!("{request}: {answer}"))),
            Err(error) => error.to_string(),
        };
        ensure!(text.contains(words), "{request}: {text}");
    }
    ensure!(
        status(&router)?["slaves"] == json!([]),
        "{}",
        status(&router)?
    );
    Ok(())
}

fn limits() -> Result {
    let router = Router::new(&crate::wanbox())?;
    start(&router, 0, "--mtu 1500 --max-slaves 2")?;
    for n in 0..3 {
        router
            .netns
            .ip(&format!("link add eth{n} type veth peer name far{n}"))?;
        router.netns.ip(&format!("link set eth{n} up"))?;
        router.netns.ip(&format!("link set far{n} up"))?;
    }
    let options = "--sticky --via 192.0.2.9";
    enslave(&router, "eth0", "64k", options)?;
    enslave(&router, "eth1", "64k", options)?;
    let third = format!("{options} eql eth2 64k");
    refused(&router, &third, 1, "eql has its 2 slaves")?;
    router.ok("eql_tune eql --max-slaves 3")?;
    router.ok(&format!("eql_enslave {third}"))?;
    router.ok("eql_tune eql eth2 9600")?;
    ensure!(
        slave(&router, "eth2")?["priority"] == 9_600,
        "{}",
        slave(&router, "eth2")?
    );
    router.ok("eql_tune eql --max-slaves 1")?;
    ensure!(
        status(&router)?["slaves"].as_array().map(Vec::len) == Some(3),
        "lowering the limit released slaves: {}",
        status(&router)?
    );
    Ok(())
}

fn command_lines() -> Result {
    let router = Router::new(&crate::wanbox())?;
    for (line, code, words) in [
        ("eqld", 2, ""),
        ("eqld a-name-of-16-oct", 2, "longer than 15 characters"),
        ("eqld a/b", 2, "a/b"),
        ("eqld eql --scheduler best", 2, "'best' is no scheduler"),
        ("eqld eql --order all", 2, "'all' is no order"),
        ("eqld eql --mtu 67", 2, "68 to 65535"),
        ("eqld eql --max-slaves 65", 2, "1 to 64"),
        ("eqld eql --max-slaves -1", 2, "-1"),
        ("eqld eql --overhead much", 2, "'much' is no overhead"),
        ("eqld eql --queue 0s", 2, "1 to 60000"),
        ("eqld eql --queue-packets 1", 2, "2 to 65536"),
        ("eqld eql eql1", 2, "eql1"),
        ("eqld lo", 1, "lo: an interface of this name exists already"),
    ] {
        let finished = router.run(line)?;
        ensure!(finished.code == code, "{line}: {finished:?}");
        ensure!(
            !finished.stderr.is_empty() && finished.stderr.contains(words),
            "{line}: {finished:?}"
        );
    }
    let left = std::fs::read_dir(router.path("/run/wanbox"))?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("eql"))
        .count();
    ensure!(left == 0, "{left} files were left behind");
    Ok(())
}
