//! The commands of eql where the kernel has no such driver: what they refuse, and what they are
//! to an eqld.

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::time::Duration;
use wanbox_rig::{Need, Result, Router, ensure, until};

use crate::{test, wanbox};

const NEEDS: &[Need] = &[Need::Namespaces, Need::Tun, Need::Tool("ip")];

pub fn tests() -> Vec<Trial> {
    vec![
        test("eql::without_a_master", NEEDS, without_a_master),
        test("eql::bad_input", NEEDS, bad_input),
        test("eql::no_eql_device", NEEDS, no_eql_device),
        test("eql::an_eqld_and_its_end", NEEDS, an_eqld),
    ]
}

/// A command ends with this code, says this, and prints nothing.
fn refused(router: &Router, code: i32, because: &str, line: &str) -> Result {
    let finished = router.run(line)?;
    ensure!(
        finished.code == code
            && finished.stderr.contains(because)
            && finished.stdout.is_empty()
            && !finished.stderr.contains("panicked"),
        "{code}, {because}: {finished:?}"
    );
    Ok(())
}

fn without_a_master() -> Result {
    let router = Router::new(&wanbox())?;
    let there = "eql: there is no such interface: load the kernel's driver (modprobe eql), or start \
                 a master in user space (eqld eql)";
    for line in [
        "eql_enslave eql lo 28800",
        "eql_emancipate eql lo",
        "eql_status eql",
        "eql_status --json eql",
        "eql_tune eql lo 28800",
        "eql_tune eql --max-slaves 2",
    ] {
        refused(&router, 3, there, line)?;
    }
    for line in ["eql_status", "eql_status --json"] {
        refused(&router, 3, "there is no master", line)?;
    }
    Ok(())
}

/// What is wrong with the words is said before anything is looked for.
fn bad_input() -> Result {
    let router = Router::new(&wanbox())?;
    let rate = "no rate of a line";
    let name = "is no name of an interface";
    for (because, line) in [
        (rate, "eql_enslave eql lo 0"),
        (rate, "eql_enslave eql lo -28800"),
        (rate, "eql_enslave eql lo fast"),
        (rate, "eql_enslave eql lo 28800,5"),
        (rate, "eql_enslave eql lo 99G"),
        (
            rate,
            "eql_enslave eql lo 340282366920938463463374607431768211456",
        ),
        (rate, "eql_tune eql lo 0"),
        (rate, "eql_tune eql lo -1"),
        (name, "eql_enslave sixteen-octets-x lo 28800"),
        (name, "eql_enslave a/b lo 28800"),
        (name, "eql_enslave .. lo 28800"),
        (name, "eql_emancipate sixteen-octets-x lo"),
        (name, "eql_status sixteen-octets-x"),
        (name, "eql_tune sixteen-octets-x lo 28800"),
        ("try 'eql_enslave --help'", "eql_enslave"),
        ("try 'eql_enslave --help'", "eql_enslave eql lo"),
        ("try 'eql_enslave --help'", "eql_enslave eql lo 28800 14400"),
        ("--via", "eql_enslave --via nowhere eql lo 28800"),
        ("try 'eql_emancipate --help'", "eql_emancipate eql"),
        ("try 'eql_emancipate --help'", "eql_emancipate eql lo lo"),
        ("try 'eql_status --help'", "eql_status eql lo"),
        ("nothing to change", "eql_tune eql"),
        ("the rate of the slave is missing", "eql_tune eql lo"),
        (
            "too many words: 'more words'",
            "eql_tune eql lo 9600 more words",
        ),
        ("one at a time", "eql_tune eql lo 9600 --max-slaves 2"),
        ("--max-slaves", "eql_tune eql --max-slaves -1"),
        ("--min-slaves", "eql_tune eql --min-slaves 1.5"),
        ("unknown option", "eql_tune eql --most 5"),
    ] {
        refused(&router, 2, because, line)?;
    }
    Ok(())
}

/// Interfaces of every other kind are no masters, and the driver's calls are not tried on them.
fn no_eql_device() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("tuntap add dev tun0 mode tun")?;
    router.netns.ip("link add v0 type veth peer name v1")?;
    router.netns.ip("link add br0 type bridge")?;
    for name in ["lo", "tun0", "v0", "br0"] {
        let because =
            format!("{name} is no master: name an eql device, or start one (eqld {name})");
        for line in [
            format!("eql_enslave {name} v1 28800"),
            format!("eql_enslave {name} {name} 28800"),
            format!("eql_emancipate {name} v1"),
            format!("eql_status {name}"),
            format!("eql_tune {name} v1 28800"),
            format!("eql_tune {name} --max-slaves 2"),
        ] {
            refused(&router, 3, &because, &line)?;
        }
    }
    refused(&router, 3, "there is no master", "eql_status")
}

/// The same commands at an eqld, and what they say when it is killed.
fn an_eqld() -> Result {
    let router = Router::new(&wanbox())?;
    router.netns.ip("link add v0 type veth peer name v1")?;
    router.netns.ip("link set v0 up")?;
    router.netns.ip("link set v1 up")?;
    router.netns.ip("addr add 10.9.0.1/24 dev v0")?;
    router.ok("eqld eql --mtu 1500")?;
    router.netns.ip("link set eql up")?;
    let status =
        || -> Result<Value> { Ok(serde_json::from_str(&router.ok("eql_status --json eql")?)?) };

    let said = router.ok("eql_enslave --sticky --via 10.9.0.2 eql v0 64k")?;
    ensure!(said.is_empty(), "{said}");
    let slave = status()?["slaves"][0].clone();
    ensure!(
        slave["name"] == "v0"
            && slave["rate"] == json!({ "fixed": 64_000 })
            && slave["sticky"] == true
            && slave["next_hop"] == "10.9.0.2",
        "{slave}"
    );
    let text = router.ok("eql_status")?;
    for part in [
        "eql: eqld (process ",
        "1 of 4 slaves",
        "v0 ",
        "sticky, via 10.9.0.2",
    ] {
        ensure!(text.contains(part), "{part:?} is missing: {text}");
    }
    let all: Value = serde_json::from_str(&router.ok("eql_status --json")?)?;
    ensure!(
        all[0]["master"] == "eql" && all[0]["driver"] == "eqld",
        "{all}"
    );

    let tuned: Value = serde_json::from_str(&router.ok("eql_tune --json eql v0 auto")?)?;
    ensure!(tuned["slaves"][0]["rate"] == "auto", "{tuned}");
    router.ok("eql_tune eql --max-slaves 2")?;
    ensure!(status()?["max_slaves"] == 2, "{}", status()?);
    let before = status()?;
    for (code, because, line) in [
        (2, "0 bit/s is no rate of a line", "eql_tune eql v0 0"),
        (2, "a limit of 65 slaves", "eql_tune eql --max-slaves 65"),
        (
            2,
            "--min-slaves is for the kernel's driver",
            "eql_tune eql --min-slaves 1",
        ),
        (3, "v1 is no slave of eql", "eql_tune eql v1 9600"),
        (3, "v1 is no slave of eql", "eql_emancipate eql v1"),
        (
            3,
            "nosuch0: there is no such interface",
            "eql_enslave eql nosuch0 9600",
        ),
        (1, "eql can't be its own slave", "eql_enslave eql eql 9600"),
        (
            2,
            "'sixteen-octets-x' is no name",
            "eql_enslave eql sixteen-octets-x 9600",
        ),
    ] {
        refused(&router, code, because, line)?;
    }
    ensure!(status()? == before, "{before}\n{}", status()?);
    router.ok("eql_emancipate eql v0")?;
    ensure!(status()?["slaves"] == json!([]), "{}", status()?);

    router.signal("eqld-eql", Signal::SIGKILL)?;
    until("the end of the daemon", Duration::from_secs(60), || {
        Ok(router.run("eql_status eql")?.code != 0)
    })?;
    let gone = "eql: its eqld is gone: start it again (eqld eql)";
    for line in [
        "eql_enslave eql v0 9600",
        "eql_emancipate eql v0",
        "eql_tune eql v0 9600",
        "eql_tune eql --max-slaves 3",
        "eql_status eql",
    ] {
        refused(&router, 3, gone, line)?;
    }
    refused(&router, 3, "there is no master", "eql_status")?;
    router.ok("eqld eql --mtu 1500")?;
    router.ok("eql_status eql")?;
    Ok(())
}
