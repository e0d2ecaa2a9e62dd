//! `nsctl` beside Debian's: the same octets sent, the same words said, and each with the other's
//! server.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use wanbox_rig::debian::NEEDED;
use wanbox_rig::run::finish;
use wanbox_rig::{
    Debian, Error, Finished, Need, Netns, Result, Router, Running, ensure, need, uninterrupted,
    wait_for,
};

use crate::{test, wanbox};

/// The package l2tpns has both.
const NEEDS: &[Need] = &[
    Need::Namespaces,
    Need::Root,
    Need::Tun,
    Need::Tool("ip"),
    Need::Tool("l2tpns"),
    Need::Tool("nsctl"),
];

const LIMIT: Duration = Duration::from_secs(60);

pub fn tests() -> Vec<Trial> {
    vec![
        test("nsctl::says_what_debians_says", NEEDS, || {
            let netns = Netns::new()?;
            netns.ip("link set lo up")?;
            netns.inside(says_the_same)
        }),
        test("nsctl::asks_debians_l2tpns", NEEDS, asks_debians),
        test(
            "nsctl::is_asked_as_debians_l2tpns_is",
            NEEDS,
            asked_by_debians,
        ),
    ]
}

/// Debian's client, and ours.
fn clients() -> Result<[Command; 2]> {
    let theirs = need::find_tool("nsctl").ok_or_else(|| Error::new("no nsctl"))?;
    let mut ours = Command::new(wanbox());
    ours.arg("nsctl");
    Ok([Command::new(theirs), ours])
}

/// What a client said to a server that sends this answer, and what it sent.
fn ask(client: &mut Command, words: &[&str], answer: &[u8]) -> Result<(Finished, Vec<u8>)> {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    server.set_read_timeout(Some(LIMIT))?;
    let host = server.local_addr()?.to_string();
    client.args(["-h", &host, "-t", "5"]).args(words);
    std::thread::scope(|scope| {
        let served = scope.spawn(|| -> Result<Vec<u8>> {
            let mut request = vec![0; 9000];
            let (length, from) = uninterrupted(|| server.recv_from(&mut request))?;
            request.truncate(length);
            server.send_to(answer, from)?;
            Ok(request)
        });
        let finished = finish(client, LIMIT)?;
        let request = served
            .join()
            .map_err(|_| Error::new("the server of the test failed"))??;
        Ok((finished, request))
    })
}

/// One request and answer through both clients.
fn says_the_same() -> Result {
    let long = "x".repeat(255);
    let cases: &[(&[&str], &[u8])] = &[
        (&["help"], b"\x90\x13\x21\x00\xff"),
        (&["help"], b"\x90\x13\x21\x02\x06  drop\x06  kill\xff"),
        (&["load_plugin", "garden"], b"\x90\x13\x21\x00\xff"),
        (&["load_plugin"], b"\x90\x13\x22\x02\x01a\x00\xff"),
        (
            &["unload_plugin", "garden", "more"],
            b"\x90\x13\x21\x00\xff",
        ),
        (
            &["drop", "joe.user", "-d", "a reason"],
            b"\x90\x13\x22\x01\x11session not found\xff",
        ),
        (
            &["-d", "drop", "\"", ""],
            b"\x90\x13\x21\x02\x01a\x02b\n\xff",
        ),
        (&["-d", "help"], b"\x90\x13\x21\x00\xff"),
        (&["foo", &long], b"\x90\x13\x21\x01\x03\xff\x80\x01\xff"),
        (&["foo"], b"\x90\x13\x21"),
        (&["foo"], b"\x90\x13\x21\x00"),
        (&["foo"], b"\x90\x13\x21\x01\x05ABC\xff"),
        (&["foo"], b"\x90\x13\x21\x00\xff\x00"),
        (&["foo"], b"\x90\x14\x21\x00\xff"),
        (&["foo"], b"\x90\x13\x99\x00\xff"),
    ];
    for (words, answer) in cases {
        let [mut theirs, mut ours] = clients()?;
        let (theirs, wanted) = ask(&mut theirs, words, answer)?;
        let (ours, sent) = ask(&mut ours, words, answer)?;
        ensure!(sent == wanted, "{words:?}: sent {sent:x?}, not {wanted:x?}");
        same(words, &theirs, &ours)?;
    }
    // Nobody answers: nothing listens, or the time is over.
    for words in [
        &["-h", "127.0.0.1:1", "help"][..],
        &["-h", "127.0.0.1:x", "help"],
        &["-h", "127.0.0.1:0", "help"],
        &["-h", "nowhere.invalid", "foo"],
        &[],
    ] {
        let [mut theirs, mut ours] = clients()?;
        let theirs = finish(theirs.args(words), LIMIT)?;
        let mut ours = finish(ours.args(words), LIMIT)?;
        if words.is_empty() {
            // Ours says first what is wrong.
            ours.stderr = ours
                .stderr
                .lines()
                .skip(1)
                .map(|l| format!("{l}\n"))
                .collect();
        }
        same(words, &theirs, &ours)?;
    }
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let host = silent.local_addr()?.to_string();
    let [mut theirs, mut ours] = clients()?;
    let words = ["-h", &host, "-t", "1", "foo"];
    same(
        &words,
        &finish(theirs.args(words), LIMIT)?,
        &finish(ours.args(words), LIMIT)?,
    )
}

fn same(words: &[&str], theirs: &Finished, ours: &Finished) -> Result {
    for (what, ours, theirs) in [
        ("stdout", &ours.stdout, &theirs.stdout),
        ("stderr", &ours.stderr, &theirs.stderr),
    ] {
        ensure!(ours == theirs, "{words:?}: {what} {ours:?}, not {theirs:?}");
    }
    ensure!(
        ours.code == theirs.code,
        "{words:?}: ended with {}, not {}",
        ours.code,
        theirs.code
    );
    Ok(())
}

/// Debian's l2tpns, with sessionctl.
fn debians() -> Result<Debian> {
    let debian = Debian::alone(&format!("set bind_address 10.9.0.1\n{NEEDED}"))?;
    let [mut client, _] = clients()?;
    ask_of(&debian, &mut client, &["load_plugin", "sessionctl"])?.ok()?;
    Ok(debian)
}

fn ask_of(server: &Debian, client: &mut Command, words: &[&str]) -> Result<Finished> {
    server.netns.finish(client.args(words), LIMIT)
}

/// Requests that leave a server as it was, once sessionctl, snoopctl and throttlectl are loaded.
const REQUESTS: &[&[&str]] = &[
    &["help"],
    &["load_plugin"],
    &["load_plugin", "sessionctl"],
    &["load_plugin", "no-such-plugin"],
    &["load_plugin", "/etc/passwd"],
    &["unload_plugin"],
    &["unload_plugin", "autosnoop"],
    &["unload_plugin", "no-such-plugin"],
    &["drop"],
    &["drop", "nobody"],
    &["drop", "nobody", "reason", "more"],
    &["kill", "7"],
    &["kill", "99999999"],
    &["kill", "7", "reason", "more"],
    &["snoop"],
    &["snoop", "nobody", "1.2.3", "9"],
    &["snoop", "nobody", "10.0.0.1", "0"],
    &["snoop", "nobody", "10.0.0.1", "9"],
    &["snoop", "nobody", "10.0.0.1", "9", "more"],
    &["unsnoop"],
    &["unsnoop", "nobody"],
    &["throttle"],
    &["throttle", "nobody", "x"],
    &["throttle", "nobody", "in", "5", "out", "6"],
    &["throttle", "nobody", "in", "5", "out", "6", "7"],
    &["throttle", "nobody"],
    &["unthrottle"],
    &["unthrottle", "nobody", "x"],
    &["garden", "nobody"],
    &["Drop", "nobody"],
    &["-d", "frobnicate", "a"],
    &[""],
];

/// Both clients ask Debian's server, and are answered alike.
fn asks_debians() -> Result {
    let server = debians()?;
    let load = |which: usize, plugin: &str| -> Result {
        let mut clients = clients()?;
        ask_of(&server, &mut clients[which], &["load_plugin", plugin])?.ok()?;
        Ok(())
    };
    load(0, "snoopctl")?;
    load(1, "throttlectl")?;
    converse(
        REQUESTS,
        |client, words| ask_of(&server, client, words),
        None,
    )?;
    let [_, mut ours] = clients()?;
    let help = ask_of(&server, &mut ours, &["help"])?.ok()?;
    ensure!(
        help.contains("  drop USER|SID [REASON]"),
        "the commands of the plugins are not listed:\n{help}"
    );
    Ok(())
}

/// How a client asks a server.
type Asking<'a> = dyn Fn(&mut Command, &[&str]) -> Result<Finished> + 'a;

/// Asks both clients; they say the same, and, if another server is given, what it says too.
fn converse(
    requests: &[&[&str]],
    ask: impl Fn(&mut Command, &[&str]) -> Result<Finished>,
    other: Option<&Asking<'_>>,
) -> Result {
    for words in requests {
        let [mut theirs, mut ours] = clients()?;
        let theirs = ask(&mut theirs, words)?;
        let mut ours = ask(&mut ours, words)?;
        if words == &[""] {
            ours.stderr = ours
                .stderr
                .lines()
                .skip(1)
                .map(|l| format!("{l}\n"))
                .collect();
        }
        same(words, &theirs, &ours)?;
        if let Some(other) = other {
            let [mut client, _] = clients()?;
            same(words, &other(&mut client, words)?, &theirs)?;
        }
    }
    Ok(())
}

/// Both clients ask our server what they ask Debian's, and get the same answers.
fn asked_by_debians() -> Result {
    let debian = debians()?;
    let router = Router::new(&wanbox())?;
    router.netns.ip("link set lo up")?;
    router.write(
        "/etc/l2tpns/startup-config",
        "load plugin \"sessionctl\"\nload plugin \"snoopctl\"\nload plugin \"throttlectl\"\n\
         set cli_port 0\nset bind_address 127.0.0.1\n",
    )?;
    router.write("/etc/l2tpns/ip_pool", "10.10.10.0/29\n")?;
    let _daemon = Running::from(router.spawn("l2tpns")?);
    let ask = |client: &mut Command, words: &[&str]| router.netns.finish(client.args(words), LIMIT);
    wait_for("our l2tpns", LIMIT, || {
        let [mut client, _] = clients()?;
        ask(&mut client, &["help"])?.ok()?;
        Ok(Some(()))
    })?;
    for plugin in ["snoopctl", "throttlectl"] {
        let [mut client, _] = clients()?;
        ask_of(&debian, &mut client, &["load_plugin", plugin])?.ok()?;
    }
    converse(
        REQUESTS,
        ask,
        Some(&|client, words| ask_of(&debian, client, words)),
    )?;
    // Plugins come and go.
    for words in [["unload_plugin", "snoopctl"], ["load_plugin", "snoopctl"]] {
        let [mut client, _] = clients()?;
        ask(&mut client, &words)?.ok()?;
        let [mut client, _] = clients()?;
        ask_of(&debian, &mut client, &words)?.ok()?;
    }
    converse(
        &REQUESTS[..1],
        ask,
        Some(&|client, words| ask_of(&debian, client, words)),
    )
}
